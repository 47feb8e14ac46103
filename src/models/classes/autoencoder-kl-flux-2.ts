/** AutoencoderKLFlux2: the autoencoder of FLUX.2. */
import { scaledLayout } from '../../model/layout.js'
import { decoderGraph, downscaling, encoderGraph } from '../../nn/autoencoder-kl.js'
import {
  type AutoencoderKlFlux2Config,
  autoencoderKlFlux2Config,
  autoencoderKlFlux2Harmless,
  decode,
  encode,
  patch,
} from '../../nn/autoencoder-kl-flux-2.js'
import { networkParts } from './autoencoder-parts.js'
import type { NetworkClass } from './network-class.js'

export const autoencoderKlFlux2: NetworkClass & Required<Pick<NetworkClass, 'autoencoder'>> = {
  classNames: ['AutoencoderKLFlux2'],
  role: 'vae',
  autoencoder: {
    defaultScalingFactor: 1,
    definition(file, weights) {
      const config = autoencoderKlFlux2Config(file)
      file.done(autoencoderKlFlux2Harmless)
      const parts = networkParts<AutoencoderKlFlux2Config>(
        { encode, decode, encoderGraph, decoderGraph, downscaling },
        config,
        weights,
      )
      const { imageChannels, latentChannels } = parts
      const layout = scaledLayout({
        name: file.file,
        imageChannels,
        latentChannels,
        downscaling: parts.downscaling,
      })
      return {
        ...parts,
        latentChannels: patch ** 2 * latentChannels,
        downscaling: patch * parts.downscaling,
        latentScale: 1,
        latentShift: 0,
        raw: { ...parts.raw, layout },
      }
    },
  },
  declare(b, parameters, file) {
    const config = autoencoderKlFlux2Config(file)
    const side = patch * downscaling(config)
    encode(b, parameters, config, b.input('image', 'float32', [1, config.inChannels, side, side]))
    decode(b, parameters, config, b.input('latent', 'float32', [1, patch ** 2 * config.latentChannels, 1, 1]))
  },
}
