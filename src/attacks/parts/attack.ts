/**
 * The contract of an attack: a picture in, the picture that somebody made of it out. What is a library's work, codecs
 * and filters, is asked of the host. Not the detection of watermarks, nor a measure of how well they survive.
 */
import { expected } from '../../core/errors.js'
import type { Signal, Steps } from '../../core/progress.js'
import { checkSeed } from '../../core/seed.js'
import { Task } from '../../core/task.js'
import { type TorchGenerator, torchGenerator } from '../../math/noise.js'
import { formatShape, isFinite as isFiniteTensor, sameShape, type Tensor } from '../../math/tensor.js'
import type { DiffusionModel } from '../../model/model.js'
import { round8 } from '../../pictures/pixels.js'
import { planesOf } from '../../pictures/planes.js'

export const chromaSubsamplings = ['4:2:0', '4:4:4'] as const

/** What a host's library does to pictures of 3 × height × width in [−1, 1]; what comes back is rounded to 8 bits. */
export interface PictureTools {
  /** Through a baseline JPEG file; quality 1 … 100, libjpeg's. */
  jpeg(image: Tensor, quality: number, subsampling: (typeof chromaSubsamplings)[number]): Promise<Tensor>
  /** Through a lossy WebP file; quality 1 … 100, libwebp's. */
  webp(image: Tensor, quality: number): Promise<Tensor>
  /** Convolved with a Gaussian of deviation `sigma` pixels; edges are repeated outwards. */
  blur(image: Tensor, sigma: number): Promise<Tensor>
}

export interface AttackContext {
  /** From `undiffuse/node`: `pictureTools`. */
  readonly pictures: PictureTools
  /** For attacks that use a model of their own. */
  readonly model?: DiffusionModel | undefined
  /** Of the attack's random choices: the same seed, the same bytes. */
  readonly seed: number
  readonly signal?: Signal | undefined
}

export interface Attack {
  readonly name: string
  readonly needsModel: boolean
  /** Of the same size, rounded to 8 bits as a file holds it. */
  apply(image: Tensor, context: AttackContext): Steps<Tensor>
}

export type AttackOptions = Omit<AttackContext, 'seed'> & { readonly seed?: number | undefined }

/**
 * Attacks a picture.
 *
 * x′ = attack(round8(x), seed). Shapes: 3 × height × width in [−1, 1] in and out, the same size, 8-bit values. Default
 * seed 0. Cost: none of the network but for attacks that need the model. Errors: `bad-shape` for another shape than a picture's,
 * `not-finite`, `bad-option` for an invalid seed, `unsupported` where a model is needed and missing, those of
 * the library and of the model, and the signal's reason.
 *
 * @example const attacked = await attackPicture(image, jpegAttack({ quality: 25 }), { pictures, seed: 1 })
 */
export const attackPicture = (image: Tensor, attack: Attack, { seed = 0, ...rest }: AttackOptions): Task<Tensor> =>
  new Task(attack.apply(image, { ...rest, seed: checkSeed(seed) }), rest.signal)

/**
 * The attack's own stream of random numbers. The seed is drawn from the seed's stream and not taken as it is: noise of
 * the seed itself may be the noise that the picture was made from, which would make regeneration undo nothing.
 */
export const randomOf = ({ seed }: Pick<AttackContext, 'seed'>): TorchGenerator =>
  torchGenerator(torchGenerator(checkSeed(seed)).integer(2 ** 32))

/** What an attack is asked to change: a picture of 8-bit values. */
type Change = (image: Tensor, context: AttackContext, random: TorchGenerator) => Tensor | Promise<Tensor>

/** An attack on pixels, which needs no model. */
export function pixelAttack(name: string, change: Change): Attack {
  return {
    name,
    needsModel: false,
    async *apply(image, context) {
      checkPicture(image, name)
      context.signal?.throwIfAborted()
      yield { stage: name, done: 0, total: 1 }
      const changed = round8(await change(round8(image), context, randomOf(context)))
      yield { stage: name, done: 1, total: 1 }
      return changed
    },
  }
}

/** By how much a quality of pixels is multiplied; 1 changes nothing. */
export const factorField = { type: 'number', minimum: 0, maximum: 100, default: 2 } as const

/** What publishing a picture without loss does. */
export const unchanged = (): Attack => pixelAttack('none', (image) => image)

export const repeatsField = {
  type: 'integer',
  minimum: 1,
  maximum: 100,
  default: 1,
  unit: 'times',
  description: 'One after another.',
} as const

/** What a model makes of a picture. */
type Remake = (image: Tensor, model: DiffusionModel, context: AttackContext, random: TorchGenerator) => Steps<Tensor>

/** An attack by a model, `repeats` times over, each time rounded to 8 bits. */
export function modelAttack(name: string, repeats: number, remake: Remake): Attack {
  return {
    name,
    needsModel: true,
    async *apply(image, context) {
      checkPicture(image, name)
      const { model } = context
      if (model === undefined) throw noModel(name)
      const random = randomOf(context)
      let attacked = round8(image)
      for (let i = 0; i < repeats; i++) {
        context.signal?.throwIfAborted()
        attacked = round8(yield* remake(attacked, model, context, random))
      }
      return attacked
    },
  }
}

const noModel = (name: string) =>
  expected('unsupported', 'a model', `the attack \`${name}\``, 'none', 'Pass `model`: it remakes the picture.')

function checkPicture(image: Tensor, name: string): void {
  const { height, width } = planesOf(image.shape)
  if (!sameShape(image.shape, [3, height, width]) || image.data.length === 0) {
    const got = formatShape(image.shape)
    throw expected('bad-shape', 'a picture of shape 3×height×width', `the attack \`${name}\``, got, 'Pass one picture.')
  }
  if (!isFiniteTensor(image)) {
    const got = 'NaN or infinity'
    throw expected('not-finite', 'finite pixels', `the attack \`${name}\``, got, 'Check what made the picture.')
  }
}
