/** `undiffuse generate`: from a prompt and a seed to pictures. */
import type { Command } from 'commander'
import { addNetworkOptions } from '../diffusion.js'
import { type GenerationRequest, generatePictures } from '../generation.js'
import { integerAtLeast, pictureSize } from '../numbers.js'
import { addRecipeOptions, solverHelp } from '../recipe.js'
import { runCommand } from '../terminal.js'

interface GenerateOptions extends GenerationRequest {
  readonly json: boolean
}

const help = `
A seed gives the noise that PyTorch draws on a CPU: \`torch.randn(shape, generator=torch.Generator().manual_seed(seed))\`.
A noise file of \`undiffuse invert\` or \`--save-noise\` knows its prompt, guidance and solver; what is said here goes first.
Several pictures take the seeds that follow and come with a contact sheet.
A watermark is in the noise that the pictures are made from; \`--save-noise\` writes the marked noise, and says of which key.

Examples:
  $ undiffuse generate "a large red ball at the top, on blue stripes" --seed 7 -o ball.png
  $ undiffuse generate "a small green star at the top" --count 8 --guidance 5 --solver dpm-solver-2m --steps 20
  $ undiffuse generate "a small green star at the top" --save-noise n.safetensors --save-latent z.safetensors
  $ undiffuse generate --noise n.safetensors -o again.png
  $ undiffuse generate "a large red ball at the top" --watermark key.json --message c0de -o marked.png`

export function addGenerate(program: Command): void {
  const command = program
    .command('generate [prompt]')
    .description('make a picture of a prompt')
    .option('--seed <n>', 'of the noise (default: 0)', integerAtLeast(0))
    .option('--count <n>', 'pictures, of this seed and the ones after it', integerAtLeast(1), 1)
    .option(
      '--size <pixels>',
      'side, or width x height, of the picture (default: as the model was trained)',
      pictureSize,
    )
    .option('--noise <file>', 'start from the noise in a .safetensors file')
    .option('--watermark <key.json>', 'mark the noise with a key of `undiffuse watermark keygen`')
    .option('--member <n>', 'which mark of a family of keys (default: 0)', integerAtLeast(0))
    .option('--message <hex>', 'what the mark carries, where it has room')
  addNetworkOptions(addRecipeOptions(command))
    .option('-o, --output <file>', 'the picture, a .png file', 'generated.png')
    .option('--save-noise <file>', 'the noise, a .safetensors file')
    .option('--save-latent <file>', 'the latent that the picture is decoded from, a .safetensors file')
    .option('--json', 'print a machine-readable result', false)
    .addHelpText('after', `${solverHelp()}\n${help}`)
    .action((prompt: string | undefined, options: GenerateOptions) =>
      runCommand(options.json, (io) => generatePictures(io, { ...options, ...(prompt !== undefined && { prompt }) })),
    )
}
