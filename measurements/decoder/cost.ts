/**
 * `undiffuse bench cost`: time and memory of one iteration of decoder inversion, gradient-free (a round trip) against
 * gradient (a pullback), on a network of full size. Accuracy is decoder.ts; random weights are enough here.
 */
import {
  type AutoencoderNetworks,
  adam,
  map,
  median,
  norm,
  openAutoencoder,
  type Runtime,
  round8,
  type Signal,
  type Steps,
  subtract,
  type Tensor,
  torchNoise,
} from 'undiffuse'
import { type Machine, machine } from '../shared/machine.js'
import { decimal, memoryText, textTable } from '../shared/text-table.js'

/** `encode-decode`: the encoder and the decoder, each once, in runs of their own. */
export type CostMethod = 'encode-decode' | 'gradient-free' | 'gradient'
/** Session options: `lean` spends time to save memory, as `--lean` does. */
export type Settings = 'lean' | 'default'

export interface CostOptions {
  /** Side of the pictures in pixels. */
  readonly size: number
  /**
   * Numbers of pictures, each measured whole and in chunks. Of an autoencoder of clips: frames of one clip, 1 + 4k of them
   * where so many are not.
   */
  readonly pictures: readonly number[]
  /** Pictures in one network run where pictures are chunked; of clips, latent frames in one piece. */
  readonly chunk: number
  readonly settings: readonly Settings[]
  /** Timed iterations of one picture; fewer, at least two or as many as are asked for, for several pictures. */
  readonly repeats: number
  /** Bytes that a process may take now; configurations beyond are skipped. */
  availableMemory(): number
  readonly signal?: Signal | undefined
}

interface Configuration {
  readonly method: CostMethod
  readonly settings: Settings
  readonly pictures: number
  /** Pictures in one network run. */
  readonly chunk: number
}

/** An iteration of all pictures, with the arithmetic of Adam. */
export interface CostRow extends Configuration {
  /** Median. */
  readonly secondsPerIteration: number
  readonly iterations: number
  /** Processor time of an iteration, user and system: what a busy machine does not change. */
  readonly processorSecondsPerIteration: number | null
  /** Largest resident memory of the process that ran the networks. */
  readonly peakMemoryBytes: number
  /** What the library says before it runs: one and a half times the values that are alive at once, and the weights. */
  readonly estimatedMemoryBytes: number
  /** Share of the time that was not spent inside network runs. */
  readonly overheadShare: number
}

export interface SkippedRow extends Configuration {
  /** From rows of the same kind that were measured; without one, the estimate. */
  readonly predictedMemoryBytes: number
  readonly estimatedMemoryBytes: number
  readonly availableMemoryBytes: number
}

/** Gradient-free in given settings against the gradient in those of its settings that took the least memory. */
export interface CostComparison {
  readonly pictures: number
  readonly chunk: number
  readonly settings: Settings
  readonly gradientSettings: Settings
  readonly memorySavedShare: number
  readonly timeSavedShare: number
}

export interface CostResult {
  readonly benchmark: 'cost'
  readonly model: string
  /** What is counted. */
  readonly unit: 'pictures' | 'frames'
  readonly sizePixels: number
  readonly machine: Machine
  readonly rows: readonly CostRow[]
  readonly skipped: readonly SkippedRow[]
  readonly comparisons: readonly CostComparison[]
}

/** Cheap ones first, so that what dear ones would take is known before they are tried. */
function configurations(
  { frameDownscaling }: AutoencoderNetworks,
  { pictures, chunk, settings }: CostOptions,
): readonly Configuration[] {
  const step = frameDownscaling ?? 1
  const methods = ['encode-decode', 'gradient-free', 'gradient'] as const
  return [...new Set(pictures.map((count) => 1 + step * Math.ceil((count - 1) / step)))]
    .sort((a, b) => a - b)
    .flatMap((count) => {
      const whole = 1 + (count - 1) / step
      return [...new Set([Math.min(chunk, whole), whole])].map((size) => ({ pictures: count, chunk: size }))
    })
    .flatMap((shape) => settings.map((one) => ({ ...shape, settings: one })))
    .flatMap((shape) => methods.map((method) => ({ ...shape, method })))
}

/**
 * The peak of memory of a batch, from those of smaller batches: by a straight line through the two largest known, or in
 * proportion to the only one, which is too much by the weights. 0 when nothing is known.
 */
export function predictMemory(known: ReadonlyMap<number, number>, batch: number): number {
  const [first, second] = [...known].sort(([a], [b]) => b - a)
  if (!first) return 0
  const [size, bytes] = first
  if (!second) return bytes * Math.max(1, batch / size)
  const [smaller, fewer] = second
  return bytes + ((bytes - fewer) / (size - smaller)) * (batch - size)
}

