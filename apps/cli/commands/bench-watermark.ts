/** `undiffuse bench watermark`: how sure marks in the noise are, what they survive, and what breaks them. */
import { join } from 'node:path'
import { type Command, Option } from 'commander'
import { type DiffusionModel, expected, openDiffusionModel, type Runtime } from 'undiffuse'
import { nodeFiles } from 'undiffuse/node'
import { type Cells, fileCells, folderVersion, noCells } from '../../../bench/cells.js'
import { benchNull } from '../../../bench/watermark-null.js'
import { nullText } from '../../../bench/watermark-null-text.js'
import { openRuntime, type SharedOptions, share } from '../bench-options.js'
import { drive, jsonText, prepareFolder, writeResults } from '../measurements.js'
import { modelFolder } from '../networks.js'
import { finiteNumber, integerAtLeast } from '../numbers.js'
import { runCommand, type Terminal } from '../terminal.js'

interface WatermarkBenchOptions extends SharedOptions {
  readonly table: keyof typeof tables
  readonly chunk: number
  readonly resume: boolean
  readonly solver: string
  readonly guidance: number
  readonly decoder: string
  readonly inverter: string
  readonly noises: number
  readonly pictures: number
  readonly calibration: number
}

/** What a table is measured with. */
interface Bench {
  readonly io: Terminal
  readonly model: DiffusionModel
  readonly runtime: Runtime
  readonly cells: Cells
  readonly modelVersion: string
}

async function runNull({ io, model, cells, modelVersion }: Bench, options: WatermarkBenchOptions): Promise<void> {
  const result = await drive(io, benchNull(model, { ...options, cells, modelVersion, signal: io.signal }))
  io.say(nullText(result))
  await writeResults(io, options.out, async () => ({
    'watermark-null.json': jsonText(result),
    'watermark-null.txt': `${nullText(result)}\n`,
  }))
  io.result(result)
}

const tables = {
  null: { run: runNull, title: 'false positives in white noise and unmarked pictures, against what p-values promise' },
} as const

async function runBench(io: Terminal, options: WatermarkBenchOptions): Promise<void> {
  await prepareFolder(options.out)
  const cells = await cellsOf(options)
  const folder = await modelFolder(options.model)
  const runtime = openRuntime(options)()
  try {
    const model = await openDiffusionModel(nodeFiles, folder, runtime)
    const modelVersion = await folderVersion(folder)
    await tables[options.table].run({ io, model, runtime, cells, modelVersion }, options)
  } finally {
    await runtime.close()
  }
}

async function cellsOf({ out, resume }: WatermarkBenchOptions): Promise<Cells> {
  if (out !== undefined) return await fileCells(join(out, 'cells'), { resume })
  if (!resume) return noCells
  throw expected('bad-option', '`--out <folder>`', '`--resume`', 'none', 'Finished cells are kept in that folder.')
}

const help = `
Tables:${Object.entries(tables)
  .map(([name, { title }]) => `\n  ${name.padEnd(14)}${title}`)
  .join('')}

Finished cells are kept in the folder of \`--out\`; \`--resume\` takes them from there.

Examples:
  $ undiffuse bench watermark --table null --out out/watermark
  $ undiffuse bench watermark --table null --noises 2000 --pictures 0`

export function addWatermarkBench(bench: Command): void {
  share(bench.command('watermark'))
    .description('false positives, power under attacks, identification and weaknesses of marks in the noise')
    .addOption(new Option('--table <name>', 'what to measure').choices(Object.keys(tables)).default('null'))
    .option('--model <id|folder>', 'a bundled model or a diffusers folder (default: the bundled one)')
    .option('--chunk <n>', 'pictures that share network runs', integerAtLeast(1), 8)
    .option('--resume', 'take what an interrupted run finished from the folder of `--out`', false)
    .option('--solver <method:options>', 'of making and of inverting', 'ddim:steps=20,spacing=lambda')
    .option('--guidance <n>', 'of making', finiteNumber, 3)
    .option('--decoder <method:options>', 'decoder inversion', 'accelerated')
    .option('--inverter <method:options>', 'inversion to the noise', 'naive')
    .option('--noises <n>', 'white noises of the null table', integerAtLeast(1), 20000)
    .option('--pictures <n>', 'unmarked pictures of the null table', integerAtLeast(0), 1000)
    .option('--calibration <n>', 'further unmarked pictures, to calibrate with', integerAtLeast(0), 1000)
    .addHelpText('after', help)
    .action((options: WatermarkBenchOptions) => runCommand(options.json, (io) => runBench(io, options)))
}
