/**
 * AutoencoderKLFlux2: AutoencoderKL whose latents are patches of 2 × 2, each channel in the deviations that training saw: the
 * running statistics of a batch norm. From diffusers' configuration and tensor names.
 *
 * latent = (patch − mean)/√(variance + ε), N × 4·latentChannels × H/2f × W/2f. Source: Black Forest Labs, FLUX.2, 2025;
 * diffusers, autoencoder_kl_flux2.py and pipeline_flux2_klein.py.
 */
import { expected } from '../core/errors.js'
import type { Builder } from '../graph/builder.js'
import type { Value } from '../graph/graph.js'
import { add, div, mul, reshape, shift, sub } from '../graph/ops/common.js'
import * as kl from './autoencoder-kl.js'
import type { ConfigReader, Parameters } from './parameters.js'
import { channelsAsPlaces, placesAsChannels } from './patches.js'

export interface AutoencoderKlFlux2Config extends kl.AutoencoderKlConfig {
  /** Of the variance. */
  readonly normEpsilon: number
}

/** Side of a patch. */
export const patch = 2

const defaults: kl.AutoencoderKlDefaults = {
  blockOutChannels: [128, 256, 512, 512],
  latentChannels: 32,
  layersPerBlock: 2,
}

/** Reads `config.json`; options that no published FLUX.2 autoencoder uses are refused by name. */
export function autoencoderKlFlux2Config(config: ConfigReader): AutoencoderKlFlux2Config {
  const sides = config.integers('patch_size', [patch, patch])
  if (sides.length !== 2 || sides.some((side) => side !== patch)) {
    const place = `\`patch_size\` in \`${config.file}\``
    throw expected('unsupported', `[${patch}, ${patch}]`, place, `[${sides}]`, 'Use an autoencoder of FLUX.2.')
  }
  const read = kl.autoencoderKlConfig(config, defaults)
  const { blockOutChannels, normNumGroups } = read
  const field = 'decoder_block_out_channels'
  const ofDecoder = config.has(field) ? config.integers(field) : blockOutChannels
  kl.checkStages(config.file, field, ofDecoder, normNumGroups)
  if (ofDecoder.length !== blockOutChannels.length) {
    const what = `${blockOutChannels.length} numbers, as many as block_out_channels`
    const remedy = 'Use the configuration that the weights were published with.'
    throw expected('bad-model', what, `\`${field}\` in \`${config.file}\``, `[${ofDecoder}]`, remedy)
  }
  return { ...read, decoderBlockOutChannels: ofDecoder, normEpsilon: config.number('batch_norm_eps', 1e-4) }
}

/** Fields that change nothing of the network that is built here. */
export const autoencoderKlFlux2Harmless: Readonly<Record<string, string>> = {
  ...kl.autoencoderKlHarmless,
  batch_norm_momentum: 'acts in training alone',
}

/** The mean and the deviation of each channel of a patch, 1 × channels × 1 × 1. */
function statistics(b: Builder, parameters: Parameters, { latentChannels, normEpsilon }: AutoencoderKlFlux2Config) {
  const channels = patch ** 2 * latentChannels
  const of = (name: string) => reshape(b, parameters.value(`bn.${name}`, [channels]), [1, channels, 1, 1])
  return { mean: of('running_mean'), deviation: b.emit('Sqrt', [shift(b, of('running_var'), normEpsilon)]) }
}

/** Image N × 3 × H × W → latent. */
export function encode(b: Builder, parameters: Parameters, config: AutoencoderKlFlux2Config, image: Value): Value {
  const { mean, deviation } = statistics(b, parameters, config)
  const patches = placesAsChannels(b, kl.encode(b, parameters, config, image).mean, patch)
  return div(b, sub(b, patches, mean), deviation)
}

/** Latent → image N × 3 × H × W. */
export function decode(b: Builder, parameters: Parameters, config: AutoencoderKlFlux2Config, latent: Value): Value {
  const { mean, deviation } = statistics(b, parameters, config)
  const patches = add(b, mul(b, latent, deviation), mean)
  return kl.decode(b, parameters, config, channelsAsPlaces(b, patches, patch))
}
