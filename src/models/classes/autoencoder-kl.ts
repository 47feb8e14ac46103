/** AutoencoderKL: the autoencoder of Stable Diffusion. */
import { expected } from '../../core/errors.js'
import * as network from '../../nn/autoencoder-kl.js'
import type { ConfigReader } from '../../nn/parameters.js'
import type { LatentMoments } from '../autoencoder/networks.js'
import { latentUnits, networkParts } from './autoencoder-parts.js'
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
      const latentMoments = momentsOf(file, config.latentChannels)
      file.done(network.autoencoderKlHarmless)
      return {
        ...networkParts({ ...network, encode: (...given) => network.encode(...given).mean }, config, weights),
        ...units,
        latentMoments,
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

/** `latents_mean` and `latents_std`, one number a channel: what diffusers' XL pipelines decode with in place of a shift. */
function momentsOf(file: ConfigReader, channels: number): LatentMoments | undefined {
  const listOf = (field: string) => (file.has(field) ? file.numbers(field) : [])
  const [mean, deviation] = [listOf('latents_mean'), listOf('latents_std')]
  if (mean.length === 0 && deviation.length === 0) return undefined
  if (mean.length === channels && deviation.length === channels && deviation.every((value) => value > 0)) {
    return { mean, deviation }
  }
  const listed = (values: readonly number[]) => (values.length === 0 ? 'none' : `[${values}]`)
  const got = `means: ${listed(mean)}, deviations: ${listed(deviation)}`
  const what = `${channels} means and ${channels} positive deviations`
  const remedy = 'Use the configuration that the weights were published with.'
  throw expected('bad-model', what, `\`latents_mean\` and \`latents_std\` in \`${file.file}\``, got, remedy)
}
