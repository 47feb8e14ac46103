/**
 * `undiffuse bench pipeline`: what a whole text-to-image model costs at its size: memory to open, time and memory of one
 * guided evaluation, of one step of inversion, and what this package adds to the networks' own time. Random weights will do.
 */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import {
  autoencoderOf,
  counted,
  type DiffusionModel,
  type Inverter,
  latentShapeAt,
  median,
  promptedDenoiser,
  type Runtime,
  type RuntimeUsage,
  type Shape,
  type Signal,
  type Solver,
  type Steps,
  Task,
  takes,
  torchNoise,
} from 'undiffuse'
import { type Machine, machine } from '../shared/machine.js'
import { decimal, memoryText, textTable } from '../shared/text-table.js'

export interface PipelineOptions {
  readonly guidance: number
  /** Timed evaluations. */
  readonly repeats: number
  /** Its last step, the one into the image, is the one that is undone. */
  readonly solver: Solver
  readonly inverter: Inverter
  /** Side of the pictures in pixels; default: what the model was trained on. */
  readonly size?: number | undefined
  readonly signal?: Signal | undefined
}

/** A piece of work, the networks it needs opened within it or before. */
export interface PipelineRow {
  readonly work: string
  readonly seconds: number
  /** Inside network runs; opening is not. */
  readonly networkSeconds: number
  /** Largest resident memory of the process of the networks so far. */
  readonly peakMemoryBytes: number
}

export interface PipelineResult {
  readonly benchmark: 'pipeline'
  readonly model: string
  readonly machine: Machine
  readonly latentShape: Shape
  readonly guidance: number
  readonly weightBytes: number
  /** Peak of the networks' process and growth of this one, when every network is open and was run on the smallest latent. */
  readonly openedMemoryBytes: number
  /** The same over the weights. */
  readonly openedMemoryRatio: number
  readonly rows: readonly PipelineRow[]
  /** Median of the timed evaluations. */
  readonly secondsPerEvaluation: number
  /** Wall time of the timed work over that inside network runs, less one. */
  readonly overheadShare: number
  readonly inversionEvaluations: number
}

