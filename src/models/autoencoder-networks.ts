/**
 * The networks of an autoencoder in one form, whatever checkpoint they come from: `image` → `latent` and back, pixels in
 * [−1, 1], latents in model units (the scale factor is inside). Graphs only; nothing is opened or run here.
 */
import type { Part } from '../checkpoints/folder.js'
import { expected } from '../core/errors.js'
import { builder, type Builder } from '../graph/builder.js'
import type { Graph, Value } from '../graph/graph.js'
import { scale, shift } from '../graph/ops/common.js'
import * as kl from '../nn/autoencoder-kl.js'
import * as tiny from '../nn/autoencoder-tiny.js'
import { checkpointParameters } from '../nn/parameters.js'

/** Batch, height and width of the pictures that a graph is for. */
export interface GraphSize {
  readonly batch: number
  readonly height: number
  readonly width: number
}

export interface AutoencoderNetworks {
  readonly name: string
  readonly imageChannels: number
  readonly latentChannels: number
  /** Pixels per latent entry along each axis. */
  readonly downscaling: number
  /** `image` N × 3 × H × W → `latent` N × channels × H/f × W/f, the posterior mean. */
  encoder(size: GraphSize): Graph
  /** `latent` → `image`. */
  decoder(size: GraphSize): Graph
  /** The two as the checkpoint's own tools name and scale their inputs and outputs: what `undiffuse run` runs. */
  readonly raw: { encoder(size: GraphSize): Graph; decoder(size: GraphSize): Graph }
}

interface Layout {
  readonly imageChannels: number
  readonly latentChannels: number
  readonly downscaling: number
}

function graphsOf(
  name: string,
  { imageChannels, latentChannels, downscaling }: Layout,
  encode: (b: Builder, image: Value) => Value,
  decode: (b: Builder, latent: Value) => Value,
): Pick<AutoencoderNetworks, 'encoder' | 'decoder'> {
  return {
    encoder({ batch, height, width }) {
      const b = builder()
      b.output(encode(b, b.input('image', 'float32', [batch, imageChannels, height, width])), 'latent')
      return b.finish(`${name} encoder`)
    },
    decoder({ batch, height, width }) {
      const b = builder()
      const latent = b.input('latent', 'float32', [batch, latentChannels, height / downscaling, width / downscaling])
      b.output(decode(b, latent), 'image')
      return b.finish(`${name} decoder`)
    },
  }
}

/** Builds the networks of a folder's part by its class; throws `bad-model` for a class that is no autoencoder. */
export async function autoencoderNetworks(part: Part, name: string): Promise<AutoencoderNetworks> {
  if (part.kind === 'onnx') {
    throw expected('unsupported', 'a part with config.json and weights', `\`${part.folder}\``, 'an ONNX file', 'Open the folder that holds both vae_encoder and vae_decoder.')
  }
  const weights = await part.openWeights()
  if (part.className === 'AutoencoderKL') {
    const config = kl.autoencoderKlConfig(part.config)
    const factor = part.config.number('scaling_factor', 0.18215)
    const offset = part.config.number('shift_factor', 0)
    const layout = { imageChannels: config.inChannels, latentChannels: config.latentChannels, downscaling: kl.downscaling(config) }
    const parameters = (b: Builder) => checkpointParameters(b, weights)
    return {
      name,
      ...layout,
      ...graphsOf(
        name,
        layout,
        (b, image) => scale(b, shift(b, kl.encode(b, parameters(b), config, image).mean, -offset), factor),
        (b, latent) => kl.decode(b, parameters(b), config, shift(b, scale(b, latent, 1 / factor), offset)),
      ),
      raw: {
        encoder: ({ batch, height, width }) => kl.encoderGraph(config, weights, batch, height, width),
        decoder: ({ batch, height, width }) => kl.decoderGraph(config, weights, batch, height, width),
      },
    }
  }
  if (part.className === 'AutoencoderTiny') {
    const config = tiny.autoencoderTinyConfig(part.config)
    const factor = part.config.number('scaling_factor', 1)
    const layout = { imageChannels: config.inChannels, latentChannels: config.latentChannels, downscaling: tiny.downscaling(config) }
    const parameters = (b: Builder) => checkpointParameters(b, weights)
    return {
      name,
      ...layout,
      ...graphsOf(
        name,
        layout,
        (b, image) => scale(b, tiny.encode(b, parameters(b), config, image), factor),
        (b, latent) => tiny.decode(b, parameters(b), config, scale(b, latent, 1 / factor)),
      ),
      raw: {
        encoder: ({ batch, height, width }) => tiny.encoderGraph(config, weights, batch, height, width),
        decoder: ({ batch, height, width }) => tiny.decoderGraph(config, weights, batch, height, width),
      },
    }
  }
  throw expected('bad-model', 'AutoencoderKL or AutoencoderTiny', `_class_name in \`${part.folder}\``, part.className, 'Name the folder of an autoencoder, or of a pipeline that has one in `vae`.')
}
