/** Options that benchmarks share on the command line, and what they mean: model, runtime, finished cells. */
import { join } from 'node:path'
import { type Command, Option } from 'commander'
import { expected, type FloorProbes, type OpenDiffusionModel, openDiffusionModel, type Runtime } from 'undiffuse'
import { modelFolder, nodeFiles } from 'undiffuse/node'
import { type Cells, fileCells, noCells } from '../../measurements/shared/cells.js'
import { rareOptions } from './help.js'
import { integerAtLeast } from './numbers.js'
import { deviceOption, memoryLimitOption, type RuntimeOptions, runtimeOf } from './runtime-options.js'

export interface SharedOptions extends RuntimeOptions {
  readonly model?: string
  readonly out?: string
  readonly json: boolean
}

export const openRuntime = (options: RuntimeOptions) => () => runtimeOf(options)

/** Prompts or pictures that share network runs. */
export const chunkOption = (what: string, chunk: number): Option =>
  new Option('--chunk <n>', `${what} that share network runs`)
    .argParser(integerAtLeast(1))
    .default(chunk)
    .helpGroup(rareOptions)

export const share = (command: Command): Command =>
  command
    .option('--out <folder>', 'where numbers and charts go')
    .addOption(deviceOption())
    .addOption(memoryLimitOption())
    .option('--json', 'print a machine-readable result', false)

export interface ResumableOptions extends SharedOptions {
  readonly resume: boolean
}

export const resumable = (command: Command): Command =>
  command.option('--resume', 'take what an interrupted run finished from the folder of `--out`', false)

/** Where finished cells are kept: in the folder of `--out`. Throws `bad-option` for `--resume` without one. */
export async function cellsOf({ out, resume }: Pick<ResumableOptions, 'out' | 'resume'>): Promise<Cells> {
  if (out !== undefined) return await fileCells(join(out, 'cells'), { resume })
  if (!resume) return noCells
  throw expected('bad-option', '`--out <folder>`', '`--resume`', 'none', 'Finished cells are kept in that folder.')
}

/** Runs `body` with the model of the options, closed with its runtime. `steps` are those of its own solver. */
export async function withBenchModel<T>(
  options: SharedOptions,
  body: (model: OpenDiffusionModel, runtime: Runtime, folder: string) => Promise<T>,
  steps?: number,
): Promise<T> {
  const folder = await modelFolder(options.model)
  const runtime = openRuntime(options)()
  try {
    const model = await openDiffusionModel(nodeFiles, folder, runtime, steps === undefined ? {} : { steps })
    try {
      return await body(model, runtime, folder)
    } finally {
      await model.close()
    }
  } finally {
    await runtime.close()
  }
}

/** `--precision`, and what it says. 64 is for the denoising network alone. */
export const precisionOption = (): Option =>
  new Option('--precision <bits>', 'of the numbers that networks compute with; 64: the denoising network alone')
    .choices(['16', '32', '64'])
    .default('32')

const probesOf = (text: string): FloorProbes => (text === 'whole' ? text : integerAtLeast(2)(text))

/** `--probes`, where a floor is always taken. */
export const probesOption = (): Option =>
  new Option('--probes <n|whole>', 'random probes of each floor, or the whole Jacobian').argParser(probesOf).default(8)
