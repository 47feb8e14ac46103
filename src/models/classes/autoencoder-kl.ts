/** AutoencoderKL: the autoencoder of Stable Diffusion. */
import {
  autoencoderKlConfig,
  autoencoderKlHarmless,
  decode,
  decoderGraph,
  downscaling,
  encode,
  encoderGraph,
} from '../../nn/autoencoder-kl.js'
import { checkpointParameters } from '../../nn/parameters.js'
import type { NetworkClass } from './network-class.js'

/** Stable Diffusion's, before configurations had one. */
export const defaultScalingFactor = 0.18215

export const autoencoderKl: NetworkClass & Required<Pick<NetworkClass, 'autoencoder'>> = {
  classNames: ['AutoencoderKL'],
  role: 'vae',
  autoencoder: {
    defaultScalingFactor,
    definition(file, weights) {
      const config = autoencoderKlConfig(file)
      const latentScale = file.number('scaling_factor', defaultScalingFactor)
      const latentShift = file.number('shift_factor', 0)
      file.done(autoencoderKlHarmless)
      return {
        imageChannels: config.inChannels,
        latentChannels: config.latentChannels,
        downscaling: downscaling(config),
        latentScale,
        latentShift,
        encode: (b, image) => encode(b, checkpointParameters(b, weights), config, image).mean,
        decode: (b, latent) => decode(b, checkpointParameters(b, weights), config, latent),
        raw: {
          encoder: ({ batch, height, width }) => encoderGraph(config, weights, batch, height, width),
          decoder: ({ batch, height, width }) => decoderGraph(config, weights, batch, height, width),
        },
      }
    },
  },
  declare(b, parameters, file) {
    const config = autoencoderKlConfig(file)
    const side = downscaling(config)
    encode(b, parameters, config, b.input('image', 'float32', [1, config.inChannels, side, side]))
    decode(b, parameters, config, b.input('latent', 'float32', [1, config.latentChannels, 1, 1]))
  },
}
