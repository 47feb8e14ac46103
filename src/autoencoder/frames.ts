/** Many pictures of one size, frames of a video say: inverted independently, run through the networks together. */
import { expected } from '../core/errors.js'
import type { Signal, Steps } from '../core/progress.js'
import { type Position, together } from '../core/together.js'
import type { Solution } from '../iterations/parts/solve.js'
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

function invertTogether(
  images: readonly Tensor[],
  inverter: DecoderInverter,
  batched: BatchedAutoencoder,
  position: Position,
  signal: Signal | undefined,
): Steps<readonly Solution[]> {
  const { autoencoders, ...meeting } = coalesce(batched, images.length)
  const runs = images.map((image, frame) => inverter.invert(image, autoencoders[frame]!, signal))
  return together(runs, meeting, position)
}
