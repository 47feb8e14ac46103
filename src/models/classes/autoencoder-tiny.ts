/** AutoencoderTiny: the small autoencoders of the TAESD kind. */
import * as network from '../../nn/autoencoder-tiny.js'
import { networkParts } from './autoencoder-parts.js'
import type { NetworkClass } from './network-class.js'

const defaultScalingFactor = 1

export const autoencoderTiny: NetworkClass & Required<Pick<NetworkClass, 'autoencoder'>> = {
  classNames: ['AutoencoderTiny'],
  role: 'vae',
  autoencoder: {
    defaultScalingFactor,
    definition(file, weights) {
      const config = network.autoencoderTinyConfig(file)
      const latentScale = file.number('scaling_factor', defaultScalingFactor)
      const latentShift = file.number('shift_factor', 0)
      file.done(network.autoencoderTinyHarmless)
      return { ...networkParts(network, config, weights), latentScale, latentShift }
    },
  },
}
