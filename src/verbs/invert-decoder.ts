/**
 * From pictures to the latents that decode to them, with everything people ask about the result: how close, at what
 * cost, and how it ended. The methods are in src/autoencoder.
 */
import type { Autoencoder, BatchedAutoencoder, DecoderInverter, Why } from '../autoencoder/autoencoder.js'
import { counted, type Evaluations } from '../autoencoder/counted.js'
import { invertFrames } from '../autoencoder/frames.js'
import { expected } from '../core/errors.js'
import type { Signal, Steps } from '../core/progress.js'
import { Task } from '../core/task.js'
import type { Outcome } from '../iterations/parts/solve.js'
import { isFinite as isFiniteTensor, norm, subtract, type Tensor } from '../math/tensor.js'
import { psnrDb, round8 } from '../pictures/pixels.js'
import { remembering } from './remembering.js'

export interface LatentInversion {
  /** z, in model units. */
  readonly latent: Tensor
  /** D(z). */
  readonly picture: Tensor
  /** D(E(x)): what the encoder alone gives. */
  readonly encodedPicture: Tensor
  /** `given-image` when D(z), rounded to 8 bits, is the picture rounded to 8 bits; `no` otherwise. */
  readonly exact: 'given-image' | 'no'
  readonly outcome: Outcome
  /** Why this latent was returned, where the method says so. */
  readonly why?: Why
  /**
   * The error of the latent to expect, ‖z − z*‖²/‖z*‖² in dB, if a decoder made the picture: measured where the latent is known,
   * by a rehearsal or in the profile of the weights. Pixels alone do not tell it.
   */
  readonly expectedNmseDb?: number
  /** ‖D(z) − x‖ over all numbers of the picture, pixels in [−1, 1]: at E(x) and at the latent. */
  readonly residual: { readonly before: number; readonly after: number }
  /** Of D(E(x)) and of the picture, both rounded to 8 bits as a viewer sees them; Infinity when they are the same. */
  readonly psnrBeforeDb: number
  /** Of D(z) and the picture, rounded likewise. */
  readonly psnrAfterDb: number
  /** Network runs that this picture took part in, those for the report included. */
  readonly evaluations: Evaluations
  readonly iterations: number
  /** ‖D(z) − x‖ at each evaluation. */
  readonly history: readonly number[]
  /** From its start to its end; frames of a chunk run at the same time. Absent without a clock. */
  readonly seconds?: number
}

export interface InvertDecoderOptions {
  readonly autoencoder: Autoencoder
  readonly decoder: DecoderInverter
  readonly signal?: Signal | undefined
  /** A clock in seconds. */
  readonly now?: (() => number) | undefined
}

export interface InvertFramesOptions extends Omit<InvertDecoderOptions, 'autoencoder'> {
  readonly autoencoder: BatchedAutoencoder
  /** Frames that are inverted at the same time. Default 8. */
  readonly chunk?: number
}

/**
 * Finds z with D(z) ≈ x; never one whose picture is further from x than D(E(x)) is.
 *
 * min ‖D(z) − x‖, as the method goes about it. Shapes: picture 3 × H × W in [−1, 1], latent channels × H/f × W/f in model
 * units. Cost: the method's; the report needs no more runs where the method has decoded E(x) and z, as those here do.
 * Exact: see `exact`; not converging is an outcome. Errors: `bad-shape` for a picture that does not fit, `not-finite`
 * when E(x) or D(E(x)) is not, those of the method and the runtime, and the signal's reason.
 *
 * @example
 * const { latent, psnrAfterDb } = await invertDecoder(image, { autoencoder, decoder: automaticDecoder() })
 */
export const invertDecoder = (image: Tensor, options: InvertDecoderOptions): Task<LatentInversion> =>
  new Task(latentInversion(image, options), options.signal)

/**
 * The same for frames of one size, in chunks that share every network run; results in the order of the frames.
 *
 * Memory: one chunk's batch, and three pictures for each frame. See `invertFrames` for what frames share.
 *
 * @example
 * const frames = await invertDecoderFrames(images, { autoencoder: open.batched, decoder: automaticDecoder(), chunk: 4 })
 */
export const invertDecoderFrames = (
  images: readonly Tensor[],
  options: InvertFramesOptions,
): Task<readonly LatentInversion[]> => new Task(inversions(images, options), options.signal)

async function* inversions(
  images: readonly Tensor[],
  { autoencoder, decoder, chunk, ...options }: InvertFramesOptions,
): Steps<readonly LatentInversion[]> {
  const found = new Map<Tensor, LatentInversion>()
  const reporting: DecoderInverter = {
    name: decoder.name,
    async *invert(image, own) {
      const result = yield* latentInversion(image, { ...options, autoencoder: own, decoder })
      found.set(image, result)
      const { latent: value, residual, iterations, outcome, history } = result
      const { encodes, decodes, roundTrips, pullbacks } = result.evaluations
      const evaluations = encodes + decodes + roundTrips + pullbacks
      return { value, residual: residual.after, iterations, evaluations, outcome, history }
    },
  }
  yield* invertFrames(images, reporting, autoencoder, { ...(chunk !== undefined && { chunk }), signal: options.signal })
  return images.map((image) => found.get(image)!)
}

/** The steps of `invertDecoder`, for work that it is a part of. */
export async function* latentInversion(
  image: Tensor,
  { autoencoder: plain, decoder, signal, now }: InvertDecoderOptions,
): Steps<LatentInversion> {
  const start = now?.()
  plain.latentShape(image.shape)
  const { autoencoder: counting, evaluations } = counted(plain)
  const autoencoder = remembering(counting)
  const solution = yield* decoder.invert(image, autoencoder, signal)

  const encoded = await autoencoder.encode(image, signal)
  const encodedPicture = await autoencoder.decode(encoded, signal)
  if (!isFiniteTensor(encodedPicture)) {
    const remedy = 'Use 32 bits; if it stays, the weights are damaged.'
    throw expected('not-finite', 'finite pixels', "the decoder at the encoder's latent", 'NaN or infinity', remedy)
  }
  const solved = await autoencoder.decode(solution.value, signal)
  const distance = (picture: Tensor) => norm(subtract(picture, image))
  const before = distance(encodedPicture)
  const isBetter = distance(solved) <= before
  const latent = isBetter ? solution.value : encoded
  const picture = isBetter ? solved : encodedPicture
  const why = isBetter ? solution.why : 'encoder-nearer'
  const seen = round8(image)
  const psnrAfterDb = psnrDb(round8(picture), seen)
  return {
    latent,
    picture,
    encodedPicture,
    exact: psnrAfterDb === Number.POSITIVE_INFINITY ? 'given-image' : 'no',
    outcome: solution.outcome,
    ...(why !== undefined && { why }),
    ...(isBetter && solution.expectedNmseDb !== undefined && { expectedNmseDb: solution.expectedNmseDb }),
    residual: { before, after: distance(picture) },
    psnrBeforeDb: psnrDb(round8(encodedPicture), seen),
    psnrAfterDb,
    evaluations: evaluations(),
    iterations: solution.iterations,
    history: solution.history,
    ...(now && start !== undefined && { seconds: now() - start }),
  }
}
