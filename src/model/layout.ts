/** Which latent belongs to which picture or clip, and back. Names the axes, so that nobody guesses them from a rank. */
import { expected, isUndiffuseError } from '../core/errors.js'
import { formatShape, type Shape } from '../math/tensor.js'

/** What an axis may be; frames are those of a clip. */
export const axes = ['channels', 'frames', 'height', 'width'] as const

export type Axis = (typeof axes)[number]

export interface Layout {
  /** The axes of a latent, in order. A picture has the same axes. */
  readonly axes: readonly Axis[]
  /** The shape of the pictures that the model was trained on. */
  readonly picture: Shape
  /** Height and width of pictures are multiples of this. */
  readonly multiple: number
  /** And at most this, in pixels. Absent: no bound but memory. */
  readonly largest?: number
  /** Throws `bad-shape` for a picture that the networks cannot take. */
  latentShape(picture: Shape): Shape
  /** The inverse of `latentShape`; throws `bad-shape` as `check`. */
  pictureShape(latent: Shape): Shape
  /** Throws `bad-shape` for latents and noise that the networks cannot take. */
  check(latent: Shape): void
}

export interface ScaledLayout {
  readonly name: string
  readonly imageChannels: number
  readonly latentChannels: number
  /** Pixels for each entry of a latent, along height and width. */
  readonly downscaling: number
  /** Sides of latents are multiples of this. Default 1. */
  readonly latentMultiple?: number
  /** Sides of latents are at most this. Default: no bound. */
  readonly latentLargest?: number
  /** Height and width of the latents that the model was trained on. Default: the smallest. */
  readonly side?: number | Sides
}

const pictureAxes = ['channels', 'height', 'width'] as const

/** The axes of a latent of a picture or of a clip, by their number; undefined of any other number. */
export const axesOf = ({ length }: Shape): readonly Axis[] | undefined =>
  [pictureAxes, axes].find((one) => one.length === length)

/** `16 channels × 3 frames × 60×104`: a latent with its axes named, so that nobody takes frames for channels. */
export function latentText(latent: Shape): string {
  const names = axesOf(latent)
  if (!names) return formatShape(latent)
  const counted = latent.slice(0, -2).map((length, i) => `${length} ${names[i]}`)
  return [...counted, formatShape(latent.slice(-2))].join(' × ')
}

/**
 * The layout of pictures whose latents are `downscaling` times smaller along height and width.
 *
 * picture C × H × W ↔ latent c × H/f × W/f. Errors: `bad-shape` for another rank, another number of channels, and sides
 * that are not multiples.
 *
 * @example
 * const layout = scaledLayout({ name: 'sd', imageChannels: 3, latentChannels: 4, downscaling: 8, latentMultiple: 8 })
 * layout.latentShape([3, 512, 512]) // [4, 64, 64]
 */
