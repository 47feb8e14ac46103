/**
 * T5EncoderModel and UMT5EncoderModel: the text encoders of T5 1.1 and UMT5, from transformers' configuration and tensor
 * names. Only the network: words become numbers in the tokenizer.
 *
 * Source: Raffel et al., JMLR 2020; Shazeer, GLU Variants Improve Transformer, 2020; transformers, modeling_t5.py.
 */
import { expected } from '../core/errors.js'
import { type Builder, builder } from '../graph/builder.js'
import type { Graph, Value } from '../graph/graph.js'
import { add, mul } from '../graph/ops/common.js'
import { attention, geluTanh, linear, rmsNorm } from './attention.js'
import { entriesOf, type Layers } from './layers.js'
import { type ConfigReader, checkpointParameters, type Parameters, type WeightSource } from './parameters.js'
import { type RelativePositions, relativePositions } from './relative-positions.js'
import { commonTextHarmless } from './text-fields.js'

export interface T5EncoderConfig extends RelativePositions {
  readonly vocabularySize: number
  readonly width: number
  /** Inside the feed-forward. */
  readonly innerWidth: number
  readonly layers: number
  readonly heads: number
  readonly headWidth: number
  readonly normEpsilon: number
  /** Whether each layer has a table of relative positions of its own (UMT5), or all that of the first (T5). */
  readonly ownPositions: boolean
}

/** What the configurations of the two classes leave out. */
const defaults = {
  T5EncoderModel: { vocab_size: 32128, d_ff: 2048, num_layers: 6, num_heads: 8, feed_forward_proj: 'relu' },
  UMT5EncoderModel: { vocab_size: 250112, d_ff: 1024, num_layers: 8, num_heads: 6, feed_forward_proj: 'gated-gelu' },
} as const

export const t5EncoderClasses = Object.keys(defaults) as readonly (keyof typeof defaults)[]

const remedy = 'Use the configuration that the weights were published with.'

/** Reads `config.json`; forms of the feed-forward that T5 1.1 does not have are refused by name. */
export function t5EncoderConfig(config: ConfigReader): T5EncoderConfig {
  const isUmt5 = config.strings('architectures', []).includes('UMT5EncoderModel')
  const own = defaults[isUmt5 ? 'UMT5EncoderModel' : 'T5EncoderModel']
  const atLeast = (least: number, field: string, fallback: number) => {
    const found = config.integer(field, fallback)
    if (found >= least) return found
    throw expected('bad-model', `at least ${least}`, `\`${field}\` in \`${config.file}\``, `${found}`, remedy)
  }
  const only = (field: string, got: string | boolean, wanted: string | boolean) => {
    if (got === wanted) return
    throw expected('unsupported', `${wanted}`, `\`${field}\` in \`${config.file}\``, `${got}`, 'Use a T5 1.1.')
  }
  only('feed_forward_proj', config.string('feed_forward_proj', own.feed_forward_proj), 'gated-gelu')
  only('dense_act_fn', config.string('dense_act_fn', 'gelu_new'), 'gelu_new')
  only('is_gated_act', config.boolean('is_gated_act', true), true)
  const buckets = atLeast(4, 'relative_attention_num_buckets', 32)
  const read: T5EncoderConfig = {
    vocabularySize: atLeast(1, 'vocab_size', own.vocab_size),
    width: atLeast(1, 'd_model', 512),
    innerWidth: atLeast(1, 'd_ff', own.d_ff),
    layers: atLeast(1, 'num_layers', own.num_layers),
    heads: atLeast(1, 'num_heads', own.num_heads),
    headWidth: atLeast(1, 'd_kv', 64),
    buckets,
    maximumDistance: atLeast(Math.floor(buckets / 4) + 1, 'relative_attention_max_distance', 128),
    normEpsilon: config.number('layer_norm_epsilon', 1e-6),
    ownPositions: isUmt5,
  }
  config.done(t5EncoderHarmless)
  return read
}

const decoder = 'belongs to the decoder, which is not built'

/** Fields that change nothing of the network that is built here. */
export const t5EncoderHarmless: Readonly<Record<string, string>> = {
  ...commonTextHarmless,
  dropout_rate: 'acts in training alone',
  classifier_dropout: 'acts in training alone',
  eos_token_id: 'words become numbers in the tokenizer, which says it',
  num_decoder_layers: decoder,
  decoder_start_token_id: decoder,
  scale_decoder_outputs: decoder,
  n_positions: 'positions are relative',
  task_specific_params: decoder,
  output_past: decoder,
}

/** The encoder's last states, normalised, for `ids` N × tokens (int64): N × tokens × width. */
export function encodeText(b: Builder, parameters: Parameters, config: T5EncoderConfig, ids: Value): Value {
  const layers: Layers = { b, parameters }
  const { width, heads, headWidth, innerWidth, normEpsilon } = config
  const tokens = ids.shape[1]!
  const plain = (name: string, x: Value, channels: number) => linear(layers, name, x, channels, false)
  const positionsAt = (layer: number) =>
    relativePositions(layers, `encoder.block.${layer}.layer.0.SelfAttention`, config, tokens)
  const shared = config.ownPositions ? undefined : positionsAt(0)
  let x = entriesOf(layers, wordsOf(parameters), [config.vocabularySize, width], ids)
  for (let i = 0; i < config.layers; i++) {
    const [looking, wide] = [`encoder.block.${i}.layer.0`, `encoder.block.${i}.layer.1`]
    const own = rmsNorm(layers, `${looking}.layer_norm`, x, normEpsilon)
    const [query, key, value] = ['q', 'k', 'v'].map((part) =>
      plain(`${looking}.SelfAttention.${part}`, own, heads * headWidth),
    ) as [Value, Value, Value]
    const mixed = attention(b, query, key, value, heads, { mask: shared ?? positionsAt(i), factor: 1 })
    x = add(b, x, plain(`${looking}.SelfAttention.o`, mixed, width))
    const normal = rmsNorm(layers, `${wide}.layer_norm`, x, normEpsilon)
    const [gate, linearPart] = ['wi_0', 'wi_1'].map((part) =>
      plain(`${wide}.DenseReluDense.${part}`, normal, innerWidth),
    ) as [Value, Value]
    x = add(b, x, plain(`${wide}.DenseReluDense.wo`, mul(b, geluTanh(b, gate), linearPart), width))
  }
  return rmsNorm(layers, 'encoder.final_layer_norm', x, normEpsilon)
}

/** The table of words has two names. A checkpoint has one of them, or both. */
const wordsOf = ({ has }: Pick<Parameters, 'has'>): string =>
  has('shared.weight') || !has('encoder.embed_tokens.weight') ? 'shared.weight' : 'encoder.embed_tokens.weight'

/** The encoder as a graph: `input_ids` → `last_hidden_state`. */
export function t5EncoderGraph(
  config: T5EncoderConfig,
  weights: WeightSource,
  { batch, tokens }: { batch: number; tokens: number },
): Graph {
  const b = builder()
  const ids = b.input('input_ids', 'int64', [batch, tokens])
  b.output(encodeText(b, checkpointParameters(b, weights), config, ids), 'last_hidden_state')
  return b.finish('t5-encoder')
}
