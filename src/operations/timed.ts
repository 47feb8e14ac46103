/** How long work takes, by the host's clock: the library below has none. */
import type { DecoderInverter } from '../autoencoder/autoencoder.js'
import type { Steps } from '../core/progress.js'
import type { Host } from './host.js'

type Clock = Pick<Host, 'now'>

export interface Timed<T> {
  readonly value: T
  /** From its first step to its end. What runs side by side shares network runs, and each counts all of them. */
  readonly seconds: number
}

/** The steps of some work, and its result with the seconds that it took. */
export async function* timed<T>(work: Steps<T>, { now }: Clock): Steps<Timed<T>> {
  const begin = now()
  const value = yield* work
  return { value, seconds: now() - begin }
}

/** A decoder inversion that is a part of larger work, and how long it took there. */
export interface TimedDecoder {
  readonly decoder: DecoderInverter
  /** 0 where it was not used. */
  seconds(): number
}

export function timedDecoder(decoder: DecoderInverter, { now }: Clock): TimedDecoder {
  let seconds = 0
  return {
    decoder: {
      ...decoder,
      async *invert(...given) {
        const begin = now()
        const solution = yield* decoder.invert(...given)
        seconds += now() - begin
        return solution
      },
    },
    seconds: () => seconds,
  }
}
