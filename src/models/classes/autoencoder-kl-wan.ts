/** AutoencoderKLWan: the causal autoencoder of Wan's clips. */

import type { Builder } from '../../graph/builder.js'
import type { Graph } from '../../graph/graph.js'
import * as network from '../../nn/autoencoder-kl-wan.js'
import { type ConfigReader, checkpointParameters, type Parameters, type WeightSource } from '../../nn/parameters.js'
import type { AutoencoderDefinition, GraphSize } from '../autoencoder/networks.js'
import { latentMoments } from './autoencoder-parts.js'
import type { NetworkClass } from './network-class.js'

/** Its latents are scaled channel by channel. */
const defaultScalingFactor = 1

/** Of both published autoencoders, which the classes have where a configuration has none. */
const usualMoments = {
  mean: [
    -0.7571, -0.7089, -0.9113, 0.1075, -0.1745, 0.9653, -0.1517, 1.5508, 0.4134, -0.0715, 0.5517, -0.3632, -0.1922,
    -0.9497, 0.2503, -0.2921,
  ],
  deviation: [
    2.8184, 1.4541, 2.3275, 2.6558, 1.2196, 1.7708, 2.6052, 2.0743, 3.2687, 2.1526, 2.8652, 1.5579, 1.6382, 1.1253,
    2.8251, 1.916,
  ],
}

/** The definition of an autoencoder of clips of this architecture, which Qwen-Image's class has, too. */
export function clipDefinition(
  file: ConfigReader,
  weights: WeightSource,
): Omit<AutoencoderDefinition, 'name'> & { readonly frameDownscaling: number } {
  const config = network.autoencoderKlWanConfig(file)
  const moments = latentMoments(file, config.latentChannels, usualMoments)
  file.done(network.autoencoderKlWanHarmless)
  const [downscaling, frameDownscaling] = [network.downscaling(config), network.frameDownscaling(config)]
  const raw =
    (graph: typeof network.encoderGraph) =>
    ({ frames = 1, ...size }: GraphSize): Graph =>
      graph(config, weights, { ...size, frames })
  return {
    imageChannels: config.inChannels,
    latentChannels: config.latentChannels,
    downscaling,
    frameDownscaling,
    latentScale: defaultScalingFactor,
    latentShift: 0,
    latentMoments: moments,
    encode: (b, image, together) => network.encode(b, checkpointParameters(b, weights), config, image, together).mean,
    decode: (b, latent, together) => network.decode(b, checkpointParameters(b, weights), config, latent, together),
    raw: { encoder: raw(network.encoderGraph), decoder: raw(network.decoderGraph) },
    // What resamples frames meets those that follow the first.
    smallest: { batch: 1, frames: 1 + frameDownscaling, height: downscaling, width: downscaling },
  }
}

/** Puts both halves into a graph, with all of their layers. */
export function declareClips(b: Builder, parameters: Parameters, file: ConfigReader): void {
  const config = network.autoencoderKlWanConfig(file)
  const [side, frames] = [network.downscaling(config), 1 + network.frameDownscaling(config)]
  network.encode(b, parameters, config, b.input('image', 'float32', [1, config.inChannels, frames, side, side]))
  network.decode(b, parameters, config, b.input('latent', 'float32', [1, config.latentChannels, 2, 1, 1]))
}

export const autoencoderKlWan: NetworkClass & Required<Pick<NetworkClass, 'autoencoder'>> = {
  classNames: ['AutoencoderKLWan'],
  role: 'vae',
  autoencoder: { defaultScalingFactor, definition: clipDefinition },
  declare: declareClips,
}
