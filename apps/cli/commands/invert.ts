/** `undiffuse invert`: from pictures to the latents that decode to them, and to the noise that made those. */
import { type Command, Option } from 'commander'
import { expected, type Fit, type FloorProbes, openAutoencoderNetworks } from 'undiffuse'
import { nodeFiles, ortNode } from 'undiffuse/node'
import type { NetworkOptions } from '../diffusion.js'
import { invertPictures } from '../inversion.js'
import { addInversionOptions, floorOption, inversionHelp, refinersHelp } from '../inversion-options.js'
import { hasDenoiser, modelFolder } from '../networks.js'
import { invertToNoise } from '../noise-inversion.js'
import { integerAtLeast } from '../numbers.js'
import { defaultProfile, makeProfile, profileLines } from '../profiles.js'
import { promptOption, type Recipe } from '../recipe.js'
import { isTensorFile } from '../tensor-files.js'
import { runCommand, type Terminal } from '../terminal.js'

interface InvertOptions extends NetworkOptions, Recipe {
  readonly to?: 'latent' | 'noise'
  readonly decoder: string
  readonly inverter: string
  readonly refine?: string
  readonly floor?: FloorProbes
  readonly fit: Fit
  readonly chunk?: number
  readonly output?: string
  readonly report?: string
  readonly json: boolean
}

const help = `
Several pictures, or a folder of them, are frames of one size and are inverted together, \`--chunk\` at a time. A
.safetensors file with a \`latent\`, as \`undiffuse generate --save-latent\` writes it, is inverted to the noise as it is;
its prompt, guidance and solver are taken from the file where they are not said here.
What is found is written as .safetensors (\`latent\` and \`noise\`, count × channels × height × width, and what each is
exact given), with a sheet of pictures to look at, a chart of residuals and a report of all numbers beside it or in the
folder \`--report\`. To find the noise that made a picture, tell the prompt, guidance, solver and steps that made it.
\`--refine\` then looks for the noise that is most probable given the picture, which is worth it where the picture does not
tell everything, as under guidance. \`--floor\` says how well anybody could know it. Both say their cost before they start.
With \`--fit pad\` the right and bottom edges are repeated up to the next multiple of what the model takes; a picture
smaller than that is refused.

Examples:
  $ undiffuse invert photo.png -o photo.safetensors
  $ undiffuse invert photo.png --to latent -o photo.safetensors
  $ undiffuse invert ball.png --prompt "a red ball" --guidance 3 --solver ddim --steps 50
  $ undiffuse invert ball.png --prompt "a red ball" --guidance 3 --refine most-probable:rounds=4 --floor
  $ undiffuse invert latent.safetensors --inverter implicit:iteration=picard -o noise.safetensors
  $ undiffuse invert photo.png --to latent --decoder gradient-free:iterations=100 --precision 16 --report out
  $ undiffuse invert frames/ --to latent --chunk 4 -o video.safetensors --json`

/** The options that only lead on from the latent; said without effect, they are a mistake. */
const noiseOnly = ['prompt', 'negative', 'guidance', 'solver', 'steps', 'refine', 'floor'] as const

function checkLatentOptions(options: InvertOptions, sources: readonly string[]): void {
  const named = noiseOnly.find((name) => options[name] !== undefined)
  const wide = options.precision === '64' ? '`--precision 64`' : undefined
  const got = named ? `\`--${named}\`` : (wide ?? (sources.some(isTensorFile) ? 'a latent' : undefined))
  if (got === undefined) return
  const remedy = 'That is for `--to noise`, which needs a model with a unet.'
  throw expected('bad-option', 'pictures and a decoder inversion', '`--to latent`', got, remedy)
}

/** `--profile make`: measures the profile, which is then the one that is there. */
async function measureFirst(io: Terminal, { model, device }: InvertOptions): Promise<void> {
  const folder = await modelFolder(model)
  const networks = await openAutoencoderNetworks(nodeFiles, folder)
  const openRuntime = () => ortNode(device === undefined ? {} : { device })
  const { profile } = await makeProfile(io, networks, folder, openRuntime, defaultProfile)
  for (const line of profileLines(profile)) io.say(line)
}

const omitProfile = ({ profile: _, ...options }: InvertOptions): InvertOptions => options

export function addInvert(program: Command): void {
  const command = program
    .command('invert <source...>')
    .description('find the latent that decodes to a picture, and the noise that made it')
    .addOption(
      new Option('--to <what>', 'how far back (default: noise, where the model has a unet)').choices([
        'latent',
        'noise',
      ]),
    )
    .option(...promptOption)
  addInversionOptions(command)
    .option(
      '--refine <method:options>',
      'make the noise of a picture more probable once it is found, see below; minutes',
    )
    .addOption(floorOption())
    .option(
      '--chunk <n>',
      'pictures that are inverted at the same time (default: 8 to the latent, 4 to the noise)',
      integerAtLeast(1),
    )
    .option('-o, --output <file>', 'what is found, a .safetensors file (default: <picture>.safetensors here)')
    .option('--report <folder>', "where sheet, chart and report go (default: the output's folder)")
    .option('--json', 'print a machine-readable result', false)
    .addHelpText('after', inversionHelp(`${refinersHelp()}\n${help}`))
    .action((sources: readonly string[], options: InvertOptions) =>
      runCommand(options.json, async (io) => {
        if (options.profile === 'make') await measureFirst(io, options)
        const to = options.to ?? ((await hasDenoiser(options.model)) ? 'noise' : 'latent')
        const request = options.profile === 'make' ? omitProfile(options) : options
        if (to === 'noise') return await invertToNoise(io, sources, request)
        checkLatentOptions(options, sources)
        await invertPictures(io, sources, request)
      }),
    )
}
