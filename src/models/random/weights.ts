/**
 * Networks with random weights, from their configurations: what time and memory depend on, for those who have no
 * checkpoint at hand. What they make means nothing. The published configurations are in published-shapes.ts.
 */
import { configOf } from '../../checkpoints/config.js'
import { expected } from '../../core/errors.js'
import { type Builder, builder } from '../../graph/builder.js'
import { torchNoise } from '../../math/noise.js'
import { type Shape, type Tensor, zeros } from '../../math/tensor.js'
import { autoencoderKlConfig, decode, downscaling, encode } from '../../nn/autoencoder-kl.js'
import { clipTextConfig, encodeText } from '../../nn/clip-text.js'
import { type ConfigReader, inputParameters, type Parameters } from '../../nn/parameters.js'
import { fromStates, predict, sizeMultiple, unet2dConditionConfig } from '../../nn/unet-2d-condition.js'
import { autoencoderShapes, type ConfigFields, isPublished } from './published-shapes.js'

export interface RandomNetwork {
  readonly config: ConfigFields
  /** Shapes by the checkpoint's names. */
  readonly shapes: ReadonlyMap<string, Shape>
  /** The numbers of one of them: made when asked for, the same each time. */
  tensor(name: string): Tensor
}

/** Puts a network of a configuration into a graph, which declares its parameters. */
type Declare = (b: Builder, parameters: Parameters, file: ConfigReader) => void

const declarations: Readonly<Record<string, Declare>> = {
  AutoencoderKL(b, parameters, file) {
    const config = autoencoderKlConfig(file)
    const side = downscaling(config)
    encode(b, parameters, config, b.input('image', 'float32', [1, config.inChannels, side, side]))
    decode(b, parameters, config, b.input('latent', 'float32', [1, config.latentChannels, 1, 1]))
  },
  UNet2DConditionModel(b, parameters, file) {
    const config = unet2dConditionConfig(file)
    const side = sizeMultiple(config)
    const input = (name: string, ...shape: number[]) => b.input(name, 'float32', [1, ...shape])
    const states = input('encoder_hidden_states', 1, config.crossAttentionDim)
    predict(b, parameters, config, {
      sample: input('sample', config.inChannels, side, side),
      timestep: input('timestep'),
      text: fromStates(b, parameters, states),
      ...(config.additionEmbedType && {
        added: { textEmbeds: input('text_embeds', config.textEmbedWidth!), timeIds: input('time_ids', 6) },
      }),
    })
  },
  CLIPTextModel: declareText,
  CLIPTextModelWithProjection: declareText,
}

function declareText(b: Builder, parameters: Parameters, file: ConfigReader): void {
  encodeText(b, parameters, clipTextConfig(file), b.input('input_ids', 'int64', [1, 1]))
}

/** Normal weights of variance 1/fan-in, zero biases, unit scales: activations stay of order one at any depth. */
function weights(name: string, shape: Shape, seed: number): Tensor {
  const [channels, ...inputs] = shape
  if (inputs.length === 0) {
    return /norm\w*\.weight$/.test(name) ? { shape, data: new Float64Array(channels!).fill(1) } : zeros(shape)
  }
  const deviation = inputs.reduce((fanIn, size) => fanIn * size, 1) ** -0.5
  const noise = torchNoise(seed, shape)
  for (let i = 0; i < noise.data.length; i++) noise.data[i]! *= deviation
  return noise
}

/**
 * Random weights for the network of a configuration: AutoencoderKL, UNet2DConditionModel or CLIPTextModel, by
 * `_class_name` or `architectures`. Equal seeds give equal weights; one tensor is made at a time.
 *
 * Throws `unsupported` for another class, and what the network's configuration throws.
 */
export function randomWeights(fields: ConfigFields, seed = 0): RandomNetwork {
  const file = configOf('the configuration', fields)
  const className = file.has('_class_name') ? file.string('_class_name') : file.strings('architectures')[0]!
  const declare = Object.hasOwn(declarations, className) ? declarations[className] : undefined
  if (!declare) {
    const known = Object.keys(declarations).join(', ')
    throw expected('unsupported', `one of ${known}`, 'random weights', className, 'Name the class of such a network.')
  }
  const b = builder()
  const parameters = inputParameters(b)
  declare(b, parameters, file)
  const shapes = new Map(parameters.declared.map(({ name, shape }) => [name, shape]))
  const seeds = new Map([...shapes.keys()].map((name, i) => [name, seed * shapes.size + i]))
  return {
    config: fields,
    shapes,
    tensor(name) {
      const shape = shapes.get(name)
      if (shape) return weights(name, shape, seeds.get(name)!)
      throw expected('bad-option', 'the name of a parameter', 'random weights', `\`${name}\``, 'See `shapes`.')
    },
  }
}

/**
 * The configuration and random weights of a published autoencoder: 83,653,863 parameters, of which the decoder has 49.5
 * million. Weights are made one tensor at a time, so that nobody needs to hold all of them: about 6 s in all.
 *
 * Equal seeds give equal weights. Throws `bad-option` for a shape that is not known.
 *
 * @example
 * const { config, shapes, tensor } = randomAutoencoder('stable-diffusion-2-1')
 * for (const name of shapes.keys()) write(name, tensor(name))
 */
export function randomAutoencoder(id: string, seed = 0): RandomNetwork {
  if (isPublished(autoencoderShapes, id)) return randomWeights(autoencoderShapes[id], seed)
  const known = Object.keys(autoencoderShapes).join(', ')
  throw expected('bad-option', `one of ${known}`, 'the shape of an autoencoder', `\`${id}\``, 'Name one of these.')
}
