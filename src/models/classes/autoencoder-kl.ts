/** AutoencoderKL: the autoencoder of Stable Diffusion. */
import * as network from '../../nn/autoencoder-kl.js'
import { latentMoments, latentUnits, networkParts } from './autoencoder-parts.js'
import type { NetworkClass } from './network-class.js'

/** Stable Diffusion's, before configurations had one. */
export const defaultScalingFactor = 0.18215

export const autoencoderKl: NetworkClass & Required<Pick<NetworkClass, 'autoencoder'>> = {
  classNames: ['AutoencoderKL'],
  role: 'vae',
  autoencoder: {
    defaultScalingFactor,
    definition(file, weights) {
      const config = network.autoencoderKlConfig(file)
      const units = latentUnits(file, defaultScalingFactor)
      const moments = latentMoments(file, config.latentChannels)
      file.done(network.autoencoderKlHarmless)
      return {
        ...networkParts({ ...network, encode: (...given) => network.encode(...given).mean }, config, weights),
        ...units,
        latentMoments: moments,
      }
    },
  },
  declare(b, parameters, file) {
    const config = network.autoencoderKlConfig(file)
    const side = network.downscaling(config)
    network.encode(b, parameters, config, b.input('image', 'float32', [1, config.inChannels, side, side]))
    network.decode(b, parameters, config, b.input('latent', 'float32', [1, config.latentChannels, 1, 1]))
  },
}
