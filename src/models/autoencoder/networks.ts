/**
 * The networks of an autoencoder in one form, whatever checkpoint they come from: `image` → `latent` and back, pixels in
 * [−1, 1], latents in model units (the scale factor is inside). A picture file is clip(D(z)), so the decoder's last step
 * here is the clip; `raw` is the network without it. Graphs only; nothing is opened or run here.
 */
import type { Profile } from '../../autoencoder/profile.js'
import { type Builder, builder } from '../../graph/builder.js'
import type { Graph, Value } from '../../graph/graph.js'
import { add, clip, div, mul, scale, shift, sub } from '../../graph/ops/common.js'
import type { Shape } from '../../math/tensor.js'
import { clipLayout, framesOf, type Layout, scaledLayout, sidesOf } from '../../model/layout.js'
import { frameByFrame } from '../../nn/frames.js'

/** Batch, height and width of the pictures that a graph is for, and the frames of clips. */
export interface GraphSize {
  readonly batch: number
  readonly frames?: number
  readonly height: number
  readonly width: number
}

/** The size of a batch of pictures of this shape. */
export const graphSizeOf = (layout: Pick<Layout, 'axes'>, picture: Shape, batch: number): GraphSize => {
  const frames = framesOf(layout, picture)
  return { batch, ...(frames !== undefined && { frames }), ...sidesOf(layout, picture) }
}

/** The encoder and the decoder for pictures of a given size. */
export interface Halves {
  encoder(size: GraphSize): Graph
  decoder(size: GraphSize): Graph
}

/**
 * `image` N × 3 × H × W → `latent` N × channels × H/f × W/f, the posterior mean; `latent` → `image`, clip(D(z)). Clips have an axis
 * of frames before their height.
 */
export interface AutoencoderNetworks extends Halves {
  readonly name: string
  /** What was measured of these weights, where it was. */
  readonly profile?: Profile | undefined
  /** The file of a profile that lies beside these weights and belongs to others. */
  readonly strangeProfile?: string
  readonly imageChannels: number
  readonly latentChannels: number
  /** Pixels per latent entry along each axis. */
  readonly downscaling: number
  /** Of an autoencoder of clips: frames for each latent frame after the first. */
  readonly frameDownscaling?: number | undefined
  /** Which latent belongs to which picture, as the autoencoder alone has it. */
  readonly layout: Layout
  /** Model units per unit of the checkpoint's own latents. */
  readonly latentScale: number
  /** The two as the checkpoint's own tools name and scale their inputs and outputs: what `undiffuse run` runs. */
  readonly raw: RawHalves
  /** Of an autoencoder of clips: the same in pieces of so many latent frames, which take more memory and give the same. */
  inPieces?(together: number): AutoencoderNetworks
  /** Of an autoencoder of pictures: the same for clips, whose frames it sees one by one. */
  frameByFrame?(): AutoencoderNetworks
}

/** Halves as their own tools have them, and which latent belongs to which picture there. */
export interface RawHalves extends Halves {
  /** Default: the networks' own. */
  readonly layout?: Layout
}

/** The mean and deviation of each channel of a checkpoint's own latents. */
export interface LatentMoments {
  readonly mean: readonly number[]
  readonly deviation: readonly number[]
}

/** What autoencoders differ in: a network whose latents are its own, and how they become model units. */
export interface AutoencoderDefinition {
  readonly name: string
  readonly imageChannels: number
  readonly latentChannels: number
  readonly downscaling: number
  /** Model units are (latent − latentShift)·latentScale; where there are moments, (latent − mean)·latentScale/std. */
  readonly latentScale: number
  readonly latentShift: number
  readonly latentMoments?: LatentMoments | undefined
  /** The posterior mean. */
  encode(b: Builder, image: Value, together?: number): Value
  /** Clips are computed in pieces of so many latent frames. Default 1. */
  decode(b: Builder, latent: Value, together?: number): Value
  /** Of an autoencoder of clips: frames for each latent frame after the first. */
  readonly frameDownscaling?: number
  /** Whether a frame sees those after it: then a clip cannot be computed in pieces. */
  readonly looksAhead?: boolean
  readonly raw: RawHalves
  /** Tensors of its file that play no part. */
  readonly unused?: RegExp
  /** The least that goes through all layers. Default: one latent entry. */
  readonly smallest?: GraphSize
}

