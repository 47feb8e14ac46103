/** AutoencoderTiny: the small autoencoders of the TAESD kind. */
import {
  autoencoderTinyConfig,
  autoencoderTinyHarmless,
  decode,
  decoderGraph,
  downscaling,
  encode,
  encoderGraph,
} from '../../nn/autoencoder-tiny.js'
import { checkpointParameters } from '../../nn/parameters.js'
import type { NetworkClass } from './network-class.js'

const defaultScalingFactor = 1

export const autoencoderTiny: NetworkClass & Required<Pick<NetworkClass, 'autoencoder'>> = {
  classNames: ['AutoencoderTiny'],
  role: 'vae',
  autoencoder: {
    defaultScalingFactor,
    definition(file, weights) {
      const config = autoencoderTinyConfig(file)
      const latentScale = file.number('scaling_factor', defaultScalingFactor)
      const latentShift = file.number('shift_factor', 0)
      file.done(autoencoderTinyHarmless)
      return {
        imageChannels: config.inChannels,
        latentChannels: config.latentChannels,
        downscaling: downscaling(config),
        latentScale,
        latentShift,
        encode: (b, image) => encode(b, checkpointParameters(b, weights), config, image),
        decode: (b, latent) => decode(b, checkpointParameters(b, weights), config, latent),
        raw: {
          encoder: ({ batch, height, width }) => encoderGraph(config, weights, batch, height, width),
          decoder: ({ batch, height, width }) => decoderGraph(config, weights, batch, height, width),
        },
      }
    },
  },
}
