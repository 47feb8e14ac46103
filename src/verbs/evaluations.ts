/** What a verb cost, in network evaluations. */
import type { Counts } from '../model/counted.js'

/** Of an autoencoder. A round trip is E∘D, a pullback D and its gradient. */
export interface Evaluations {
  readonly encodes: number
  readonly decodes: number
  readonly roundTrips: number
  readonly pullbacks: number
}

/** Of the denoiser: guidance counts two. A pullback is an evaluation and its gradient, a pushforward one and a tangent. */
export interface DenoiserEvaluations {
  readonly denoises: number
  readonly pullbacks: number
  /** Absent where there are none. */
  readonly pushforwards?: number
}

export interface VerbEvaluations extends DenoiserEvaluations {
  readonly autoencoder: Evaluations
}

/** The part of the autoencoder. */
export const autoencoderEvaluations = ({
  encode = 0,
  decode = 0,
  roundTrip = 0,
  decodeGradient = 0,
}: Counts): Evaluations => ({
  encodes: encode,
  decodes: decode,
  roundTrips: roundTrip,
  pullbacks: decodeGradient,
})

/** The part of the denoiser; a question about attention is an evaluation. */
export const denoiserEvaluations = ({
  denoise = 0,
  looks = 0,
  pullback = 0,
  pushforward = 0,
}: Counts): DenoiserEvaluations => ({
  denoises: denoise + looks,
  pullbacks: pullback,
  ...(pushforward > 0 && { pushforwards: pushforward }),
})

export const verbEvaluations = (counts: Counts): VerbEvaluations => ({
  ...denoiserEvaluations(counts),
  autoencoder: autoencoderEvaluations(counts),
})
