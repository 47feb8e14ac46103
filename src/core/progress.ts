/**
 * Long work yields Progress and returns its result; levels nest by `yield*`. Plain data: it goes unchanged through
 * postMessage, server-sent events and a progress bar.
 */
import type { Tensor } from '../math/tensor.js'

export interface Progress {
  readonly stage: string
  readonly done: number
  readonly total?: number
  readonly residual?: number
  readonly latent?: Tensor
  /** Of an edit, as soon as it is known: 1 × H × W, 1 where the picture may change. */
  readonly mask?: Tensor
}

/** `P` is what is told on the way, where that is more than progress. */
export type Steps<T, P extends Progress = Progress> = AsyncGenerator<P, T, void>

/** What algorithms need of an AbortSignal; the DOM's and Node's both fit. */
export interface Signal {
  readonly aborted: boolean
  readonly reason: unknown
  throwIfAborted(): void
}

/** Work of the processor in pieces: whoever runs it may show each, and hear what happened meanwhile. */
export type Pieces<T> = Generator<Progress, T, void>

/**
 * The result of all pieces, one after the other, without progress.
 *
 * @example allPieces(family.identifyInPieces(noise)).member // 1
 */
export function allPieces<T>(pieces: Pieces<T>): T {
  while (true) {
    const { done, value } = pieces.next()
    if (done) return value
  }
}
