/** An autoencoder's network as definitions take it, whatever its class. */
import { expected } from '../../core/errors.js'
import type { Builder } from '../../graph/builder.js'
import type { Value } from '../../graph/graph.js'
import type { HalfGraph } from '../../nn/network-graph.js'
import { type ConfigReader, checkpointParameters, type Parameters, type WeightSource } from '../../nn/parameters.js'
import type { AutoencoderDefinition, LatentMoments } from '../autoencoder/networks.js'

type Half<Config> = (b: Builder, parameters: Parameters, config: Config, x: Value) => Value

/** What a network of src/nn offers. */
export interface AutoencoderNetwork<Config> {
  /** The posterior mean, where there is a posterior. */
  readonly encode: Half<Config>
  readonly decode: Half<Config>
  readonly encoderGraph: HalfGraph<Config>
  readonly decoderGraph: HalfGraph<Config>
  downscaling(config: Config): number
}

/** Model units per unit of the checkpoint's own latents, and the shift before. Errors: `bad-model` for a scale of 0. */
export function latentUnits(
  file: ConfigReader,
  defaultScale: number,
): Pick<AutoencoderDefinition, 'latentScale' | 'latentShift'> {
  const latentScale = file.number('scaling_factor', defaultScale)
  const latentShift = file.has('shift_factor') ? file.number('shift_factor') : 0
  if (latentScale !== 0) return { latentScale, latentShift }
  const remedy = 'Use the configuration that the weights were published with.'
  throw expected('bad-model', 'a number other than 0', `\`scaling_factor\` in \`${file.file}\``, '0', remedy)
}

/** All that follows from the network and its configuration, which is not the scale of latents. */
export function networkParts<Config extends { readonly inChannels: number; readonly latentChannels: number }>(
  { encode, decode, encoderGraph, decoderGraph, downscaling }: AutoencoderNetwork<Config>,
  config: Config,
  weights: WeightSource,
): Omit<AutoencoderDefinition, 'name' | 'latentScale' | 'latentShift'> {
  const known = new WeakMap<Builder, Parameters>()
  /** One set for a graph: the frames of a clip go through the network one after the other. */
  const parametersIn = (b: Builder): Parameters => {
    const found = known.get(b) ?? checkpointParameters(b, weights)
    known.set(b, found)
    return found
  }
  return {
    imageChannels: config.inChannels,
    latentChannels: config.latentChannels,
    downscaling: downscaling(config),
    encode: (b, image) => encode(b, parametersIn(b), config, image),
    decode: (b, latent) => decode(b, parametersIn(b), config, latent),
    raw: {
      encoder: ({ batch, height, width }) => encoderGraph(config, weights, batch, height, width),
      decoder: ({ batch, height, width }) => decoderGraph(config, weights, batch, height, width),
    },
  }
}

/** `latents_mean` and `latents_std`, one number a channel: what diffusers' pipelines decode with in place of a shift. Absent: the class's `usual`. */
export function latentMoments(file: ConfigReader, channels: number, usual?: LatentMoments): LatentMoments | undefined {
  const listOf = (field: string, absent?: readonly number[]) => {
    if (file.has(field)) return file.numbers(field, absent)
    return file.value(field) === null ? [] : (absent ?? [])
  }
  const mean = listOf('latents_mean', usual?.mean)
  const deviation = listOf('latents_std', usual?.deviation)
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
