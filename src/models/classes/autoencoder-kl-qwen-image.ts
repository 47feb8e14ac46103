/** AutoencoderKLQwenImage: Wan's autoencoder for pictures. Each picture is a clip of one frame. */
import type { Builder } from '../../graph/builder.js'
import type { Value } from '../../graph/graph.js'
import { reshape } from '../../graph/ops/common.js'
import { clipLayout } from '../../model/layout.js'
import { clipDefinition, declareClips } from './autoencoder-kl-wan.js'
import type { NetworkClass } from './network-class.js'

/** N × channels × height × width with an axis of one frame before the height, and back. */
const asClip = (b: Builder, picture: Value): Value => {
  const [batch, channels, ...sides] = picture.shape as [number, number, ...number[]]
  return reshape(b, picture, [batch, channels, 1, ...sides])
}
const asPicture = (b: Builder, clip: Value): Value => {
  const [batch, channels, , ...sides] = clip.shape as [number, number, number, ...number[]]
  return reshape(b, clip, [batch, channels, ...sides])
}

export const autoencoderKlQwenImage: NetworkClass & Required<Pick<NetworkClass, 'autoencoder'>> = {
  classNames: ['AutoencoderKLQwenImage'],
  role: 'vae',
  autoencoder: {
    defaultScalingFactor: 1,
    definition(file, weights) {
      const { frameDownscaling, ...clips } = clipDefinition(file, weights)
      const { imageChannels, latentChannels, downscaling } = clips
      return {
        ...clips,
        encode: (b, image) => asPicture(b, clips.encode(b, asClip(b, image))),
        decode: (b, latent) => asPicture(b, clips.decode(b, asClip(b, latent))),
        raw: {
          ...clips.raw,
          layout: clipLayout({ name: file.file, imageChannels, latentChannels, downscaling, frameDownscaling }),
        },
      }
    },
  },
  declare: declareClips,
}
