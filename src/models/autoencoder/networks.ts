/**
 * The networks of an autoencoder in one form, whatever checkpoint they come from: `image` → `latent` and back, pixels in
 * [−1, 1], latents in model units (the scale factor is inside). A picture file is clip(D(z)), so the decoder's last step
 * here is the clip; `raw` is the network without it. Graphs only; nothing is opened or run here.
 */
import type { Profile } from '../../autoencoder/profile.js'
import { expected } from '../../core/errors.js'
import { type Builder, builder } from '../../graph/builder.js'
import type { Graph, Value } from '../../graph/graph.js'
import { add, clip, mul, scale, shift } from '../../graph/ops/common.js'
import { formatShape } from '../../math/tensor.js'

/** Batch, height and width of the pictures that a graph is for. */
export interface GraphSize {
  readonly batch: number
  readonly height: number
  readonly width: number
}

/** The encoder and the decoder for pictures of a given size. */
export interface Halves {
  encoder(size: GraphSize): Graph
  decoder(size: GraphSize): Graph
}

/** `image` N × 3 × H × W → `latent` N × channels × H/f × W/f, the posterior mean; `latent` → `image`, clip(D(z)). */
export interface AutoencoderNetworks extends Halves {
  readonly name: string
  /** What was measured of these weights, where it was. */
  readonly profile?: Profile | undefined
  readonly imageChannels: number
  readonly latentChannels: number
  /** Pixels per latent entry along each axis. */
  readonly downscaling: number
  /** Model units per unit of the checkpoint's own latents. */
  readonly latentScale: number
  /** The two as the checkpoint's own tools name and scale their inputs and outputs: what `undiffuse run` runs. */
  readonly raw: Halves
}

/** What autoencoders differ in: a network whose latents are its own, and how they become model units. */
export interface AutoencoderDefinition {
  readonly name: string
  readonly imageChannels: number
  readonly latentChannels: number
  readonly downscaling: number
  /** Model units are (latent − latentShift)·latentScale. */
  readonly latentScale: number
  readonly latentShift: number
  /** The posterior mean. */
  encode(b: Builder, image: Value): Value
  decode(b: Builder, latent: Value): Value
  readonly raw: Halves
}

/** What a picture file can hold: pixels of a decoder beyond it are cut off. */
const pixelRange = [-1, 1] as const

/** The networks of a definition. */
export function networksOf(definition: AutoencoderDefinition): AutoencoderNetworks {
  const { name, imageChannels, latentChannels, downscaling, latentScale, latentShift, raw } = definition
  const moved = (b: Builder, x: Value, by: number) => (by === 0 ? x : shift(b, x, by))
  return {
    name,
    imageChannels,
    latentChannels,
    downscaling,
    latentScale,
    encoder({ batch, height, width }) {
      const b = builder()
      const image = b.input('image', 'float32', [batch, imageChannels, height, width])
      b.output(scale(b, moved(b, definition.encode(b, image), -latentShift), latentScale), 'latent')
      return b.finish(`${name} encoder`)
    },
    decoder({ batch, height, width }) {
      const b = builder()
      const latent = b.input('latent', 'float32', [batch, latentChannels, height / downscaling, width / downscaling])
      const decoded = definition.decode(b, moved(b, scale(b, latent, 1 / latentScale), latentShift))
      // 0·D(z) is zero, and NaN where D(z) is infinite: an overflow must not end as a white pixel.
      b.output(add(b, clip(b, decoded, ...pixelRange), mul(b, decoded, b.scalar(decoded.dtype, 0))), 'image')
      return b.finish(`${name} decoder`)
    },
    raw,
  }
}

type Layout = Pick<AutoencoderNetworks, 'name' | 'imageChannels' | 'latentChannels' | 'downscaling'>
type ShapeOfThree = readonly [channels: number, height: number, width: number]

/** The shape of a latent for a picture of this shape; throws `bad-shape` for one that the networks cannot have. */
export function latentShapeOf(layout: Layout, imageShape: readonly number[]): ShapeOfThree {
  const { name, imageChannels, latentChannels, downscaling } = layout
  const [channels, height, width] = imageShape
  const fits = (side: number | undefined): side is number => side !== undefined && side > 0 && side % downscaling === 0
  if (imageShape.length !== 3 || channels !== imageChannels || !fits(height) || !fits(width)) {
    throw expected(
      'bad-shape',
      `a picture of ${imageChannels} channels with sides that are multiples of ${downscaling}`,
      `\`${name}\``,
      formatShape(imageShape),
      'Pad, crop or resize the picture first.',
    )
  }
  return [latentChannels, height / downscaling, width / downscaling]
}

/** The shape of the picture of a latent of this shape; throws `bad-shape` for one that the networks cannot have. */
export function imageShapeOf(layout: Layout, latentShape: readonly number[]): ShapeOfThree {
  const { name, imageChannels, latentChannels, downscaling } = layout
  const [channels, height, width] = latentShape
  if (latentShape.length !== 3 || channels !== latentChannels || !height || !width) {
    throw expected(
      'bad-shape',
      `a latent of ${latentChannels} channels × height × width`,
      `\`${name}\``,
      formatShape(latentShape),
      'Use a latent that this model made.',
    )
  }
  return [imageChannels, height * downscaling, width * downscaling]
}