/** What a picture file can hold: pixels of a decoder beyond it are cut off. */
const pixelRange = [-1, 1] as const

/** The networks of a definition. */
export function networksOf(definition: AutoencoderDefinition, together?: number): AutoencoderNetworks {
  const { name, imageChannels, latentChannels, downscaling, frameDownscaling, looksAhead = false, raw } = definition
  const { latentScale, latentShift, latentMoments } = definition
  const scaled = { name, imageChannels, latentChannels, downscaling }
  const layout = frameDownscaling === undefined ? scaledLayout(scaled) : clipLayout({ ...scaled, frameDownscaling })
  /** One number for each channel. */
  const perChannel = (b: Builder, { dtype, shape }: Value, values: readonly number[]) =>
    b.constant(dtype, [1, values.length, ...shape.slice(2).map(() => 1)], values)
  /** From the checkpoint's own latents to those that `latentScale` scales, and back. */
  const standardized = (b: Builder, x: Value): Value => {
    if (!latentMoments) return moved(b, x, -latentShift)
    return div(b, sub(b, x, perChannel(b, x, latentMoments.mean)), perChannel(b, x, latentMoments.deviation))
  }
  const restored = (b: Builder, x: Value): Value => {
    if (!latentMoments) return moved(b, x, latentShift)
    return add(b, mul(b, x, perChannel(b, x, latentMoments.deviation)), perChannel(b, x, latentMoments.mean))
  }
  const pictureAt = ({ frames, height, width }: GraphSize): Shape =>
    frameDownscaling === undefined ? [imageChannels, height, width] : [imageChannels, frames ?? 1, height, width]
  const moved = (b: Builder, x: Value, by: number) => (by === 0 ? x : shift(b, x, by))
  return {
    name,
    imageChannels,
    latentChannels,
    downscaling,
    frameDownscaling,
    latentScale,
    layout,
    encoder(size) {
      const b = builder()
      const image = b.input('image', 'float32', [size.batch, ...pictureAt(size)])
      b.output(scale(b, standardized(b, definition.encode(b, image, together)), latentScale), 'latent')
      return b.finish(`${name} encoder`)
    },
    decoder(size) {
      const b = builder()
      const latent = b.input('latent', 'float32', [size.batch, ...layout.latentShape(pictureAt(size))])
      const decoded = definition.decode(b, restored(b, scale(b, latent, 1 / latentScale)), together)
      // 0·D(z) is zero, and NaN where D(z) is infinite: an overflow must not end as a white pixel.
      b.output(add(b, clip(b, decoded, ...pixelRange), mul(b, decoded, b.scalar(decoded.dtype, 0))), 'image')
      return b.finish(`${name} decoder`)
    },
    raw,
    ...(frameDownscaling !== undefined && !looksAhead && { inPieces: (pieces) => networksOf(definition, pieces) }),
    ...(frameDownscaling === undefined && { frameByFrame: () => networksOf(ofFrames(definition)) }),
  }
}

/** An autoencoder of pictures for clips: each frame alone, so many at once. Its own tools take frames as a batch. */
const ofFrames = (still: AutoencoderDefinition): AutoencoderDefinition => ({
  ...still,
  frameDownscaling: 1,
  encode: (b, clips, together = 1) => frameByFrame(b, clips, together, (frames) => still.encode(b, frames)),
  decode: (b, latents, together = 1) => frameByFrame(b, latents, together, (frames) => still.decode(b, frames)),
  raw: { layout: scaledLayout(still), ...still.raw },
})
