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
}

export type Steps<T> = AsyncGenerator<Progress, T, void>

/** What algorithms need of an AbortSignal; the DOM's and Node's both fit. */
export interface Signal {
  readonly aborted: boolean
  readonly reason: unknown
  throwIfAborted(): void
}
