/** The denoising network of an ONNX file, as Optimum exports it. Only what decides the meaning of inputs and outputs. */
import type { Files } from '../../checkpoints/files.js'
import type { OnnxPart } from '../../checkpoints/folder.js'
import { expected } from '../../core/errors.js'
import { type Builder, builder } from '../../graph/builder.js'
import type { Graph, Value } from '../../graph/graph.js'
import type { Declared } from '../../graph/onnx/shapes.js'
import { cast, reshape, slice } from '../../graph/ops/common.js'
import { formatShape, sameShape } from '../../math/tensor.js'
import { embed } from '../onnx/embed.js'
import { type OnnxModel, openOnnxModel } from '../onnx/graph.js'
import type { DenoisingPart, DenoisingSize } from './networks.js'
import { unetSize, unetValues } from './unet.js'

const remedy = 'Export the network with Optimum, task text-to-image.'

/** Sides of latents that exported networks of Stable Diffusion take: three halvings. */
const multiple = 8

const named = ({ inputs }: OnnxModel, name: string): Declared | undefined => inputs.find((input) => input.name === name)

/** The size of an axis: what the file fixes, or else what config.json says. */
function width({ file, inputs }: OnnxModel, { config }: OnnxPart, name: string, axis: number, field: string): number {
  const declared = inputs.find((input) => input.name === name)?.dimensions?.[axis]
  if (typeof declared === 'number') return declared
  if (config?.has(field)) return config.integer(field)
  const got = 'a size by name only'
  throw expected('bad-model', `\`${field}\` in a config.json beside it`, `\`${name}\` of \`${file}\``, got, remedy)
}

function checkInputs({ file, inputs }: OnnxModel): void {
  const names = inputs.map(({ name }) => name)
  const needed = ['sample', 'timestep', 'encoder_hidden_states']
  const known = [...needed, 'text_embeds', 'time_ids']
  if (needed.every((name) => names.includes(name)) && names.every((name) => known.includes(name))) return
  throw expected('bad-model', `the inputs ${known.join(', ')}`, `\`${file}\``, names.join(', ') || 'none', remedy)
}

/**
 * The network of `unet/model.onnx`: inputs `sample`, `timestep` (of any number type; of no axis, or one of any or fixed
 * size), `encoder_hidden_states`, for Stable Diffusion XL `text_embeds` and `time_ids`; the output of the sample's shape.
 *
 * Widths are what the file fixes, or else config.json beside it says. Errors: `bad-model` for other inputs and outputs;
 * those of decodeOnnx.
 */
export async function onnxUnetPart(files: Files, part: OnnxPart): Promise<DenoisingPart> {
  const model = await openOnnxModel(files, part.file)
  checkInputs(model)
  const channels = width(model, part, 'sample', 1, 'in_channels')
  const statesWidth = width(model, part, 'encoder_hidden_states', 2, 'cross_attention_dim')
  const fixedSide = named(model, 'sample')!.dimensions?.[2]
  const sampleSize = typeof fixedSide === 'number' ? fixedSide : (part.config?.integer('sample_size', 64) ?? 64)
  const isLarge = named(model, 'text_embeds') !== undefined
  const pooledWidth = isLarge ? pooledWidthOf(model, part) : undefined
  const time = named(model, 'timestep')!.dimensions
  const oneTime = time === undefined || time.length === 0 || time[0] === 1
  const networks = {
    values: unetValues(statesWidth, pooledWidth),
    oneTime,
    graph(size: DenoisingSize): Graph {
      const { batch, height, width, tokens } = unetSize(size)
      const b = builder()
      const inputs: Record<string, Value> = {
        sample: b.input('sample', 'float32', [batch, channels, height, width]),
        timestep: timesteps(b, b.input('timestep', 'float32', [batch]), time?.length ?? 0, oneTime),
        encoder_hidden_states: b.input('encoder_hidden_states', 'float32', [batch, tokens, statesWidth]),
      }
      if (pooledWidth !== undefined) {
        inputs.text_embeds = b.input('text_embeds', 'float32', [batch, pooledWidth])
        inputs.time_ids = b.input('time_ids', 'float32', [batch, 6])
      }
      const graph = model.graph(Object.fromEntries(Object.entries(inputs).map(([name, { shape }]) => [name, shape])))
      const feeds = graph.inputs.map(({ name, dtype }) => [name, cast(b, inputs[name]!, dtype)])
      const values = embed(b, graph, 'unet', Object.fromEntries(feeds))
      b.output(cast(b, values(outputOf(graph, inputs.sample!, part.file)), 'float32'), 'out')
      return b.finish('unet')
    },
  }
  return { networks, channels, side: sampleSize, multiple }
}

/** In the form that the file takes them: one number, a list of one, or one for each sample. */
function timesteps(b: Builder, each: Value, axes: number, one: boolean): Value {
  const first = one ? slice(b, each, 0, 0, 1) : each
  return axes === 0 ? reshape(b, first, []) : first
}

function pooledWidthOf(model: OnnxModel, part: OnnxPart): number {
  const declared = named(model, 'text_embeds')?.dimensions?.[1]
  if (typeof declared === 'number') return declared
  const all = width(model, part, 'text_embeds', 1, 'projection_class_embeddings_input_dim')
  return all - 6 * (part.config?.integer('addition_time_embed_dim', 256) ?? 256)
}

function outputOf(graph: Graph, sample: Value, file: string): string {
  const found = graph.outputs.find(({ shape }) => sameShape(shape, sample.shape))
  if (found) return found.name
  const got = graph.outputs.map(({ name, shape }) => `${name}: ${formatShape(shape)}`).join(', ')
  throw expected('bad-model', `an output of shape ${formatShape(sample.shape)}`, `\`${file}\``, got, remedy)
}