const questions = {
  'encode-decode': ['decode', 'encode'],
  'gradient-free': ['roundTrip'],
  gradient: ['decodeGradient'],
} as const

/** What the library says that a configuration takes, and may take. */
function needOf(
  networks: AutoencoderNetworks,
  runtime: Runtime,
  { method, pictures, chunk }: Configuration,
  size: number,
): { readonly estimatedMemoryBytes: number; readonly allowedMemoryBytes: number } {
  const { imageChannels, inPieces } = networks
  const { layout, memoryFor } = openAutoencoder(inPieces?.(chunk) ?? networks, runtime)
  const latent = layout.latentShape([imageChannels, ...(inPieces ? [pictures] : []), size, size])
  const needs = questions[method].flatMap((kind) => memoryFor?.(kind, latent, inPieces ? 1 : chunk) ?? [])
  return {
    estimatedMemoryBytes: Math.max(0, ...needs.map(({ neededBytes }) => neededBytes)),
    allowedMemoryBytes: Math.min(Number.POSITIVE_INFINITY, ...needs.map(({ allowedBytes }) => allowedBytes)),
  }
}

const chunksOf = <T>(items: readonly T[], size: number): readonly (readonly T[])[] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size))

/** Network-like numbers of a picture: a smooth picture does not matter, finite ones do. */
const noisePicture = (seed: number, shape: readonly number[]): Tensor =>
  round8(map(torchNoise(seed, shape), (value) => 0.5 * value))

async function* measure(
  networks: AutoencoderNetworks,
  runtime: Runtime,
  { method, settings, pictures, chunk }: Configuration,
  { size, repeats, signal }: CostOptions,
): Steps<Omit<CostRow, keyof Configuration | 'estimatedMemoryBytes'>> {
  const { imageChannels, inPieces } = networks
  const model = openAutoencoder(inPieces?.(chunk) ?? networks, runtime, { lean: settings === 'lean' })
  const stage = `${method}, ${settings}, ${pictures} ${inPieces ? 'frames' : 'pictures'} by ${chunk}`
  const timed = Math.max(Math.min(2, repeats), Math.ceil(repeats / pictures))
  try {
    const images = inPieces
      ? [noisePicture(0, [imageChannels, pictures, size, size])]
      : Array.from({ length: pictures }, (_, i) => noisePicture(i, [imageChannels, size, size]))
    const together = inPieces ? 1 : chunk
    const targets: Tensor[] = []
    for (const part of chunksOf(images, together)) targets.push(...(await model.ask('encode', part, signal)))
    const updates = targets.map((target) => adam().start(target))
    const latents = [...targets]

    async function iterate(part: readonly number[]): Promise<void> {
      const now = part.map((i) => latents[i]!)
      if (method === 'encode-decode') {
        const decoded = await model.ask('decode', now, signal)
        await model.ask('encode', decoded, signal)
        return
      }
      const asks = part.map((i) => ({ latent: latents[i]!, reference: images[i]! }))
      const steps =
        method === 'gradient'
          ? (await model.ask('decodeGradient', asks, signal)).map((one) => ({ ...one, residual: one.gradient }))
          : (await model.ask('roundTrip', now, signal)).map((one, k) => ({
              ...one,
              residual: subtract(one.latent, targets[part[k]!]!),
            }))
      steps.forEach(({ image, residual }, k) => {
        const i = part[k]!
        latents[i] = updates[i]!(latents[i]!, residual, norm(subtract(image, images[i]!)))
      })
    }

    const parts = chunksOf([...latents.keys()], together)
    // Opens the network and touches its memory.
    await iterate(parts[0]!)
    yield { stage, done: 1, total: timed + 1 }
    const before = await runtime.usage()
    const seconds: number[] = []
    for (let n = 0; n < timed; n++) {
      const start = performance.now()
      for (const part of parts) await iterate(part)
      seconds.push((performance.now() - start) / 1000)
      yield { stage, done: n + 2, total: timed + 1 }
    }
    const after = await runtime.usage()
    const wall = seconds.reduce((sum, value) => sum + value, 0)
    return {
      secondsPerIteration: median(seconds),
      iterations: timed,
      processorSecondsPerIteration:
        after.processorSeconds === undefined ? null : (after.processorSeconds - (before.processorSeconds ?? 0)) / timed,
      peakMemoryBytes: after.peakMemoryBytes,
      overheadShare: 1 - (after.networkSeconds - before.networkSeconds) / wall,
    }
  } finally {
    await model.close()
  }
}

