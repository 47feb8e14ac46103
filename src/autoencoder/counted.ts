/** Counts what an inversion asks of an autoencoder: the unit of cost in every report. */
import type { Autoencoder } from './autoencoder.js'

/** Network runs by kind. A round trip is E∘D, a pullback D and its gradient. */
export interface Evaluations {
  readonly encodes: number
  readonly decodes: number
  readonly roundTrips: number
  readonly pullbacks: number
}

/**
 * The same autoencoder, counting its runs.
 *
 * @example
 * const { autoencoder, evaluations } = counted(plain)
 * await autoencoder.encode(image)
 * evaluations().encodes // 1
 */
export function counted(plain: Autoencoder): { readonly autoencoder: Autoencoder; evaluations(): Evaluations } {
  const counts = { encodes: 0, decodes: 0, roundTrips: 0, pullbacks: 0 }
  const { pullback } = plain
  return {
    evaluations: () => ({ ...counts }),
    autoencoder: {
      profile: plain.profile,
      latentShape: (shape) => plain.latentShape(shape),
      encode(image, signal) {
        counts.encodes++
        return plain.encode(image, signal)
      },
      decode(latent, signal) {
        counts.decodes++
        return plain.decode(latent, signal)
      },
      roundTrip(latent, signal) {
        counts.roundTrips++
        return plain.roundTrip(latent, signal)
      },
      ...(pullback && {
        pullback: (...question) => {
          counts.pullbacks++
          return pullback.call(plain, ...question)
        },
      }),
    } satisfies Autoencoder,
  }
}
