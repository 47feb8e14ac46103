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

type LatentUnits = Pick<AutoencoderDefinition, 'latentScale' | 'latentShift'>

/** Scales of published autoencoders are from 0.1 to 13.5; beyond this float32 has no pictures. */
const [smallestScale, largestScale, largestShift] = [1e-6, 1e6, 1e6]
const published = 'Use the configuration that the weights were published with.'

/**
 * Model units per unit of the checkpoint's own latents, and the shift before. Errors: `bad-model` for a scale of 0, and for
 * numbers of a size that no autoencoder has.
 */
export function latentUnits(file: ConfigReader, defaultScale: number): LatentUnits {
  const latentScale = file.number('scaling_factor', defaultScale)
  return checkedUnits(latentScale, file.has('shift_factor') ? file.number('shift_factor') : 0, file.file)
}

/** The same of numbers that are read. */
export function checkedUnits(latentScale: number, latentShift: number, file: string): LatentUnits {
  const size = Math.abs(latentScale)
  if (!(size >= smallestScale && size <= largestScale)) {
    const what = `a number of a size from ${smallestScale} to ${largestScale}`
    throw expected('bad-model', what, `\`scaling_factor\` in \`${file}\``, `${latentScale}`, published)
  }
  if (Math.abs(latentShift) <= largestShift) return { latentScale, latentShift }
  const what = `a number of a size of at most ${largestShift}`
  throw expected('bad-model', what, `\`shift_factor\` in \`${file}\``, `${latentShift}`, published)
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

/**
 * `latents_mean` and `latents_std`, one number a channel: what diffusers' pipelines decode with in place of a shift. Absent: the
 * class's `usual`. Errors: `bad-model` for other numbers; `unsupported` beside a shift.
 */
export function latentMoments(file: ConfigReader, channels: number, usual?: LatentMoments): LatentMoments | undefined {
  const listOf = (field: string, absent?: readonly number[]) => {
    if (file.has(field)) return file.numbers(field, absent)
    return file.value(field) === null ? undefined : absent
  }
  const mean = listOf('latents_mean', usual?.mean)
  const deviation = listOf('latents_std', usual?.deviation)
  if (mean === undefined && deviation === undefined) return undefined
  const fits =
    mean?.length === channels &&
    deviation?.length === channels &&
    mean.every((value) => Math.abs(value) <= largestShift) &&
    deviation.every((value) => value >= smallestScale && value <= largestScale)
  if (!fits) {
    const listed = (values: readonly number[] | undefined) => (values === undefined ? 'none' : `[${values}]`)
    const got = `means: ${listed(mean)}, deviations: ${listed(deviation)}`
    const what = `${channels} means and ${channels} positive deviations of sizes up to ${largestScale}`
    throw expected('bad-model', what, `\`latents_mean\` and \`latents_std\` in \`${file.file}\``, got, published)
  }
  const shift = file.has('shift_factor') ? file.number('shift_factor') : 0
  if (shift === 0) return { mean, deviation }
  const what = 'null beside `latents_mean`'
  const remedy = 'Pipelines decode with one of both: take out the one that the weights do not need.'
  throw expected('unsupported', what, `\`shift_factor\` in \`${file.file}\``, `${shift}`, remedy)
}