/** Bytes of the weights of a folder: its safetensors, GGUF and, in ONNX folders, what holds weights there. */
export async function weightBytesOf(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true })
  const weights = names.filter((name) => /\.(safetensors|gguf|onnx|onnx_data|onnx\.data)$/.test(name))
  const sizes = await Promise.all(weights.map(async (name) => (await stat(join(folder, name))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}

const prompt = 'a red house'

/** One piece of work after another, timed. */
function stopwatch(runtime: Runtime) {
  const rows: PipelineRow[] = []
  return {
    rows,
    async time<T>(work: string, act: () => Promise<T>): Promise<T> {
      const [before, start] = [await runtime.usage(), performance.now()]
      const result = await act()
      const [seconds, after] = [(performance.now() - start) / 1000, await runtime.usage()]
      const networkSeconds = after.networkSeconds - before.networkSeconds
      rows.push({ work, seconds, networkSeconds, peakMemoryBytes: after.peakMemoryBytes })
      return result
    },
  }
}

/**
 * Measures a model in two processes: one only opens all networks, on the smallest latent that the model takes; the other
 * works at full size.
 *
 * `open` gives the model on a runtime. Cost at Stable Diffusion 2.1's size on two cores: minutes, mostly evaluations.
 */
export async function* benchPipeline(
  folder: string,
  openRuntime: () => Runtime,
  open: (runtime: Runtime) => Promise<DiffusionModel>,
  options: PipelineOptions,
): Steps<PipelineResult> {
  const weightBytes = await weightBytesOf(folder)
  yield { stage: 'opening all networks', done: 0, total: 3 }
  const opened = await withModel(openRuntime, open, (runtime, model) => openedMemory(runtime, model, options))
  yield { stage: 'evaluations at full size', done: 1, total: 3 }
  const worked = await withModel(openRuntime, open, (runtime, model) => work(runtime, model, options))
  yield { stage: 'done', done: 3, total: 3 }
  return {
    benchmark: 'pipeline',
    machine: machine(),
    guidance: options.guidance,
    weightBytes,
    openedMemoryBytes: opened,
    openedMemoryRatio: opened / weightBytes,
    ...worked,
  }
}

async function withModel<T>(
  openRuntime: () => Runtime,
  open: (runtime: Runtime) => Promise<DiffusionModel>,
  act: (runtime: Runtime, model: DiffusionModel) => Promise<T>,
): Promise<T> {
  const runtime = openRuntime()
  try {
    const model = await open(runtime)
    try {
      return await act(runtime, model)
    } finally {
      await model.close()
    }
  } finally {
    await runtime.close()
  }
}

async function openedMemory(
  runtime: Runtime,
  model: DiffusionModel,
  { guidance, signal }: PipelineOptions,
): Promise<number> {
  const before = process.memoryUsage().rss
  const latent = torchNoise(0, smallestLatent(model))
  const { denoise } = await promptedDenoiser(model, { prompt, guidance }, signal)
  const schedule = model.schedule(latent.shape)
  await denoise(latent, schedule.level(schedule.noisiest))
  await autoencoderOf(model, signal).decode(latent)
  const { peakMemoryBytes }: RuntimeUsage = await runtime.usage()
  return peakMemoryBytes + Math.max(0, process.memoryUsage().rss - before)
}

/** The smallest square latent whose sides are a power of two. */
function smallestLatent(model: DiffusionModel): Shape {
  const [channels = 4, height = 64] = latentShapeAt(model)
  for (let side = 1; side < height; side *= 2) {
    if (takes(model.layout, [channels, side, side])) return [channels, side, side]
  }
  return latentShapeAt(model)
}

async function work(
  runtime: Runtime,
  plain: DiffusionModel,
  { guidance, repeats, solver, inverter, size, signal }: PipelineOptions,
) {
  const { time, rows } = stopwatch(runtime)
  const { model, counts } = counted(plain)
  const shape = latentShapeAt(model, size === undefined ? undefined : { height: size, width: size })
  const schedule = model.schedule(shape)
  const told = { prompt, guidance }
  const { denoise, pullback } = await time('prompt, networks opened', () => promptedDenoiser(model, told, signal))
  const noise = torchNoise(0, shape)
  const level = schedule.level(schedule.noisiest)
  await time('guided evaluation, network opened', () => denoise(noise, level))
  for (let n = 0; n < repeats; n++) await time('guided evaluation', () => denoise(noise, level))
  const grid = solver.grid(schedule).slice(-2)
  const { denoise: before = 0 } = counts()
  const diffusion = { grid, schedule, denoise, ...(pullback && { pullback }) }
  await time(
    'inversion step',
    async () => await new Task(inverter.invert({ index: 1, x: noise, memory: [] }, solver, diffusion)),
  )
  const inversionEvaluations = ((counts().denoise ?? 0) - before) / (guidance === 1 ? 1 : 2)
  await time('decode, network opened', () => autoencoderOf(model, signal).decode(noise))
  const timed = rows.filter((row) => row.work === 'guided evaluation' || row.work === 'inversion step')
  const total = (of: (row: PipelineRow) => number) => timed.reduce((sum, row) => sum + of(row), 0)
  return {
    model: model.name,
    latentShape: shape,
    rows,
    secondsPerEvaluation: median(rows.filter((row) => row.work === 'guided evaluation').map(({ seconds }) => seconds)),
    overheadShare: total(({ seconds }) => seconds) / total(({ networkSeconds }) => networkSeconds) - 1,
    inversionEvaluations,
  }
}

/** The result as a table and three sentences. */
export function pipelineText(result: PipelineResult): string {
  const { model, latentShape, guidance, weightBytes, openedMemoryBytes, openedMemoryRatio, rows } = result
  return [
    `${model}: latents of ${latentShape.join('×')}, guidance ${guidance}`,
    '',
    textTable(
      ['work', 'seconds', 'in networks', 'peak'],
      rows.map((row) => [
        row.work,
        decimal(row.seconds, 3),
        decimal(row.networkSeconds, 3),
        memoryText(row.peakMemoryBytes),
      ]),
    ),
    '',
    `Weights: ${memoryText(weightBytes)}. All networks open: ${memoryText(openedMemoryBytes)}, ${decimal(openedMemoryRatio, 2)} times the weights.`,
    `A guided evaluation: ${decimal(result.secondsPerEvaluation, 3)} s; the inversion step took ${decimal(result.inversionEvaluations, 0)} of them.`,
    `Wall time above the networks' own: ${decimal(100 * result.overheadShare, 2)} %.`,
  ].join('\n')
}
