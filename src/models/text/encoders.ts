/**
 * Text encoders in one form, whatever checkpoint they come from, and what of their outputs a denoising network is told.
 * Graphs only; the words become numbers in tokenizer.ts.
 */
import type { Files } from '../../checkpoints/files.js'
import type { NetworkPart, OnnxPart, Part } from '../../checkpoints/folder.js'
import { expected } from '../../core/errors.js'
import { builder } from '../../graph/builder.js'
import type { Graph } from '../../graph/graph.js'
import { cast, concat } from '../../graph/ops/common.js'
import { prune } from '../../graph/passes/prune.js'
import { formatShape } from '../../math/tensor.js'
import { clipTextConfig, clipTextGraph, clipTextRoot } from '../../nn/clip-text.js'
import type { WeightSource } from '../../nn/parameters.js'
import { type QwenTextConfig, qwen3Config, qwenRoot, qwenTextGraph } from '../../nn/qwen-text.js'
import { t5EncoderConfig, t5EncoderGraph } from '../../nn/t5-encoder.js'
import { qwen25VlRoot, qwen25VlTextConfig } from '../classes/qwen2-5-vl.js'
import { checkComplete } from '../complete.js'
import { embed } from '../onnx/embed.js'
import { openOnnxModel } from '../onnx/graph.js'

/**
 * Which states a denoising network attends to: the last, normalised (SD 1, 2), or those before the last layer (XL). Or it is told
 * the text in one vector alone, the last state where the text ends, without a projection (FLUX).
 */
export type StatesKind = 'last' | 'penultimate' | 'end'

/** `input_ids` 1 × tokens (and `attention_mask`) → `states` 1 × tokens × width and, where there is a projection, `pooled` 1 × pooledWidth. */
export interface TextEncoder {
  readonly width: number
  readonly pooledWidth?: number
  /** Most tokens, and one more than the largest id, where the configuration says. */
  readonly positions?: number
  readonly vocabulary?: number
  /** Whether it is told by `attention_mask` which tokens only fill up. */
  readonly isMasked?: boolean
  graph(tokens: number): Graph
}

export const textEncoderClasses = ['CLIPTextModel', 'CLIPTextModelWithProjection'] as const

/** The text encoder of a part. Checks that weights and configuration are of one network. */
export const textEncoder = async (files: Files, part: Part, kind: StatesKind): Promise<TextEncoder> =>
  part.kind === 'onnx' ? await onnxTextEncoder(files, part, kind) : await clipTextEncoder(part, kind)

async function clipTextEncoder(part: NetworkPart, kind: StatesKind): Promise<TextEncoder> {
  const config = clipTextConfig(part.config)
  const weights = await part.openWeights()
  const whole = (tokens: number) => clipTextGraph(config, weights, { batch: 1, tokens })
  // Checkpoints of the whole CLIP carry its other half; some, the numbers 0, 1, 2, … as positions.
  const isFlat = clipTextRoot(weights) === ''
  const isText = (name: string) =>
    (isFlat || /^text_(model|projection)\./.test(name)) && !name.endsWith('.position_ids')
  checkComplete(part.folder, weights, [whole(1)], isText)
  const states = kind === 'penultimate' ? 'penultimate_hidden_state' : 'last_hidden_state'
  const projected = config.projection === undefined ? undefined : { name: 'text_embeds', width: config.projection }
  const pooled = kind === 'end' ? { name: 'pooled', width: config.hiddenSize } : projected
  return {
    width: config.hiddenSize,
    ...(pooled && { pooledWidth: pooled.width }),
    positions: config.maxPositions,
    vocabulary: config.vocabularySize,
    graph: (tokens) => selected(whole(tokens), states, pooled?.name),
  }
}

/** T5's encoder of a part: its last states. A checkpoint of the whole T5 carries its decoder, too. */
export async function t5TextEncoder(part: NetworkPart): Promise<TextEncoder> {
  const config = t5EncoderConfig(part.config)
  const weights = await part.openWeights()
  const whole = (tokens: number) => t5EncoderGraph(config, weights, { batch: 1, tokens })
  const isEncoders = (name: string) => name.startsWith('encoder.') && name !== 'encoder.embed_tokens.weight'
  checkComplete(part.folder, weights, [whole(1)], isEncoders)
  return {
    width: config.width,
    vocabulary: config.vocabularySize,
    graph: (tokens) => selected(whole(tokens), 'last_hidden_state', undefined),
  }
}

/** Qwen3 of a part: hidden states by their numbers, side by side. Layers that none of them needs are not built. */
export async function qwen3TextEncoder(
  part: NetworkPart,
  numbersOf: (layers: number) => readonly number[],
): Promise<TextEncoder> {
  return await qwenTextEncoder(part, qwen3Config(part.config), qwenRoot, numbersOf)
}

