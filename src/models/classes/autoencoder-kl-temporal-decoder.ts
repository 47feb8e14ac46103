/** AutoencoderKLTemporalDecoder: Stable Diffusion's autoencoder with a decoder of clips. */
import { concat, slice } from '../../graph/ops/common.js'
import { scaledLayout } from '../../model/layout.js'
import { downscaling as downscalingOf, encoderGraph } from '../../nn/autoencoder-kl.js'
import * as network from '../../nn/autoencoder-kl-temporal-decoder.js'
import { asClips, asFrames } from '../../nn/frames.js'
import { checkpointParameters } from '../../nn/parameters.js'
import { latentUnits } from './autoencoder-parts.js'
import type { NetworkClass } from './network-class.js'

const defaultScalingFactor = 0.18215

export const autoencoderKlTemporalDecoder: NetworkClass & Required<Pick<NetworkClass, 'autoencoder'>> = {
  classNames: ['AutoencoderKLTemporalDecoder'],
  role: 'vae',
  autoencoder: {
    defaultScalingFactor,
    definition(file, weights) {
      const config = network.autoencoderKlTemporalDecoderConfig(file)
      const units = latentUnits(file, defaultScalingFactor)
      file.done(network.autoencoderKlTemporalDecoderHarmless)
      const { inChannels: imageChannels, latentChannels } = config
      const downscaling = downscalingOf(config)
      return {
        ...units,
        imageChannels,
        latentChannels,
        downscaling,
        frameDownscaling: 1,
        looksAhead: true,
        unused: network.unusedTensors(config),
        encode(b, clips) {
          const frames = network.encode(b, checkpointParameters(b, weights), config, asFrames(b, clips)).mean
          return asClips(b, frames, clips.shape[0]!)
        },
        // Frames see those of their own clip alone.
        decode(b, latents) {
          const parameters = checkpointParameters(b, weights)
          const clips = Array.from({ length: latents.shape[0]! }, (_, i) =>
            asClips(b, network.decode(b, parameters, config, asFrames(b, slice(b, latents, 0, i, i + 1))), 1),
          )
          return concat(b, clips, 0)
        },
        // Their own tools take the frames of one clip as a batch.
        raw: {
          layout: scaledLayout({ name: file.file, imageChannels, latentChannels, downscaling }),
          encoder: ({ batch, height, width }) => encoderGraph(config, weights, batch, height, width),
          decoder: ({ batch, height, width }) => network.decoderGraph(config, weights, batch, [height, width]),
        },
      }
    },
  },
  declare(b, parameters, file) {
    const config = network.autoencoderKlTemporalDecoderConfig(file)
    const side = downscalingOf(config)
    network.encode(b, parameters, config, b.input('image', 'float32', [1, config.inChannels, side, side]))
    network.decode(b, parameters, config, b.input('latent', 'float32', [1, config.latentChannels, 1, 1]))
  },
}
