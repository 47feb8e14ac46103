/** `undiffuse roundtrip`: noise → picture → noise and picture → noise → picture, and what is lost on the way. */
import { basename, extname } from 'node:path'
import type { Command } from 'commander'
import { expected, type Fit } from 'undiffuse'
import type { NetworkOptions } from '../diffusion.js'
import { addInversionOptions, inversionHelp } from '../inversion-options.js'
import { integerAtLeast, type PictureSize, pictureSize } from '../numbers.js'
import { promptOption, type Recipe, requiredPrompt } from '../recipe.js'
import { roundTrip } from '../round-trip.js'
import { runCommand } from '../terminal.js'

interface RoundTripOptions extends NetworkOptions, Recipe {
  readonly seed?: number
  readonly size?: PictureSize
  readonly decoder: string
  readonly inverter: string
  readonly fit: Fit
  readonly out: string
  readonly json: boolean
}

const help = `
With a prompt and a seed: makes the picture, then goes back from its exact latent, and from its 8-bit picture alone, and
samples again from the noise that was found. With a picture: back to the noise and again to the picture; then, since the
latent and noise of that one are known, from its latent. In the folder \`--out\`: both pictures, a sheet with error maps,
noise and latent, a chart of residuals and a report of all numbers.

Examples:
  $ undiffuse roundtrip --prompt "a small green star at the top, on yellow dots" --seed 7 --guidance 3
  $ undiffuse roundtrip photo.png --prompt "a small green star at the top" --guidance 1 --steps 20 --out out/photo`

function checkStart(picture: string | undefined, { prompt, seed, size }: RoundTripOptions): void {
  if (picture === undefined) {
    requiredPrompt(prompt, 'Pass a picture, or `--prompt` for one that is made.')
  } else if (seed !== undefined || size !== undefined) {
    const got = `${picture} and \`--${seed !== undefined ? 'seed' : 'size'}\``
    throw expected('bad-option', 'a picture or a seed', '`roundtrip`', got, 'Leave one of them out.')
  }
}

export function addRoundTrip(program: Command): void {
  const command = program
    .command('roundtrip [picture]')
    .description('there and back: how much of noise and picture survives')
    .option(...promptOption)
    .option('--seed <n>', 'of the noise (default: 0)', integerAtLeast(0))
    .option(
      '--size <pixels>',
      'side, or width x height, of the picture (default: as the model was trained)',
      pictureSize,
    )
  addInversionOptions(command)
    .option('--out <folder>', 'where pictures and report go', 'out')
    .option('--json', 'print a machine-readable result', false)
    .addHelpText('after', inversionHelp(help))
    .action((picture: string | undefined, options: RoundTripOptions) =>
      runCommand(options.json, async (io) => {
        checkStart(picture, options)
        const name = picture === undefined ? 'roundtrip' : basename(picture, extname(picture))
        await roundTrip(io, { ...options, name, ...(picture !== undefined && { picture }) })
      }),
    )
}