/** The language model of Qwen2.5-VL of a part: its last states. */
export async function qwen25VlTextEncoder(part: NetworkPart): Promise<TextEncoder> {
  const config = qwen25VlTextConfig(part.config)
  return await qwenTextEncoder(part, config, qwen25VlRoot, (layers) => [layers])
}

/** Not of the language model: the head that predicts words, and the half that looks at pictures. */
const besideLanguage = /^lm_head\.|^(model\.)?visual\./

async function qwenTextEncoder(
  part: NetworkPart,
  config: QwenTextConfig,
  rootOf: (weights: WeightSource) => string,
  numbersOf: (layers: number) => readonly number[],
): Promise<TextEncoder> {
  const numbers = numbersOf(config.layers)
  const most = Math.max(...numbers)
  if (most > config.layers) {
    const together = 'Text encoder and pipeline do not belong together; fetch the model folder again.'
    const place = `\`num_hidden_layers\` in \`${part.config.file}\``
    throw expected('bad-model', `at least ${most}`, place, `${config.layers}`, together)
  }
  const weights = await part.openWeights()
  const root = rootOf(weights)
  const of = (tokens: number, some: readonly number[]) =>
    qwenTextGraph(config, weights, { batch: 1, tokens }, { root, numbers: some })
  checkComplete(part.folder, weights, [of(1, [config.layers])], (name) => !besideLanguage.test(name))
  return {
    width: config.width * numbers.length,
    positions: config.positions,
    vocabulary: config.vocabularySize,
    isMasked: true,
    graph: (tokens) =>
      selected(
        of(tokens, numbers),
        numbers.map((number) => `hidden_states.${number}`),
        undefined,
      ),
  }
}

/** The graph with only these outputs, under the names `states` and `pooled`; several states stand side by side. */
function selected(graph: Graph, states: string | readonly string[], pooled: string | undefined): Graph {
  const b = builder()
  const inputs = graph.inputs.map(({ name, shape }) => [name, b.input(name, 'int64', shape)] as const)
  const feeds = graph.inputs.map(({ name, dtype }, i) => [name, cast(b, inputs[i]![1], dtype)])
  const values = embed(b, graph, 'text', Object.fromEntries(feeds))
  const side = [states].flat().map((name) => cast(b, values(name), 'float32'))
  b.output(concat(b, side, 2), 'states')
  if (pooled !== undefined) b.output(cast(b, values(pooled), 'float32'), 'pooled')
  return prune(b.finish(graph.name))
}

const remedy = 'Export the text encoder with Optimum.'

/**
 * `text_encoder/model.onnx`: `input_ids` → `last_hidden_state`, `hidden_states.N`, `text_embeds`, the names that Optimum
 * gives; others of its inputs and outputs are refused and left out.
 */
async function onnxTextEncoder(files: Files, part: OnnxPart, kind: StatesKind): Promise<TextEncoder> {
  const model = await openOnnxModel(files, part.file)
  const names = model.inputs.map(({ name }) => name)
  if (names.length !== 1 || names[0] !== 'input_ids') {
    throw expected('bad-model', 'the input input_ids', `\`${part.file}\``, names.join(', ') || 'none', remedy)
  }
  const fixed = model.inputs[0]!.dimensions?.[1]
  const whole = (tokens: number) => model.graph({ input_ids: [1, tokens] })
  const trial = whole(typeof fixed === 'number' ? fixed : 2)
  const states = statesOutput(trial, kind, part.file)
  const { shape } = trial.outputs.find(({ name }) => name === states)!
  const pooledName = kind === 'end' ? 'pooler_output' : 'text_embeds'
  const pooled = trial.outputs.find(({ name }) => name === pooledName)
  return {
    width: shape.at(-1)!,
    ...(pooled && { pooledWidth: pooled.shape.at(-1)! }),
    ...(part.config?.has('max_position_embeddings') && {
      positions: part.config.integer('max_position_embeddings'),
    }),
    ...(part.config?.has('vocab_size') && { vocabulary: part.config.integer('vocab_size') }),
    graph: (tokens) => selected(whole(tokens), states, pooled?.name),
  }
}

function statesOutput({ outputs }: Graph, kind: StatesKind, file: string): string {
  const hidden = outputs.filter(({ name }) => /^hidden_states\.\d+$/.test(name))
  // The states before each layer and after the last one.
  const wanted = kind === 'penultimate' ? `hidden_states.${hidden.length - 2}` : 'last_hidden_state'
  const found = outputs.find(({ name }) => name === wanted)
  if (found && found.shape.length === 3) return found.name
  const what = `the output ${kind === 'penultimate' ? 'hidden_states.N' : wanted}`
  const got = outputs.map(({ name, shape }) => `${name}: ${formatShape(shape)}`).join(', ')
  throw expected('bad-model', what, `\`${file}\``, got, remedy)
}
