/** `undiffuse bench autoencoders` and `generated`: decoder inversion on several autoencoders, and on generated pictures. */
import { type Command, Option } from 'commander'
import { autoencoderFingerprint, expected, openAutoencoderNetworks } from 'undiffuse'
import { modelFolder, nodeFiles } from 'undiffuse/node'
import {
  autoencodersText,
  benchAutoencoders,
  type Compared,
  type MeasuredAutoencoder,
} from '../../../measurements/decoder/autoencoders.js'
import { autoencodersPlot } from '../../../measurements/decoder/autoencoders-plot.js'
import { benchGenerated, generatedText } from '../../../measurements/decoder/generated.js'
import { type DrawnPictures, drawnPictures, readKnownPictures } from '../../../measurements/decoder/pictures.js'
import type { Cells } from '../../../measurements/shared/cells.js'
import {
  cellsOf,
  chunkOption,
  openRuntime,
  type ResumableOptions,
  resumable,
  share,
  withBenchModel,
} from '../bench-options.js'
import { explain } from '../help.js'
import { drive, jsonText, prepareFolder, writeResults } from '../measurements.js'
import { guidances, integerAtLeast } from '../numbers.js'
import { runCommand, type Terminal } from '../terminal.js'

interface AutoencodersOptions extends ResumableOptions {
  readonly models?: readonly string[]
  readonly pictures: readonly string[]
  readonly count: number
  readonly size: number
  readonly compared: Compared
  readonly watched: number
}

interface GeneratedOptions extends ResumableOptions {
  readonly guidances: readonly number[]
  readonly count: number
  readonly chunk: number
  readonly solver: string
}

const autoencodersHelp = {
  details: `
There is one table for each autoencoder. Its rows are the encoder alone, the papers' methods, the default without a
profile and with one, and with gradients where they pay. The profile is the one beside the weights, or is measured in the
same run. Columns: NMSE of the latent in dB, the error that the method itself expects, the gain over the encoder alone
(mean and least over pictures). Then pictures whose latent is worse than the encoder's, PSNR of the decoded latent,
network runs, median seconds for a picture, peak memory.

Pictures are drawn and encoded, or come from a folder: NAME.png with the tensor \`latent\` in NAME.safetensors. The chart
shows errors against round trips. Finished methods are kept in the folder of \`--out\`.`,
  examples: [
    'bench autoencoders --count 4 --out out/autoencoders',
    'bench autoencoders --models undiffuse-scenes models/taef2 --pictures scenes my/cases --out out/autoencoders',
  ],
}

const generatedHelp = {
  details: `
Pictures are generated from held-out captions and rounded to 8 bits; what is compared is the latent that they were decoded
from with what is found. Finished methods are kept in the folder of \`--out\`.`,
  examples: [
    'bench generated --out out/generated',
    'bench generated --model models/stable-diffusion-2-1 --guidances 7.5 --count 2',
  ],
}

const isDrawn = (source: string): source is DrawnPictures => drawnPictures.some((name) => name === source)

/** The autoencoder of a folder, and what it is measured with. */
async function benchOf(io: Terminal, model: string | undefined, options: ResumableOptions, cells: Cells) {
  const folder = await modelFolder(model)
  const networks = await openAutoencoderNetworks(nodeFiles, folder)
  const weights = await autoencoderFingerprint(nodeFiles, folder)
  return { networks, weights, openRuntime: openRuntime(options), cells, signal: io.signal }
}

async function runAutoencoders(io: Terminal, options: AutoencodersOptions): Promise<void> {
  const { models = [undefined], pictures, count, size, compared, watched } = options
  if (pictures.length !== 1 && pictures.length !== models.length) {
    const got = `${pictures.length} for ${models.length} models`
    throw expected('bad-option', 'one source, or one for each model', '`--pictures`', got, 'Name them in order.')
  }
  await prepareFolder(options.out)
  const cells = await cellsOf(options)
  const autoencoders: MeasuredAutoencoder[] = []
  for (const [i, model] of models.entries()) {
    const source = pictures[i] ?? pictures[0]!
    const problems = isDrawn(source) ? { count, size, drawn: source } : await readKnownPictures(source)
    autoencoders.push({ ...(await benchOf(io, model, options, cells)), problems })
  }
  const result = await drive(io, benchAutoencoders(autoencoders, { compared, watched }))
  const text = autoencodersText(result)
  io.say(text)
  await writeResults(io, options.out, async () => {
    const plot = await autoencodersPlot(result)
    return {
      'autoencoders.json': jsonText(result),
      'autoencoders.txt': `${text}\n`,
      ...(plot !== undefined && { 'autoencoders.svg': plot }),
    }
  })
  io.result(result)
}

async function runGenerated(io: Terminal, options: GeneratedOptions): Promise<void> {
  await prepareFolder(options.out)
  const cells = await cellsOf(options)
  await withBenchModel(options, async (model) => {
    const bench = await benchOf(io, options.model, options, cells)
    const result = await drive(io, benchGenerated(model, bench, options))
    const text = generatedText(result)
    io.say(text)
    await writeResults(io, options.out, async () => ({
      'generated.json': jsonText(result),
      'generated.txt': `${text}\n`,
    }))
    io.result(result)
  })
}

export function addAutoencoderBenches(bench: Command): void {
  resumable(
    share(
      explain(bench.command('autoencoders'), autoencodersHelp)
        .description('compare decoder inversions on several autoencoders')
        .option('--models <model...>', 'bundled models or diffusers folders (default: the bundled one)')
        .option(
          '--pictures <source...>',
          `${drawnPictures.join(', ')}, or a folder of known latents: one for each model, or one for all`,
          ['scenes'],
        )
        .option('--count <n>', 'pictures, where they are drawn', integerAtLeast(1), 6)
        .option('--size <pixels>', 'their side', integerAtLeast(1), 128)
        .addOption(
          new Option('--compared <whose>', 'whose methods beside the encoder').choices(['all', 'ours']).default('all'),
        )
        .option('--watched <n>', 'pictures of each model whose errors the chart shows', integerAtLeast(0), 4),
    ),
  ).action((options: AutoencodersOptions) => runCommand(options.json, (io) => runAutoencoders(io, options)))

  resumable(
    share(
      explain(bench.command('generated'), generatedHelp)
        .description('compare decoder inversions on pictures that a text-to-image model makes, by guidance')
        .option('--model <id|folder>', 'a text-to-image model (default: the bundled one)')
        .option('--guidances <w,w>', 'guidances', guidances, [1, 3, 7.5])
        .option('--count <n>', 'prompts: the first held-out captions', integerAtLeast(1), 8)
        .addOption(chunkOption('prompts', 4))
        .option('--solver <solver:options>', 'how pictures are made', 'ddim:steps=20,spacing=lambda'),
    ),
  ).action((options: GeneratedOptions) => runCommand(options.json, (io) => runGenerated(io, options)))
}