export function scaledLayout(parts: ScaledLayout): Layout {
  const { name, imageChannels, latentChannels, downscaling, latentMultiple = 1, side = latentMultiple } = parts
  const { latentLargest = Number.POSITIVE_INFINITY } = parts
  const { height, width } = typeof side === 'number' ? { height: side, width: side } : side
  const multiple = latentMultiple * downscaling
  const fits = ([channels, ...sides]: Shape, count: number, step: number, most: number) =>
    channels === count &&
    sides.length === 2 &&
    sides.every((side) => Number.isInteger(side) && side > 0 && side % step === 0 && side <= most)
  /** `sides that are multiples of 8`; undefined where any side will do. */
  const sidesThatAre = (step: number, most: number) => {
    const bound = Number.isFinite(most) ? `up to ${most} (as memory allows)` : ''
    const parts = [...(step > 1 ? [`multiples of ${step}`] : []), ...(bound ? [bound] : [])]
    return parts.length > 0 ? `sides that are ${parts.join(' ')}` : undefined
  }
  const ofPictures = sidesThatAre(multiple, latentLargest * downscaling) ?? 'sides of whole pixels'
  const ofLatents = sidesThatAre(latentMultiple, latentLargest)
  const layout: Layout = {
    axes: pictureAxes,
    picture: [imageChannels, height * downscaling, width * downscaling],
    multiple,
    ...(Number.isFinite(latentLargest) && { largest: multiple * Math.floor(latentLargest / latentMultiple) }),
    latentShape(picture) {
      const [channels, height, width] = picture
      const most = latentLargest * downscaling
      if (!fits(picture, imageChannels, multiple, most)) {
        if (channels !== imageChannels || picture.length !== pictureAxes.length) {
          const what = `a picture of ${imageChannels} channels with ${ofPictures}`
          throw expected('bad-shape', what, `\`${name}\``, formatShape(picture), 'Pass channels × height × width.')
        }
        const near = [Math.floor, Math.ceil].map((round) =>
          [width!, height!]
            .map((side) => multiple * Math.min(Math.max(1, round(side / multiple)), Math.floor(most / multiple)))
            .join('×'),
        )
        const remedy = `Choose ${[...new Set(near)].join(' or ')}. A picture can be padded, cropped or resized to it.`
        throw expected('bad-shape', ofPictures, `\`${name}\``, `${width}×${height}`, remedy)
      }
      return [latentChannels, height! / downscaling, width! / downscaling]
    },
    pictureShape(latent) {
      layout.check(latent)
      const [, height, width] = latent
      return [imageChannels, height! * downscaling, width! * downscaling]
    },
    check(latent) {
      if (fits(latent, latentChannels, latentMultiple, latentLargest)) return
      throw expected(
        'bad-shape',
        `a latent of ${latentChannels} channels × height × width${ofLatents ? ` with ${ofLatents}` : ''}`,
        `\`${name}\``,
        formatShape(latent),
        isBatchOfOne(latent, layout)
          ? firstAxisRemedy
          : `Pictures have ${ofPictures}; noise and latents belong to the model that made them.`,
      )
    },
  }
  return layout
}

/** Whether a shape is one of a model, with an axis of one before it: other programs' arrays are batches. */
const isBatchOfOne = ([first, ...rest]: Shape, layout: Pick<Layout, 'check'>): boolean =>
  first === 1 && takes(layout, rest)

const firstAxisRemedy =
  'Drop the first axis, which counts pictures: `{ ...read, shape: read.shape.slice(1) }`, as docs/python.md says.'

const latentWords = 'a latent'

export interface ClipLayout extends ScaledLayout {
  /** Frames for each latent frame after the first, which is one frame. */
  readonly frameDownscaling: number
  /** Frames of the clips that the model was trained on. Default 1. */
  readonly frames?: number
}

/**
 * The layout of clips whose frames are laid out as `scaledLayout` says, and whose latents have fewer frames.
 *
 * clip C × (1 + r·k) × H × W ↔ latent c × (1 + k) × H/f × W/f. Errors: `bad-shape` for another number of frames, and as
 * `scaledLayout`.
 *
 * @example
 * const layout = clipLayout({ name: 'wan', imageChannels: 3, latentChannels: 16, downscaling: 8, frameDownscaling: 4 })
 * layout.latentShape([3, 81, 480, 832]) // [16, 21, 60, 104]
 */
