/** AutoencoderTiny: the small autoencoders of the TAESD kind. */
import * as network from '../../nn/autoencoder-tiny.js'
import { latentUnits, networkParts } from './autoencoder-parts.js'
import type { NetworkClass } from './network-class.js'

const defaultScalingFactor = 1

export const autoencoderTiny: NetworkClass & Required<Pick<NetworkClass, 'autoencoder'>> = {
  classNames: ['AutoencoderTiny'],
  role: 'vae',
  autoencoder: {
    defaultScalingFactor,
    definition(file, weights) {
      const config = network.autoencoderTinyConfig(file)
      const units = latentUnits(file, defaultScalingFactor)
      file.done(network.autoencoderTinyHarmless)
      return { ...networkParts(network, config, weights), ...units }
    },
  },
}
