/**
 * Autoencoders of the published shapes with random weights: what time and memory depend on, for those who have no
 * checkpoint at hand. Their pictures mean nothing.
 */
import { configOf } from '../checkpoints/config.js'
import { expected } from '../core/errors.js'
import { builder } from '../graph/builder.js'
import { torchNoise } from '../math/noise.js'
import { type Shape, type Tensor, zeros } from '../math/tensor.js'
import { autoencoderKlConfig, decode, downscaling, encode } from '../nn/autoencoder-kl.js'
import { inputParameters } from '../nn/parameters.js'
import { defaultScalingFactor } from './autoencoder-checkpoint.js'

const stages = [128, 256, 512, 512]

const stableDiffusion = (more: {
  readonly sample_size: number
  readonly scaling_factor: number
  readonly force_upcast?: boolean
}) => ({
  _class_name: 'AutoencoderKL',
  act_fn: 'silu',
  block_out_channels: stages,
  down_block_types: stages.map(() => 'DownEncoderBlock2D'),
  in_channels: 3,
  latent_channels: 4,
  layers_per_block: 2,
  norm_num_groups: 32,
  out_channels: 3,
  up_block_types: stages.map(() => 'UpDecoderBlock2D'),
  ...more,
})

/** config.json of published autoencoders. The three are one network; the scale of their latents differs. */
export const autoencoderShapes = {
  'stable-diffusion-1-5': stableDiffusion({ sample_size: 512, scaling_factor: defaultScalingFactor }),
  'stable-diffusion-2-1': stableDiffusion({ sample_size: 768, scaling_factor: defaultScalingFactor }),
  'stable-diffusion-xl': stableDiffusion({ sample_size: 1024, scaling_factor: 0.13025, force_upcast: true }),
} as const

export type AutoencoderShape = keyof typeof autoencoderShapes

const isShape = (id: string): id is AutoencoderShape => Object.hasOwn(autoencoderShapes, id)

export interface RandomAutoencoder {
  readonly config: Readonly<Record<string, unknown>>
  /** Shapes by the checkpoint's names. */
  readonly shapes: ReadonlyMap<string, Shape>
  /** The numbers of one of them: made when asked for, the same each time. */
  tensor(name: string): Tensor
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

/** Random weights for the AutoencoderKL of a configuration. Equal seeds give equal weights. */
export function randomWeights(fields: Readonly<Record<string, unknown>>, seed = 0): RandomAutoencoder {
  const config = autoencoderKlConfig(configOf('the configuration', fields))
  const b = builder()
  const parameters = inputParameters(b)
  const side = downscaling(config)
  encode(b, parameters, config, b.input('image', 'float32', [1, config.inChannels, side, side]))
  decode(b, parameters, config, b.input('latent', 'float32', [1, config.latentChannels, 1, 1]))
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
 * The configuration and random weights of a published shape: 83,653,863 parameters, of which the decoder has 49.5
 * million. Weights are made one tensor at a time, so that nobody needs to hold all of them: about 6 s in all.
 *
 * Equal seeds give equal weights. Throws `bad-option` for a shape that is not known.
 *
 * @example
 * const { config, shapes, tensor } = randomAutoencoder('stable-diffusion-2-1')
 * for (const name of shapes.keys()) write(name, tensor(name))
 */
export function randomAutoencoder(id: string, seed = 0): RandomAutoencoder {
  if (isShape(id)) return randomWeights(autoencoderShapes[id], seed)
  const known = Object.keys(autoencoderShapes).join(', ')
  throw expected('bad-option', `one of ${known}`, 'the shape of an autoencoder', `\`${id}\``, 'Name one of these.')
}
