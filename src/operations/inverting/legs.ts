/** There and back: to the noise and from that noise to the picture again, given the exact latent or the picture alone. */
import type { DecoderInverter } from '../../autoencoder/autoencoder.js'
import type { Signal, Steps } from '../../core/progress.js'
import type { Inverter } from '../../diffusion/diffusion.js'
import { nmseDb } from '../../math/nmse.js'
import type { Tensor } from '../../math/tensor.js'
import { type InversionSource, invert, type NoiseInversion } from '../../verbs/invert.js'
import { type Reconstruction, reconstruct } from '../../verbs/reconstruct.js'
import type { Sampled } from '../../verbs/sampling.js'
import type { Host, OperationModel } from '../host.js'
import { partOf } from '../operation.js'
import type { Sampling } from '../recipes/recipe.js'
import { timed, timedDecoder } from '../timed.js'

/** From a latent or a picture back to the noise, and from that noise to the picture again. */
export interface Leg {
  readonly given: 'latent' | 'picture'
  readonly inversion: NoiseInversion
  readonly again: Reconstruction
  /** Of finding the latent, of the whole way back with it, and of the way there again. */
  readonly seconds: { readonly decoder: number; readonly inversion: number; readonly again: number }
  /** Against the noise that the latent was made from; absent where nobody knows it. */
  readonly noiseNmseDb?: number
  readonly latentNmseDb?: number
}

/** How legs are walked. */
export interface Walk {
  readonly inverter: Inverter
  readonly decoder: DecoderInverter
  readonly host: Host
  readonly model: OperationModel
  readonly sampling: Sampling
  readonly signal: Signal | undefined
}

/** Back to the noise, and from that noise alone to the picture again. */
export async function* leg(
  { inverter, decoder: plain, host, model, sampling, signal }: Walk,
  given: Leg['given'],
  source: InversionSource,
  known: { readonly image: Tensor; readonly latent?: Tensor; readonly noise?: Tensor },
): Steps<Leg> {
  const options = { ...sampling, model, signal }
  const { decoder, seconds } = timedDecoder(plain, host)
  const inverting = invert(source, { ...options, decoder, inverter })
  const back = yield* timed(partOf(inverting, `${given} → noise`), host)
  const inversion = back.value
  const { image, latent = inversion.latent, noise } = known
  const remaking = reconstruct(inversion.noise, { ...options, reference: { image, latent } })
  const again = yield* timed(partOf(remaking, 'noise → picture'), host)
  return {
    given,
    inversion,
    again: again.value,
    seconds: { decoder: seconds(), inversion: back.seconds, again: again.seconds },
    ...(noise && { noiseNmseDb: nmseDb(inversion.noise, noise) }),
    ...(known.latent && { latentNmseDb: nmseDb(inversion.latent, known.latent) }),
  }
}

/** The latent as sampling left it, with the memory that solvers need to be undone exactly. */
export const cleanEnd = ({ states, latent }: Sampled): InversionSource => {
  const state = states.at(-1)!
  return state.memory.length > 0 ? { state } : { latent }
}
