/**
 * CLIPTextModel and CLIPTextModelWithProjection: the text encoders of Stable Diffusion, from transformers' configuration
 * and tensor names. Only the network: words become numbers in the tokenizer.
 */
import { expected } from '../core/errors.js'
import { type Builder, builder } from '../graph/builder.js'
import type { Graph, Value } from '../graph/graph.js'
import { add, indicator, mul, reshape, slice, sum } from '../graph/ops/common.js'
import { matmul } from '../graph/ops/matmul.js'
import { attention, gelu, layerNorm, linear, quickGelu } from './attention.js'
import { entriesOf, type Layers } from './layers.js'
import { type ConfigReader, checkpointParameters, type Parameters, type WeightSource } from './parameters.js'
import { commonTextHarmless } from './text-fields.js'

export interface ClipTextConfig {
  readonly hiddenSize: number
  readonly intermediateSize: number
  readonly attentionHeads: number
  readonly hiddenLayers: number
  readonly maxPositions: number
  readonly vocabularySize: number
  readonly activation: 'quick_gelu' | 'gelu'
  readonly normEpsilon: number
  readonly endToken: number
  /** Width of the projected, pooled embedding; only in CLIPTextModelWithProjection. */
  readonly projection?: number
}

/** Reads `config.json`; activations that no published encoder of Stable Diffusion has are refused by name. */
export function clipTextConfig(config: ConfigReader): ClipTextConfig {
  const activation = config.string('hidden_act', 'quick_gelu')
  if (activation !== 'quick_gelu' && activation !== 'gelu') {
    const remedy = "Use one of Stable Diffusion's text encoders, or an ONNX export of this one."
    throw expected('unsupported', 'quick_gelu or gelu', `\`hidden_act\` in \`${config.file}\``, activation, remedy)
  }
  const hiddenSize = config.integer('hidden_size', 512)
  const attentionHeads = config.integer('num_attention_heads', 8)
  if (attentionHeads < 1 || hiddenSize % attentionHeads !== 0) {
    const remedy = 'Use the configuration that the weights were published with.'
    const got = `${hiddenSize} and ${attentionHeads}`
    throw expected('bad-model', 'a hidden_size that num_attention_heads divides', `\`${config.file}\``, got, remedy)
  }
  const projects =
    config.has('architectures') && config.strings('architectures').includes('CLIPTextModelWithProjection')
  const read: ClipTextConfig = {
    hiddenSize,
    intermediateSize: config.integer('intermediate_size', 2048),
    attentionHeads,
    hiddenLayers: config.integer('num_hidden_layers', 12),
    maxPositions: config.integer('max_position_embeddings', 77),
    vocabularySize: config.integer('vocab_size', 49408),
    activation,
    normEpsilon: config.number('layer_norm_eps', 1e-5),
    endToken: config.integer('eos_token_id', 2),
    ...(projects && { projection: config.integer('projection_dim', 512) }),
  }
  config.done(clipTextHarmless)
  return read
}

/** Fields that change nothing of the network that is built here. */
export const clipTextHarmless: Readonly<Record<string, string>> = {
  ...commonTextHarmless,
  attention_dropout: 'acts in training alone',
  dropout: 'acts in training alone',
  projection_dim: 'belongs to CLIPTextModelWithProjection, where it is read',
}

export interface ClipText {
  /** After the last normalisation, N × tokens × hiddenSize: what Stable Diffusion 1 and 2 attend to. */
  readonly lastHiddenState: Value
  /** Before the last layer, not normalised: what Stable Diffusion XL attends to. */
  readonly penultimateHiddenState: Value
  /** The last hidden state at the end of the text, N × hiddenSize. */
  readonly pooled: Value
  /** The pooled state projected, N × projection, where there is a projection. */
  readonly textEmbeds?: Value
}

/** Large enough that its exponential is 0 beside any score. */
const masked = -1e9

