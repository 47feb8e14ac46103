/** Many pictures of one size, frames of a video say: inverted independently, run through the networks together. */
import { expected } from '../core/errors.js'
import type { Progress, Signal, Steps } from '../core/progress.js'
import type { Solution } from '../iterations/solve.js'
import type { Tensor } from '../math/tensor.js'
import type { BatchedAutoencoder, DecoderInverter } from './autoencoder.js'
import { coalesce } from './coalesce.js'

export interface FrameOptions {
  /** Frames that are inverted at the same time: memory grows with it, time shrinks little on a CPU. Default 8. */
  readonly chunk?: number
  readonly signal?: Signal | undefined
}

/**
 * Inverts frames in chunks; the frames of a chunk share every network run.
 *
 * Each frame gets the solution that it gets alone, up to what a network's batch changes in rounding: own start, own
 * history, own outcome. A frame that has finished leaves its chunk, whose later runs are smaller. Cost: for each chunk as
 * many batched runs as its slowest frame takes alone. Memory: one chunk's batch. Progress counts evaluations of all
 * frames; its residual is the largest in the chunk. Errors: `bad-option` for a chunk below 1; the first error of any frame
 * stops all.
 *
 * @example
 * const solutions = await new Task(invertFrames(frames, accelerated(), autoencoder.batched, { chunk: 4 }))
 */
export async function* invertFrames(
  images: readonly Tensor[],
  inverter: DecoderInverter,
  autoencoder: BatchedAutoencoder,
  { chunk = 8, signal }: FrameOptions = {},
): Steps<readonly Solution[]> {
  if (!Number.isInteger(chunk) || chunk < 1) {
    throw expected('bad-option', 'an integer, at least 1', '`chunk`', `${chunk}`, 'The default is 8.')
  }
  const solutions: Solution[] = []
  while (solutions.length < images.length) {
    const frames = images.slice(solutions.length, solutions.length + chunk)
    const position = { before: solutions.length, all: images.length }
    solutions.push(...(yield* invertTogether(frames, inverter, autoencoder, position, signal)))
  }
  return solutions
}

interface Position {
  readonly before: number
  readonly all: number
}

async function* invertTogether(
  images: readonly Tensor[],
  inverter: DecoderInverter,
  batched: BatchedAutoencoder,
  position: Position,
  signal: Signal | undefined,
): Steps<readonly Solution[]> {
  const { autoencoders, leave, close } = coalesce(batched, images.length)
  const runs = images.map((image, frame) => inverter.invert(image, autoencoders[frame]!, signal))
  const solutions = new Map<number, Solution>()
  const latest = new Map<number, Progress>()
  const underWay = new Map<number, Promise<{ frame: number; step: IteratorResult<Progress, Solution> }>>()
  const advance = (frame: number) => {
    const next = runs[frame]!.next().then((step) => ({ frame, step }))
    // A frame may fail while the reader of progress is busy: it is heard in the race below.
    next.catch(() => {})
    underWay.set(frame, next)
  }
  try {
    for (const frame of runs.keys()) advance(frame)
    while (underWay.size > 0) {
      const { frame, step } = await Promise.race(underWay.values())
      if (step.done) {
        underWay.delete(frame)
        solutions.set(frame, step.value)
        leave(frame)
      } else {
        advance(frame)
        latest.set(frame, step.value)
        yield together(step.value, latest, solutions, position)
      }
    }
    return images.map((_, frame) => solutions.get(frame)!)
  } finally {
    close(new Error('Another frame failed, or the work was left.'))
    await Promise.allSettled(underWay.values())
    await Promise.allSettled(runs.map((run) => run.return(undefined as never)))
  }
}

/** Over all frames; one that has finished counts with its whole budget. */
function together(
  { stage, total: each = 1 }: Progress,
  latest: ReadonlyMap<number, Progress>,
  solutions: ReadonlyMap<number, Solution>,
  { before, all }: Position,
): Progress {
  const frames = [...latest]
  const evaluations = frames.map(([frame, { done }]) => (solutions.has(frame) ? each : done))
  const done = before * each + evaluations.reduce((sum, count) => sum + count, 0)
  const residual = Math.max(...frames.map(([, progress]) => progress.residual ?? 0))
  return { stage, done, total: all * each, residual }
}
