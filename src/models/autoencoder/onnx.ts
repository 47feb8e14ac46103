/**
 * The networks of an autoencoder from two ONNX files, as Optimum and like exporters write them. Only what decides the
 * meaning of inputs and outputs; reading the files is onnx-graph.ts.
 */
import type { Files } from '../../checkpoints/files.js'
import type { OnnxPart } from '../../checkpoints/folder.js'
import { expected } from '../../core/errors.js'
import { type Builder, inferTypes } from '../../graph/builder.js'
import type { Graph, Initializer, Node, Value } from '../../graph/graph.js'
import { encodeNumbers } from '../../graph/numbers.js'
import type { Declared } from '../../graph/onnx/shapes.js'
import { cast, slice } from '../../graph/ops/common.js'
import { formatShape } from '../../math/tensor.js'
import type { ConfigReader } from '../../nn/parameters.js'
import { defaultScalingFactor } from '../classes/autoencoder-kl.js'
import { checkedUnits, latentMoments } from '../classes/autoencoder-parts.js'
import { autoencoderClasses } from '../classes/index.js'
import { embed } from '../onnx/embed.js'
import { type OnnxModel, openOnnxModel } from '../onnx/graph.js'
import { type AutoencoderNetworks, type GraphSize, networksOf } from './networks.js'

/** Sides of the pictures at which a model without fixed sizes is tried. */
const trialSide = 64

const notAnAutoencoder =
  'Export the encoder and the decoder of an autoencoder, each with one picture or latent as its input.'

/** The one input that is a batch of pictures or latents. */
function onlyInput({ file, inputs }: OnnxModel): Declared {
  const [input, ...more] = inputs
  const isPicture = input && /^float(16|32)$/.test(input.dtype) && (input.dimensions?.length ?? 4) === 4
  if (isPicture && more.length === 0) return input
  const got = inputs.map(({ name, dtype, dimensions }) => `${name}: ${dtype}[${dimensions?.join(', ') ?? '?'}]`)
  throw expected('bad-model', 'one input of four axes', `\`${file}\``, got.join(', ') || 'none', notAnAutoencoder)
}

/** The size of an axis where the file fixes it. */
function fixed({ dimensions }: Declared, axis: number): number | undefined {
  const dimension = dimensions?.[axis]
  return typeof dimension === 'number' ? dimension : undefined
}

const isPictures = ({ shape }: Value, channels: number) => shape.length === 4 && shape[1] === channels

/** An encoder yields the posterior's mean and log-variance one after the other, or one latent. */
function latentOutput(graph: Graph, latentChannels: number, file: string): Value {
  const found =
    graph.outputs.find((output) => isPictures(output, 2 * latentChannels)) ??
    graph.outputs.find((output) => isPictures(output, latentChannels))
  return found ?? noOutput(graph, `an output of ${2 * latentChannels} or ${latentChannels} channels`, file)
}

function noOutput(graph: Graph, what: string, file: string): never {
  const got = graph.outputs.map(({ name, shape }) => `${name}: ${formatShape(shape)}`).join(', ')
  throw expected('bad-model', what, `\`${file}\``, got, notAnAutoencoder)
}

/** The graph with zeros in place of random numbers: mean + deviation·noise becomes the mean. */
function withoutNoise(graph: Graph): Graph {
  const isNoise = ({ op, domain }: Node) => domain === '' && /^RandomNormal(Like)?$/.test(op)
  if (!graph.nodes.some(isNoise)) return graph
  const { types } = inferTypes(graph)
  const shapes = new Map<string, Initializer>()
  const nodes = graph.nodes.map((node): Node => {
    if (!isNoise(node)) return node
    const [output = ''] = node.outputs
    const { dtype, shape } = types.get(output)!
    const zero = { dtype, shape: [1], storage: { bytes: encodeNumbers(dtype, [0]) } }
    const name = `${output}/shape`
    shapes.set(name, { dtype: 'int64', shape: [shape.length], storage: { bytes: encodeNumbers('int64', shape) } })
    return { ...node, op: 'ConstantOfShape', inputs: [name], attributes: { value: { type: 'tensor', value: zero } } }
  })
  return { ...graph, nodes, initializers: new Map([...graph.initializers, ...shapes]) }
}

/**
 * What latents of the network are multiplied by. The files do not say, and a wrong scale goes unnoticed: pictures look
 * right, and latents, noise and marks are another model's.
 */
function scalingFactor(
  configs: readonly (ConfigReader | undefined)[],
  pipelineClass: string | undefined,
  file: string,
): number {
  const found = configs.find((config) => config?.has('scaling_factor'))
  if (found) return found.number('scaling_factor')
  const named = configs.find((config) => config?.has('_class_name'))?.string('_class_name')
  const byClass = autoencoderClasses.find(({ classNames }) => named !== undefined && classNames.includes(named))
  if (byClass) return byClass.autoencoder.defaultScalingFactor
  if (pipelineClass?.startsWith('OnnxStableDiffusion')) return defaultScalingFactor
  throw expected(
    'bad-model',
    '`scaling_factor` in a config.json beside it',
    `\`${file}\``,
    configs.some((config) => config) ? 'a config.json without it' : 'no config.json',
    'Write one: { "scaling_factor": 0.18215 } for Stable Diffusion 1 and 2, 0.13025 for XL, 1 for latents as the files have them.',
  )
}

