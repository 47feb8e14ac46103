/** `undiffuse invert`: from pictures to the latents that decode to them. */
import { type Command, Option } from 'commander'
import { decoderInverters, expected } from 'undiffuse'
import { defaultDecoder, type InversionRequest, invertPictures } from '../inversion.js'
import { describeMethods } from '../methods.js'
import { integerAtLeast } from '../numbers.js'
import { runCommand } from '../terminal.js'

interface InvertOptions extends InversionRequest {
  readonly to: string
  readonly json: boolean
}

const help = `
Several pictures, or a folder of them, are frames of one size and are inverted together, \`--chunk\` at a time.
The latent is written as .safetensors (\`latent\`, frames × channels × height × width), with a sheet of pictures to look
at and a report of all numbers beside it or in the folder \`--report\`.
With \`--fit pad\` the right and bottom edges are repeated up to the next multiple of what the model takes; a picture
smaller than one entry of the latent is refused.

Examples:
  $ undiffuse invert photo.png --to latent -o photo.safetensors
  $ undiffuse invert photo.png --decoder gradient-free:iterations=100 --precision 16 --report out
  $ undiffuse invert frames/ --chunk 4 -o video.safetensors --json`

export function addInvert(program: Command): void {
  program
    .command('invert <picture...>')
    .description('find the latent that decodes to a picture')
    .option('--to <what>', 'how far back: latent', 'latent')
    .option('--decoder <method:options>', 'how to invert the decoder, see below', defaultDecoder)
    .option('--model <id|folder>', 'a bundled model or a diffusers folder (default: the bundled one)')
    .addOption(
      new Option('--precision <bits>', 'of the numbers that networks compute with').choices(['16', '32']).default('32'),
    )
    .option('--device <name>', 'where networks run, see `undiffuse doctor` (default: cpu)')
    .option('--lean', 'spend time to save memory', false)
    .addOption(
      new Option('--fit <how>', 'pictures whose sides the model does not take')
        .choices(['refuse', 'pad', 'crop', 'resize'])
        .default('pad'),
    )
    .option('--chunk <n>', 'frames that are inverted at the same time (default: 8)', integerAtLeast(1))
    .option('-o, --output <file>', 'the latent, a .safetensors file (default: <picture>.safetensors here)')
    .option('--report <folder>', "where sheet and report go (default: the latent's folder)")
    .option('--json', 'print a machine-readable result', false)
    .addHelpText(
      'after',
      `${describeMethods('Decoder inversions (method:option=value,...):', decoderInverters)}\n${help}`,
    )
    .action((pictures: readonly string[], options: InvertOptions) =>
      runCommand(options.json, async (io) => {
        if (options.to !== 'latent') {
          const remedy =
            'The noise comes with the diffusion model, which this version does not have; use `--to latent`.'
          throw expected('unsupported', '`latent`', '`--to`', `\`${options.to}\``, remedy)
        }
        await invertPictures(io, pictures, options)
      }),
    )
}
