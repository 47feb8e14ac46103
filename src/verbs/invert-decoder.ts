/**
 * From pictures to the latents that decode to them, with everything people ask about the result: how close, at what
 * cost, and how it ended. The methods are in src/autoencoder.
 */
import type { DecoderInverter, Why } from '../autoencoder/autoencoder.js'
import { automaticDecoder } from '../autoencoder/automatic.js'
import { expected } from '../core/errors.js'
import type { OptionNames } from '../core/option-names.js'
import type { Signal, Steps } from '../core/progress.js'
import { Task } from '../core/task.js'
import type { Outcome } from '../iterations/parts/solve.js'
import { checkTensor, distance, isFinite as isFiniteTensor, type Tensor } from '../math/tensor.js'
import { counted } from '../model/counted.js'
import { checkRoom } from '../model/memory.js'
import type { Model } from '../model/model.js'
import { remembered } from '../model/remembered.js'
import { checkVerbOptions } from '../model/verb-options.js'
import { autoencoderOf } from '../model/views.js'
import { psnrDb, round8 } from '../pictures/pixels.js'
import { autoencoderEvaluations, type Evaluations } from './evaluations.js'
import { defaultChunk, sideBySide } from './side-by-side.js'

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
}

export interface InvertDecoderOptions {
  readonly model: Model
  /** Default `automaticDecoder()`. */
  readonly decoder?: DecoderInverter | undefined
  readonly signal?: Signal | undefined
}

export interface InvertDecoderAllOptions extends InvertDecoderOptions {
  /** Pictures that are inverted at the same time: memory grows with it, time shrinks little on a CPU. Default 4. */
  readonly chunk?: number | undefined
}

/**
 * Finds z with D(z) ≈ x; never one whose picture is further from x than D(E(x)) is.
 *
 * min ‖D(z) − x‖, as the method goes about it. Shapes: picture 3 × H × W in [−1, 1], latent channels × H/f × W/f in model
 * units. Cost: the method's; the report needs no more runs where the method has decoded E(x) and z, as those here do.
 * Exact: see `exact`; not converging is an outcome. Errors: `bad-shape` for a picture that does not fit the model or memory, `not-finite`
 * when E(x) or D(E(x)) is not, those of the method and the runtime, and the signal's reason.
 *
 * @example
 * const { latent, psnrAfterDb } = await invertDecoder(image, { model, decoder: automaticDecoder() })
 */
export const invertDecoder = (image: Tensor, options: InvertDecoderOptions): Task<LatentInversion> =>
  new Task(checkedLatent(image, options), options?.signal)

/**
 * The same for several pictures of one size, some at a time; results in their order.
 *
 * Each picture gets the latent that it gets alone, up to what a network's batch changes in rounding: own start, own history,
 * own outcome. One that has finished leaves its chunk, whose later runs are smaller. Cost: for each chunk as many batched
 * runs as its slowest picture takes alone. Memory: one chunk's batch, and three pictures for each picture. Errors: as
 * `invertDecoder`, the first of any; `bad-option` for a chunk below 1.
 *
 * @example
 * const found = await invertDecoderAll(images, { model, decoder: automaticDecoder(), chunk: 4 })
 */
export const invertDecoderAll = (
  images: readonly Tensor[],
  options: InvertDecoderAllOptions,
): Task<readonly LatentInversion[]> => new Task(latentInversions(images, options), options?.signal)

const names: OptionNames<InvertDecoderOptions> = { model: true, decoder: true, signal: true }

async function* checkedLatent(image: Tensor, options: InvertDecoderOptions): Steps<LatentInversion> {
  checkVerbOptions(options, names, 'invertDecoder')
  return yield* latentInversion(image, options)
}

async function* latentInversions(
  images: readonly Tensor[],
  options: InvertDecoderAllOptions,
): Steps<readonly LatentInversion[]> {
  checkVerbOptions(options, { ...names, chunk: true }, 'invertDecoderAll')
  const { model, chunk = defaultChunk, ...rest } = options
  return yield* sideBySide(model, images, chunk, (image, view) => latentInversion(image, { ...rest, model: view }))
}

/** The steps of `invertDecoder`, for work that it is a part of. */
export async function* latentInversion(
  image: Tensor,
  { model: plain, decoder = automaticDecoder(), signal }: InvertDecoderOptions,
): Steps<LatentInversion> {
  checkTensor(image, 'a picture to find the latent of')
  checkRoom(plain, { encode: 1, decode: 1 }, plain.layout.latentShape(image.shape))
  const { model: counting, counts } = counted(plain)
  const autoencoder = autoencoderOf(remembered(counting), signal)
  // Of a large picture each of these takes long.
  yield { stage: 'encode', done: 0, total: 1 }
  const encoded = await autoencoder.encode(image)
  yield { stage: decoder.name, done: 0 }
  const solution = yield* decoder.invert(image, autoencoder)

  const encodedPicture = await autoencoder.decode(encoded)
  if (!isFiniteTensor(encodedPicture)) {
    const remedy = 'Use 32 bits; if it stays, the weights are damaged.'
    throw expected('not-finite', 'finite pixels', "the decoder at the encoder's latent", 'NaN or infinity', remedy)
  }
  const solved = await autoencoder.decode(solution.value)
  const before = distance(encodedPicture, image)
  const isBetter = distance(solved, image) <= before
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
    residual: { before, after: distance(picture, image) },
    psnrBeforeDb: psnrDb(round8(encodedPicture), seen),
    psnrAfterDb,
    evaluations: autoencoderEvaluations(counts()),
    iterations: solution.iterations,
    history: solution.history,
  }
}