/** Runs half an autoencoder inside another graph, in the type that the file computes with. */
function through(b: Builder, graph: Graph, prefix: string, x: Value, output: string): Value {
  const [input] = graph.inputs as [Value]
  const values = embed(b, graph, prefix, { [input.name]: cast(b, x, input.dtype) })
  return cast(b, values(output), 'float32')
}

/**
 * The networks of `vae_encoder/model.onnx` and `vae_decoder/model.onnx`.
 *
 * Names of inputs and outputs are whatever the exporter gave: each file has one input. An encoder's output of twice the
 * latent's channels is mean and log-variance; one of the latent's channels is taken as it is, and where the file draws
 * noise to sample it, the noise is replaced by zeros, so that the mean comes out. `scaling_factor` is read from a
 * config.json beside either file, or is the default of the class that it names; without one only diffusers' own ONNX
 * pipelines have a scale, since theirs is fixed. `shift_factor`, `latents_mean`, `latents_std`, `latent_channels` and
 * `in_channels` are read there too; without one there is no shift, and channels are what the files say, or 4 and 3. Pixels per latent entry are what the encoder makes of
 * a picture.
 *
 * Errors: `bad-model` when a file's input or outputs are not those of an autoencoder, and when nothing says what the
 * scale of its latents is; those of decodeOnnx.
 */
export async function onnxAutoencoderNetworks(
  files: Files,
  parts: { readonly encoder: OnnxPart; readonly decoder: OnnxPart },
  name: string,
  pipelineClass?: string,
): Promise<AutoencoderNetworks> {
  const encoder = await openOnnxModel(files, parts.encoder.file)
  const decoder = await openOnnxModel(files, parts.decoder.file)
  const configs = [parts.decoder.config, parts.encoder.config]
  const config = (field: string) => configs.find((each) => each?.has(field))
  const image = onlyInput(encoder)
  const latent = onlyInput(decoder)
  const imageChannels = fixed(image, 1) ?? config('in_channels')?.integer('in_channels') ?? 3
  const latentChannels = fixed(latent, 1) ?? config('latent_channels')?.integer('latent_channels') ?? 4

  const rawEncoder = ({ batch, height, width }: GraphSize): Graph =>
    encoder.graph({ [image.name]: [batch, imageChannels, height, width] })
  const trial: GraphSize = {
    batch: fixed(image, 0) ?? 1,
    height: fixed(image, 2) ?? trialSide,
    width: fixed(image, 3) ?? trialSide,
  }
  const encoded = latentOutput(rawEncoder(trial), latentChannels, encoder.file)
  const [, , latentHeight, latentWidth] = encoded.shape as [number, number, number, number]
  const downscaling = trial.height / latentHeight
  if (!Number.isInteger(downscaling) || trial.width / latentWidth !== downscaling) {
    const got = `${formatShape(encoded.shape)} for ${formatShape([trial.height, trial.width])} pixels`
    throw expected(
      'bad-model',
      'a latent of a whole fraction of the size',
      `\`${encoder.file}\``,
      got,
      notAnAutoencoder,
    )
  }
  const scale = scalingFactor(configs, pipelineClass, decoder.file)
  const shift = config('shift_factor')?.number('shift_factor') ?? 0
  const units = checkedUnits(scale, shift, config('scaling_factor')?.file ?? decoder.file)
  const standardised = config('latents_mean') ?? config('latents_std')
  const rawDecoder = ({ batch, height, width }: GraphSize): Graph =>
    decoder.graph({ [latent.name]: [batch, latentChannels, height / downscaling, width / downscaling] })

  return networksOf({
    name,
    imageChannels,
    latentChannels,
    downscaling,
    ...units,
    latentMoments: standardised && latentMoments(standardised, latentChannels),
    encode(b, x) {
      const [batch, , height, width] = x.shape as [number, number, number, number]
      const graph = withoutNoise(rawEncoder({ batch, height, width }))
      const output = latentOutput(graph, latentChannels, encoder.file)
      return slice(b, through(b, graph, 'encoder', x, output.name), 1, 0, latentChannels)
    },
    decode(b, x) {
      const [batch, , rows, columns] = x.shape as [number, number, number, number]
      const size = { batch, height: rows * downscaling, width: columns * downscaling }
      const graph = rawDecoder(size)
      const wanted = [batch, imageChannels, size.height, size.width]
      const output = graph.outputs.find(({ shape }) => formatShape(shape) === formatShape(wanted))
      if (!output) return noOutput(graph, `an output of shape ${formatShape(wanted)}`, decoder.file)
      return through(b, graph, 'decoder', x, output.name)
    },
    raw: { encoder: rawEncoder, decoder: rawDecoder },
  })
}