function encoderLayer(layers: Layers, name: string, x: Value, config: ClipTextConfig, causal: Value): Value {
  const { b } = layers
  const { hiddenSize, attentionHeads, activation, normEpsilon } = config
  const own = layerNorm(layers, `${name}.layer_norm1`, x, normEpsilon)
  const [query, key, value] = ['q_proj', 'k_proj', 'v_proj'].map((part) =>
    linear(layers, `${name}.self_attn.${part}`, own, hiddenSize),
  ) as [Value, Value, Value]
  const mixed = attention(b, query, key, value, attentionHeads, { mask: causal })
  const attended = add(b, x, linear(layers, `${name}.self_attn.out_proj`, mixed, hiddenSize))
  const normalized = layerNorm(layers, `${name}.layer_norm2`, attended, normEpsilon)
  const wide = linear(layers, `${name}.mlp.fc1`, normalized, config.intermediateSize)
  const hidden = activation === 'gelu' ? gelu(b, wide) : quickGelu(b, wide)
  return add(b, attended, linear(layers, `${name}.mlp.fc2`, hidden, hiddenSize))
}

/**
 * The states where each text ends: at its first end token. Old configurations name token 2 and mean the largest, as
 * transformers does.
 */
function atEnd(b: Builder, ids: Value, states: Value, endToken: number): Value {
  const [batch, tokens] = ids.shape as [number, number]
  const legacy = endToken === 2
  const end = legacy ? b.emit('ReduceMax', [ids, b.indices([1])], { keepdims: 1 }) : b.scalar('int64', endToken)
  const isEnd = indicator(b, b.emit('Equal', [ids, end]), states.dtype)
  const before = Array.from({ length: tokens ** 2 }, (_, i) => (Math.floor(i / tokens) < i % tokens ? 1 : 0))
  const earlier = matmul(b, isEnd, b.constant(states.dtype, [tokens, tokens], before))
  const none = indicator(b, b.emit('Equal', [earlier, b.scalar(states.dtype, 0)]), states.dtype)
  return sum(b, mul(b, states, reshape(b, mul(b, isEnd, none), [batch, tokens, 1])), [1], false)
}

/**
 * What stands before the names of the encoder's tensors: transformers 5 saves CLIPTextModel without `text_model.`, older
 * versions and CLIPTextModelWithProjection with it.
 */
export const clipTextRoot = ({ has }: Pick<Parameters, 'has'>): '' | 'text_model.' =>
  has('text_model.embeddings.token_embedding.weight') || !has('embeddings.token_embedding.weight') ? 'text_model.' : ''

/** The encoder's states for `ids` N × tokens (int64), tokens ≤ maxPositions. */
export function encodeText(b: Builder, parameters: Parameters, config: ClipTextConfig, ids: Value): ClipText {
  const layers: Layers = { b, parameters }
  const tokens = ids.shape[1]!
  const { hiddenSize, hiddenLayers } = config
  const root = clipTextRoot(parameters)
  const words = `${root}embeddings.token_embedding.weight`
  const read = entriesOf(layers, words, [config.vocabularySize, hiddenSize], ids)
  const places = parameters.value(`${root}embeddings.position_embedding.weight`, [config.maxPositions, hiddenSize])
  const order = Array.from({ length: tokens ** 2 }, (_, i) => (i % tokens > Math.floor(i / tokens) ? masked : 0))
  const causal = b.constant(read.dtype, [tokens, tokens], order)
  let x = add(b, read, slice(b, places, 0, 0, tokens))
  let penultimate = x
  for (let i = 0; i < hiddenLayers; i++) {
    penultimate = x
    x = encoderLayer(layers, `${root}encoder.layers.${i}`, x, config, causal)
  }
  const lastHiddenState = layerNorm(layers, `${root}final_layer_norm`, x, config.normEpsilon)
  const pooled = atEnd(b, ids, lastHiddenState, config.endToken)
  const states = { lastHiddenState, penultimateHiddenState: penultimate, pooled }
  return config.projection === undefined
    ? states
    : { ...states, textEmbeds: linear(layers, 'text_projection', pooled, config.projection, false) }
}

/** The encoder as a graph: `input_ids` → `last_hidden_state`, `penultimate_hidden_state`, `pooled`[, `text_embeds`]. */
export function clipTextGraph(
  config: ClipTextConfig,
  weights: WeightSource,
  { batch, tokens }: { batch: number; tokens: number },
): Graph {
  const b = builder()
  const ids = b.input('input_ids', 'int64', [batch, tokens])
  const states = encodeText(b, checkpointParameters(b, weights), config, ids)
  b.output(states.lastHiddenState, 'last_hidden_state')
  b.output(states.penultimateHiddenState, 'penultimate_hidden_state')
  b.output(states.pooled, 'pooled')
  if (states.textEmbeds) b.output(states.textEmbeds, 'text_embeds')
  return b.finish('clip-text')
}
