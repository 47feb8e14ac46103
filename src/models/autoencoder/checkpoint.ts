/** The networks of an autoencoder from a diffusers folder: config.json and safetensors, which stay where they are. */
import type { Part } from '../../checkpoints/folder.js'
import { expected } from '../../core/errors.js'
import * as kl from '../../nn/autoencoder-kl.js'
import * as tiny from '../../nn/autoencoder-tiny.js'
import { type ConfigReader, checkpointParameters, type WeightSource } from '../../nn/parameters.js'
import { type AutoencoderDefinition, type AutoencoderNetworks, networksOf } from './networks.js'

/** diffusers' scale factor of latents where a configuration has none. */
export const defaultScalingFactor = 0.18215

/** The scale factors of the classes whose configurations may leave theirs out. */
export const defaultScalingFactors: ReadonlyMap<string, number> = new Map([
  ['AutoencoderKL', defaultScalingFactor],
  ['AutoencoderTiny', 1],
])

type Definition = Omit<AutoencoderDefinition, 'name'>
type Reader = (file: ConfigReader, weights: WeightSource) => Definition

const readers: Readonly<Record<string, Reader>> = {
  AutoencoderKL(file, weights) {
    const config = kl.autoencoderKlConfig(file)
    const [latentScale, latentShift] = [
      file.number('scaling_factor', defaultScalingFactor),
      file.number('shift_factor', 0),
    ]
    file.done(kl.autoencoderKlHarmless)
    return {
      imageChannels: config.inChannels,
      latentChannels: config.latentChannels,
      downscaling: kl.downscaling(config),
      latentScale,
      latentShift,
      encode: (b, image) => kl.encode(b, checkpointParameters(b, weights), config, image).mean,
      decode: (b, latent) => kl.decode(b, checkpointParameters(b, weights), config, latent),
      raw: {
        encoder: ({ batch, height, width }) => kl.encoderGraph(config, weights, batch, height, width),
        decoder: ({ batch, height, width }) => kl.decoderGraph(config, weights, batch, height, width),
      },
    }
  },
  AutoencoderTiny(file, weights) {
    const config = tiny.autoencoderTinyConfig(file)
    const [latentScale, latentShift] = [
      file.number('scaling_factor', defaultScalingFactors.get('AutoencoderTiny')!),
      file.number('shift_factor', 0),
    ]
    file.done(tiny.autoencoderTinyHarmless)
    return {
      imageChannels: config.inChannels,
      latentChannels: config.latentChannels,
      downscaling: tiny.downscaling(config),
      latentScale,
      latentShift,
      encode: (b, image) => tiny.encode(b, checkpointParameters(b, weights), config, image),
      decode: (b, latent) => tiny.decode(b, checkpointParameters(b, weights), config, latent),
      raw: {
        encoder: ({ batch, height, width }) => tiny.encoderGraph(config, weights, batch, height, width),
        decoder: ({ batch, height, width }) => tiny.decoderGraph(config, weights, batch, height, width),
      },
    }
  },
}

/** The classes that `autoencoderNetworks` builds. */
export const autoencoderClasses: readonly string[] = Object.keys(readers)

/**
 * Builds the networks of a folder's part by its class.
 *
 * Throws `bad-model` for a class that is no autoencoder and for weights that do not fit the configuration;
 * `unsupported` for a part that is an ONNX file.
 */
export async function autoencoderNetworks(part: Part, name: string): Promise<AutoencoderNetworks> {
  if (part.kind === 'onnx') {
    throw expected(
      'unsupported',
      'config.json and weights, or vae_encoder/model.onnx with vae_decoder/model.onnx,',
      `\`${name}\``,
      `\`${part.file}\``,
      'Export encoder and decoder as two files.',
    )
  }
  const reader = Object.hasOwn(readers, part.className) ? readers[part.className] : undefined
  if (!reader) {
    throw expected(
      'bad-model',
      autoencoderClasses.join(' or '),
      `_class_name in \`${part.folder}\``,
      part.className,
      'Name the folder of an autoencoder, or of a pipeline that has one in `vae`.',
    )
  }
  return networksOf({ name, ...reader(part.config, await part.openWeights()) })
}
