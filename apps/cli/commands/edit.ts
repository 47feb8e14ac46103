/** `undiffuse edit`: a picture, what it shows and what it is to show, to the edited picture. */
import type { Command } from 'commander'
import { decoderInverters, edits } from 'undiffuse'
import { addNetworkOptions } from '../diffusion.js'
import { type EditRequest, editPicture } from '../editing.js'
import { addDecoderOptions } from '../inversion-options.js'
import { describeMethods } from '../methods.js'
import { integerAtLeast } from '../numbers.js'
import { addRecipeOptions, solverHelp } from '../recipe.js'
import { runCommand } from '../terminal.js'

interface EditOptions extends Omit<EditRequest, 'picture'> {
  readonly json: boolean
}

const help = `
What the picture is made from is found under \`--from\` and walked again under \`--to\`. Say of the picture what its model
would have been asked for; the solver need not be the one that made it. A mask is a picture of the same size, white where
the edit goes; black and transparent parts are outside. With a mask, every method keeps the latents outside. Without one,
exact-blending finds it, and the other methods may change everything. Latents that are kept still decode to slightly different pixels near the mask:
with \`--lock-background\` what is written has the picture's own pixels outside the mask, the seam inside it, and the
bound is checked in the file's bytes before it is written.

Beside the picture: a sheet of source, mask, edit and their difference × 8, and a report of all numbers.

Examples:
  $ undiffuse edit ball.png --from "a red ball on sand" --to "a red star on sand" -o star.png
  $ undiffuse edit ball.png --from "a red ball" --to "a blue ball" --mask mask.png --lock-background
  $ undiffuse edit photo.png --from "a cat" --to "a lion" --method bdia-round-trip:strength=0.7 --guidance 3
  $ undiffuse edit ball.png --from "a small ball" --to "a large ball" --method exact-blending:mask=difference --json`

export function addEdit(program: Command): void {
  const command = program
    .command('edit <picture>')
    .description('change what a picture shows, and leave the rest alone')
    .requiredOption('--from <text>', 'what the picture shows')
    .requiredOption('--to <text>', 'what it is to show')
    .option('--method <method:options>', 'how to edit, see below', edits[0].definition.id)
    .option('--mask <picture>', 'white where the edit goes, transparent is outside (default: what the method finds)')
    .option('--lock-background', 'keep the pixels outside the mask, to a bound that is checked', false)
    .option(
      '--background-bound <levels>',
      'of the lock: largest 8-bit difference outside (default: 0)',
      integerAtLeast(0),
    )
    .option('--feather <pixels>', 'of the lock: width of the seam, inside the mask (default: 8)', integerAtLeast(0))
  addDecoderOptions(addNetworkOptions(addRecipeOptions(command, 'ddim:spacing=lambda')))
    .option('-o, --output <file>', 'the edited picture, a .png file', 'edited.png')
    .option('--save-mask <file>', 'the mask that was used, a .png file')
    .option('--json', 'print a machine-readable result', false)
    .addHelpText(
      'after',
      [
        describeMethods('Methods (method:option=value,...):', edits),
        describeMethods('Decoder inversions:', decoderInverters),
        solverHelp(),
        help,
      ].join('\n'),
    )
    .action((picture: string, options: EditOptions) =>
      runCommand(options.json, (io) => editPicture(io, { ...options, picture })),
    )
}