export function clipLayout({ frameDownscaling, frames = 1, ...still }: ClipLayout): Layout {
  const frame = scaledLayout(still)
  const { name } = still
  /** The frames, and the shape of one of them. */
  const apart = (shape: Shape, what: string): [frames: number, frame: Shape] => {
    const [channels, count, ...sides] = shape
    if (sides.length === 2 && Number.isInteger(count) && count! > 0) return [count!, [channels!, ...sides]]
    const remedy = 'A picture is a clip of one frame.'
    throw expected(
      'bad-shape',
      `${what} of channels × frames × height × width`,
      `\`${name}\``,
      formatShape(shape),
      remedy,
    )
  }
  const withFrames = (count: number, [channels, ...sides]: Shape): Shape => [channels!, count, ...sides]
  const layout: Layout = {
    axes,
    picture: withFrames(frames, frame.picture),
    multiple: frame.multiple,
    ...(frame.largest !== undefined && { largest: frame.largest }),
    latentShape(clip) {
      const [count, picture] = apart(clip, 'a clip')
      const latentFrames = 1 + (count - 1) / frameDownscaling
      if (!Number.isInteger(latentFrames)) {
        const [fewer, more] = [Math.floor, Math.ceil].map((to) => 1 + frameDownscaling * (to(latentFrames) - 1))
        const what = `a clip of 1 + ${frameDownscaling}k frames, such as ${fewer} or ${more},`
        const remedy = 'Leave out its last frames, or choose another number.'
        throw expected('bad-shape', what, `\`${name}\``, `${count}`, remedy)
      }
      return withFrames(latentFrames, frame.latentShape(picture))
    },
    pictureShape(latent) {
      const [count, one] = apart(latent, latentWords)
      return withFrames(1 + frameDownscaling * (count - 1), frame.pictureShape(one))
    },
    check(latent) {
      if (isBatchOfOne(latent, layout)) {
        const what = `${latentWords} of channels × frames × height × width`
        throw expected('bad-shape', what, `\`${name}\``, formatShape(latent), firstAxisRemedy)
      }
      frame.check(apart(latent, latentWords)[1])
    },
  }
  return layout
}

/** Height and width, in pixels or in entries of a latent. */
export interface Sides {
  readonly height: number
  readonly width: number
}

/** The height and width of a shape with these axes. */
export const sidesOf = ({ axes }: Pick<Layout, 'axes'>, shape: Shape): Sides => ({
  height: shape[axes.indexOf('height')]!,
  width: shape[axes.indexOf('width')]!,
})

/** Pictures of so many times the pixels of the model's own take long; a fraction of that is still quick. */
const [muchLarger, quickly] = [4, 3]
/** Nobody trains on smaller pictures: such a model does not tell its size. */
const leastOwnSide = 64

/** A size against the one that the model was made for. */
export interface LargeSize {
  readonly own: Sides
  /** So many times the pixels. */
  readonly times: number
  /** Of the same aspect, and little work. */
  readonly quick: Sides
}

/**
 * What there is to say of a picture that has many times the pixels that a model was made for; undefined of others, and where
 * the model does not tell its size.
 *
 * @example largeSize(model.layout, { height: 3000, width: 4000 })?.quick
 */
export function largeSize(
  layout: Pick<Layout, 'axes' | 'picture' | 'multiple'>,
  { height, width }: Sides,
): LargeSize | undefined {
  const own = sidesOf(layout, layout.picture)
  const times = (height * width) / (own.height * own.width)
  if (times < muchLarger || Math.min(own.height, own.width) < leastOwnSide) return undefined
  const scale = Math.sqrt(quickly / times)
  const side = (pixels: number) => layout.multiple * Math.max(1, Math.round((pixels * scale) / layout.multiple))
  return { own, times, quick: { height: side(height), width: side(width) } }
}

/** The frames of a shape with these axes, where there is such an axis. */
export const framesOf = ({ axes }: Pick<Layout, 'axes'>, shape: Shape): number | undefined =>
  axes.includes('frames') ? shape[axes.indexOf('frames')] : undefined

/** How large a picture is, and how long a clip; what is left out is as the model was trained. */
export type Extent = Readonly<Partial<Record<Exclude<Axis, 'channels'>, number>>>

/** The shape of the model's pictures of another extent. */
export const pictureOf = ({ axes, picture }: Layout, extent: Extent): Shape =>
  picture.map((length, i) => (extent as Readonly<Partial<Record<Axis, number>>>)[axes[i]!] ?? length)

/** Whether a latent of this shape belongs to the model. */
export function takes(layout: Pick<Layout, 'check'>, latent: Shape): boolean {
  try {
    layout.check(latent)
    return true
  } catch (error) {
    if (isUndiffuseError(error) && error.code === 'bad-shape') return false
    throw error
  }
}