/** One comparison for each gradient-free row for which the gradient was measured with as many pictures and that chunk. */
export function compareCosts(rows: readonly CostRow[]): readonly CostComparison[] {
  return rows
    .filter(({ method }) => method === 'gradient-free')
    .flatMap((free) => {
      const [gradient] = rows
        .filter(
          ({ method, pictures, chunk }) => method === 'gradient' && pictures === free.pictures && chunk === free.chunk,
        )
        .sort((a, b) => a.peakMemoryBytes - b.peakMemoryBytes)
      if (!gradient) return []
      return [
        {
          pictures: free.pictures,
          chunk: free.chunk,
          settings: free.settings,
          gradientSettings: gradient.settings,
          memorySavedShare: 1 - free.peakMemoryBytes / gradient.peakMemoryBytes,
          timeSavedShare: 1 - free.secondsPerIteration / gradient.secondsPerIteration,
        },
      ]
    })
}

/**
 * Measures every configuration, each in a process of its own, from few pictures to many. A configuration that would
 * probably need more than nine tenths of the memory that is available, or more than a network may take, is skipped, with the
 * numbers.
 *
 * Cost: for Stable Diffusion's shape at 256 × 256 about 5 s for a round trip and 7 s for a pullback on two cores.
 */
export async function* benchCost(
  networks: AutoencoderNetworks,
  openRuntime: () => Runtime,
  options: CostOptions,
): Steps<CostResult> {
  const rows: CostRow[] = []
  const skipped: SkippedRow[] = []
  for (const configuration of configurations(networks, options)) {
    const { method, settings, chunk, pictures } = configuration
    const alike = rows.filter((row) => row.method === method && row.settings === settings)
    // Of a clip all frames are in one run, of pictures those of a chunk.
    const inRun = (row: Configuration) => (networks.inPieces ? row.pictures : row.chunk)
    const known = new Map(alike.map((row) => [inRun(row), row.peakMemoryBytes]))
    const availableMemoryBytes = options.availableMemory()
    const runtime = openRuntime()
    try {
      const { estimatedMemoryBytes, allowedMemoryBytes } = needOf(networks, runtime, configuration, options.size)
      const extrapolated = predictMemory(known, networks.inPieces ? pictures : chunk)
      const isTooLarge = extrapolated > 0.9 * availableMemoryBytes || estimatedMemoryBytes > allowedMemoryBytes
      if (isTooLarge) {
        const predictedMemoryBytes = extrapolated || estimatedMemoryBytes
        skipped.push({ ...configuration, predictedMemoryBytes, estimatedMemoryBytes, availableMemoryBytes })
      } else {
        const measured = yield* measure(networks, runtime, configuration, options)
        rows.push({ ...configuration, ...measured, estimatedMemoryBytes })
      }
    } finally {
      await runtime.close()
    }
  }
  return {
    benchmark: 'cost',
    model: networks.name,
    unit: networks.inPieces ? ('frames' as const) : ('pictures' as const),
    sizePixels: options.size,
    machine: machine(),
    rows,
    skipped,
    comparisons: compareCosts(rows),
  }
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`

/** The result as a table and what it comes to. */
export function costText({ model, unit, sizePixels, rows, skipped, comparisons }: CostResult): string {
  const table = textTable(
    [
      'method',
      'settings',
      unit,
      unit === 'frames' ? 'latent frames at once' : 'chunk',
      's / iteration',
      'CPU s',
      'peak',
      'estimate',
      'overhead',
    ],
    rows.map((row) => [
      row.method,
      row.settings,
      `${row.pictures}`,
      `${row.chunk}`,
      decimal(row.secondsPerIteration, 2),
      row.processorSecondsPerIteration === null ? '–' : decimal(row.processorSecondsPerIteration, 2),
      memoryText(row.peakMemoryBytes),
      memoryText(row.estimatedMemoryBytes),
      percent(row.overheadShare),
    ]),
  )
  const left = skipped.map(
    (row) =>
      `skipped: ${row.method}, ${row.settings}, ${row.pictures} ${unit} by ${row.chunk}: would take about ${memoryText(row.predictedMemoryBytes)} of the ${memoryText(row.availableMemoryBytes)} that are available`,
  )
  const said = comparisons.map(
    ({ pictures, chunk, settings, gradientSettings, memorySavedShare, timeSavedShare }) =>
      `${pictures} ${unit} by ${chunk}: gradient-free (${settings}) takes ${percent(memorySavedShare)} less memory and ${percent(timeSavedShare)} less time than the gradient (${gradientSettings})`,
  )
  return [`${model} at ${sizePixels}×${sizePixels}`, '', table, '', ...left, ...said].join('\n')
}
