/**
 * Networks with random weights, from their configurations: what time and memory depend on, for those who have no
 * checkpoint at hand. What they make means nothing. The published configurations are in the families.
 */
import { configOf } from '../../checkpoints/config.js'
import { expected } from '../../core/errors.js'
import { builder } from '../../graph/builder.js'
import { torchNoise } from '../../math/noise.js'
import { type Shape, sizeOf, type Tensor, tensor, zeros } from '../../math/tensor.js'
import { inputParameters } from '../../nn/parameters.js'
import { frequencies } from '../../nn/rotary.js'
import { networkClasses } from '../classes/index.js'
import { entryOf } from '../classes/network-class.js'
import { autoencoderShapes } from '../families/index.js'
import type { ConfigFields } from './published-configs.js'

export interface RandomNetwork {
  readonly config: ConfigFields
  /** Shapes by the checkpoint's names. */
  readonly shapes: ReadonlyMap<string, Shape>
  /** The numbers of one of them: made when asked for, the same each time. */
  tensor(name: string): Tensor
  /** The first of them, in a row, which the others repeat: all but of the largest tensors. */
  drawn(name: string): Tensor
}

const declared = networkClasses.flatMap(({ declare, ...rest }) => (declare ? [{ ...rest, declare }] : []))

/** Most numbers that are drawn for a tensor: a billion would take minutes. A prime, so that rows of a matrix differ. */
const mostDrawn = 1_048_573

/**
 * Normal weights of variance 1/fan-in, zero biases, unit scales: activations stay of order one at any depth. The frequencies of
 * rotary positions are what they are.
 */
function drawnWeights(name: string, shape: Shape, seed: number): Tensor {
  const [channels, ...inputs] = shape
  const isVector = inputs.length === 0
  const isScale = name.endsWith('.gamma') || (isVector && /\.(weight|running_var)$/.test(name))
  if (name.endsWith('.freqs')) return { shape, data: Float64Array.from(frequencies(2 * channels!, { theta: 10000 })) }
  if (isScale) return { shape, data: new Float64Array(channels!).fill(1) }
  if (isVector) return zeros(shape)
  const deviation = sizeOf(inputs) ** -0.5
  const { data } = torchNoise(seed, [Math.min(sizeOf(shape), mostDrawn)])
  return tensor(
    [data.length],
    data.map((value) => value * deviation),
  )
}

/** As many entries, which repeat these. */
function filled(shape: Shape, { data }: Tensor): Tensor {
  const all = new Float64Array(sizeOf(shape))
  for (let i = 0; i < all.length; i += data.length) all.set(data.subarray(0, all.length - i), i)
  return { shape, data: all }
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
  const { declare } = entryOf(declared, className, 'random weights', 'Name the class of such a network.')
  const b = builder()
  const parameters = inputParameters(b)
  declare(b, parameters, file)
  const shapes = new Map(parameters.declared.map(({ name, shape }) => [name, shape]))
  const seeds = new Map([...shapes.keys()].map((name, i) => [name, seed * shapes.size + i]))
  function drawn(name: string): Tensor {
    const shape = shapes.get(name)
    if (shape) return drawnWeights(name, shape, seeds.get(name)!)
    throw expected('bad-option', 'the name of a parameter', 'random weights', `\`${name}\``, 'See `shapes`.')
  }
  return {
    config: fields,
    shapes,
    drawn,
    tensor(name) {
      const values = drawn(name)
      return filled(shapes.get(name)!, values)
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
  const fields = Object.hasOwn(autoencoderShapes, id) ? autoencoderShapes[id] : undefined
  if (fields) return randomWeights(fields, seed)
  const known = Object.keys(autoencoderShapes).join(', ')
  throw expected('bad-option', `one of ${known}`, 'the shape of an autoencoder', `\`${id}\``, 'Name one of these.')
}
