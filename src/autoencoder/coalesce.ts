/** Several algorithms that each see an autoencoder of their own, run as batches of one. */
import { type Coalescer, coalescer } from '../core/coalesce.js'
import type { Tensor } from '../math/tensor.js'
import type { Autoencoder, BatchedAutoencoder } from './autoencoder.js'

export interface Coalesced extends Pick<Coalescer, 'leave' | 'close'> {
  /** One for each participant. */
  readonly autoencoders: readonly Autoencoder[]
}

/**
 * One autoencoder for each of several participants; what all of them have asked for runs as one batch of each kind. See
 * `coalescer` for when a batch runs.
 *
 * @example
 * const { autoencoders, leave } = coalesce(batched, 2)
 * await Promise.all(autoencoders.map((autoencoder, i) => autoencoder.encode(images[i])))   // one run of two pictures
 */
export function coalesce(batched: BatchedAutoencoder, participants: number): Coalesced {
  const { calls, leave, close } = coalescer(participants)
  const autoencoder = coalescedAutoencoder(batched, calls)
  return { autoencoders: Array.from({ length: participants }, (_, i) => autoencoder(i)), leave, close }
}

/** The autoencoder as each participant of a coalescer sees it. */
export function coalescedAutoencoder(
  batched: BatchedAutoencoder,
  calls: Coalescer['calls'],
): (participant: number) => Autoencoder {
  const encode = calls(batched.encode.bind(batched))
  const decode = calls(batched.decode.bind(batched))
  const roundTrip = calls(batched.roundTrip.bind(batched))
  const { pullback } = batched
  const pull =
    pullback &&
    calls((inputs: readonly (readonly [latent: Tensor, image: Tensor, scale: number])[], signal) =>
      pullback.call(
        batched,
        inputs.map(([latent]) => latent),
        inputs.map(([, image]) => image),
        signal,
        inputs.map(([, , scale]) => scale),
      ),
    )
  return (participant) => ({
    profile: batched.profile,
    latentShape: (shape) => batched.latentShape(shape),
    encode: encode(participant),
    decode: decode(participant),
    roundTrip: roundTrip(participant),
    ...(pull && { pullback: (latent, image, signal, scale = 1) => pull(participant)([latent, image, scale], signal) }),
  })
}
