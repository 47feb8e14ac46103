/**
 * The language model of Qwen3, as pipelines read it: its hidden states, without the head that predicts words. From
 * transformers' configuration and tensor names. Only the network: words become numbers in the tokenizer.
 *
 * Source: Qwen3 Technical Report, 2025; transformers, modeling_qwen3.py.
 */
import { expected } from '../core/errors.js'
import { type Builder, builder } from '../graph/builder.js'
import type { Graph, Value } from '../graph/graph.js'
import { add, cast, mul, reshape, scale, shift } from '../graph/ops/common.js'
import { attention, byHeads, hidden, joined, linear, rmsNorm } from './attention.js'
import { entriesOf, type Layers, silu } from './layers.js'
import {
  asPublished,
  type ConfigReader,
  checkpointParameters,
  type Parameters,
  positiveInteger,
  type WeightSource,
} from './parameters.js'
import { anglesOf, type Rotation, rotate, rotationBy } from './rotary.js'
import { commonTextHarmless } from './text-fields.js'

export interface QwenTextConfig {
  readonly vocabularySize: number
  readonly width: number
  /** Inside the feed-forward. */
  readonly innerWidth: number
  readonly layers: number
  readonly heads: number
  /** Of keys and values, each for a group of queries' heads. */
  readonly keyHeads: number
  readonly headWidth: number
  readonly theta: number
  readonly positions: number
  readonly normEpsilon: number
  /** Whether queries and keys are normalised, head by head (Qwen3). */
  readonly normalizesQueries: boolean
  /** Whether queries, keys and values have biases (Qwen2). */
  readonly biases: boolean
}

/** With the head that predicts words, which is not built, weights are called `model.…`. */
export const qwen3Classes = ['Qwen3Model', 'Qwen3ForCausalLM'] as const

/** What the names of weights begin with: a folder may name either class, whatever its weights are called. */
export const qwenRoot = ({ has }: Pick<WeightSource, 'has'>): string =>
  has('model.embed_tokens.weight') ? 'model.' : ''

/** What the two language models differ in, and what their configurations leave out. */
interface Form {
  readonly name: string
  readonly defaults: Readonly<
    Record<
      | 'vocab_size'
      | 'hidden_size'
      | 'intermediate_size'
      | 'num_hidden_layers'
      | 'num_attention_heads'
      | 'num_key_value_heads',
      number
    >
  >
  /** Types of rotary positions that are the plain ones where a text has no pictures, and what may stand beside them. */
  readonly ropeTypes: readonly string[]
  readonly ropeMore: readonly string[]
}

const qwen3Form: Form = {
  name: 'Qwen3',
  defaults: {
    vocab_size: 151936,
    hidden_size: 4096,
    intermediate_size: 22016,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    num_key_value_heads: 32,
  },
  ropeTypes: ['default'],
  ropeMore: [],
}

const ofPictures = 'belongs to the half that looks at pictures, which is not built'

/** Fields of Qwen2.5-VL that say nothing of the language model. */
export const qwen25VlHarmless: Readonly<Record<string, string>> = {
  image_token_id: ofPictures,
  video_token_id: ofPictures,
  vision_config: ofPictures,
  vision_end_token_id: ofPictures,
  vision_start_token_id: ofPictures,
  vision_token_id: ofPictures,
}

const qwen25VlForm: Form = {
  name: 'Qwen2.5-VL',
  defaults: {
    vocab_size: 152064,
    hidden_size: 8192,
    intermediate_size: 29568,
    num_hidden_layers: 80,
    num_attention_heads: 64,
    num_key_value_heads: 8,
  },
  ropeTypes: ['default', 'mrope'],
  ropeMore: ['mrope_section', 'type'],
}

type Own = Pick<QwenTextConfig, 'headWidth' | 'normalizesQueries' | 'biases'>

/** The fields that both have. */
function textConfig(config: ConfigReader, form: Form, own: (heads: number, width: number) => Own): QwenTextConfig {
  const positive = (field: keyof Form['defaults'] | 'max_position_embeddings', fallback: number) =>
    positiveInteger(config, field, fallback)
  const of = (field: keyof Form['defaults']) => positive(field, form.defaults[field])
  const only = onlyOf(config, form)
  // Said which class this is.
  config.strings('architectures', [])
  only('hidden_act', config.string('hidden_act', 'silu'), 'silu')
  only('use_sliding_window', config.boolean('use_sliding_window', false), false)
  for (const kind of config.strings('layer_types', [])) only('layer_types', kind, 'full_attention')
  const heads = of('num_attention_heads')
  const keyHeads = config.value('num_key_value_heads') === null ? heads : of('num_key_value_heads')
  if (heads % keyHeads !== 0) {
    const what = `a number that divides num_attention_heads (${heads})`
    throw expected('bad-model', what, `\`num_key_value_heads\` in \`${config.file}\``, `${keyHeads}`, asPublished)
  }
  const width = of('hidden_size')
  return {
    vocabularySize: of('vocab_size'),
    width,
    innerWidth: of('intermediate_size'),
    layers: of('num_hidden_layers'),
    heads,
    keyHeads,
    theta: thetaOf(config, form),
    positions: positive('max_position_embeddings', 32768),
    normEpsilon: config.number('rms_norm_eps', 1e-6),
    ...own(heads, width),
  }
}

const onlyOf =
  (config: ConfigReader, { name }: Form) =>
  (field: string, got: unknown, wanted: unknown) => {
    if (got === wanted) return
    const said = typeof got === 'string' ? got : (JSON.stringify(got) ?? 'nothing')
    throw expected('unsupported', `${wanted}`, `\`${field}\` in \`${config.file}\``, said, `Use a ${name}.`)
  }

/** Reads `config.json` of Qwen3; forms that no published pipeline has are refused by name. */
export function qwen3Config(config: ConfigReader): QwenTextConfig {
  onlyOf(config, qwen3Form)('attention_bias', config.boolean('attention_bias', false), false)
  const read = textConfig(config, qwen3Form, () => {
    const headWidth = config.integer('head_dim', 128)
    if (headWidth === 0 || headWidth % 2 !== 0) {
      throw expected('bad-model', 'an even number', `\`head_dim\` in \`${config.file}\``, `${headWidth}`, asPublished)
    }
    return { headWidth, normalizesQueries: true, biases: false }
  })
  config.done(qwen3Harmless)
  return read
}

/** Reads what `config.json` of Qwen2.5-VL says of its language model: `text_config`, or the whole file of older versions. */
export function qwen25VlConfig(config: ConfigReader): QwenTextConfig {
  const read = textConfig(config, qwen25VlForm, (heads, width) => {
    if (width % (2 * heads) !== 0) {
      const what = `a number that twice num_attention_heads (${2 * heads}) divides`
      throw expected('bad-model', what, `\`hidden_size\` in \`${config.file}\``, `${width}`, asPublished)
    }
    return { headWidth: width / heads, normalizesQueries: false, biases: true }
  })
  config.done({ ...qwen3Harmless, ...qwen25VlHarmless })
  return read
}

/** `rope_theta`, or `rope_parameters` as transformers 5 writes it; other forms of rotary positions are refused. */
function thetaOf(config: ConfigReader, { name, ropeTypes, ropeMore }: Form): number {
  const checked = (field: 'rope_scaling' | 'rope_parameters') => {
    const stated = (config.value(field) ?? null) as Readonly<Record<string, unknown>> | null
    if (stated === null) return undefined
    const { rope_theta: theta, rope_type: type = stated.type ?? 'default', ...more } = stated
    const isKnown =
      ropeTypes.includes(type as string) &&
      Object.keys(more).every((one) => ropeMore.includes(one)) &&
      (theta === undefined || (typeof theta === 'number' && theta > 0))
    const isPlain = field === 'rope_parameters' || ropeMore.length > 0
    if (isKnown && isPlain) return theta as number | undefined
    throw expected(
      'unsupported',
      'rotary positions of the type default',
      `\`${field}\` in \`${config.file}\``,
      JSON.stringify(stated) ?? 'nothing',
      `Use a ${name} that was not stretched to longer texts.`,
    )
  }
  const theta = config.number('rope_theta', 10000)
  const [parameters, scaling] = [checked('rope_parameters'), checked('rope_scaling')]
  return parameters ?? scaling ?? theta
}

/** Fields that change nothing of the network that is built here. */
export const qwen3Harmless: Readonly<Record<string, string>> = {
  ...commonTextHarmless,
  attention_dropout: 'acts in training alone',
  eos_token_id: 'words become numbers in the tokenizer, which says it',
  sliding_window: 'no layer has a window',
  max_window_layers: 'no layer has a window',
}

/** 0 where a token may look, −10³⁰ at later tokens and at those that only fill up: N × 1 × tokens × tokens. */
function causalMask(b: Builder, mask: Value): Value {
  const [batch, tokens] = mask.shape as [number, number]
  const later = Array.from({ length: tokens ** 2 }, (_, i) => (i % tokens > Math.floor(i / tokens) ? hidden : 0))
  const filling = scale(b, shift(b, cast(b, mask, 'float32'), -1), -hidden)
  return add(b, b.constant('float32', [tokens, tokens], later), reshape(b, filling, [batch, 1, 1, tokens]))
}

interface Decoder extends Layers {
  readonly config: QwenTextConfig
  readonly rotation: Rotation
  readonly mask: Value
}

/** x + o(attention(norm(x))), then x + down(silu(gate(norm(x)))·up(norm(x))). */
function layer(decoder: Decoder, name: string, x: Value): Value {
  const { b, config, rotation, mask } = decoder
  const { width, innerWidth, heads, keyHeads, headWidth, normEpsilon, normalizesQueries, biases } = config
  const normal = rmsNorm(decoder, `${name}.input_layernorm`, x, normEpsilon)
  const looking = `${name}.self_attn`
  const project = (part: string, count: number) =>
    linear(decoder, `${looking}.${part}_proj`, normal, count * headWidth, biases)
  const placed = (part: string, count: number) => {
    const split = byHeads(b, project(part, count), count)
    const own = normalizesQueries ? rmsNorm(decoder, `${looking}.${part}_norm`, split, normEpsilon) : split
    return joined(b, rotate(b, own, rotation, 'halves'))
  }
  const [query, key, value] = [placed('q', heads), placed('k', keyHeads), project('v', keyHeads)]
  const mixed = attention(b, query, key, value, heads, { keyHeads, mask })
  const looked = add(b, x, linear(decoder, `${looking}.o_proj`, mixed, width, false))
  const wide = rmsNorm(decoder, `${name}.post_attention_layernorm`, looked, normEpsilon)
  const plain = (part: string, from: Value, channels: number) =>
    linear(decoder, `${name}.mlp.${part}_proj`, from, channels, false)
  const inner = mul(b, silu(b, plain('gate', wide, innerWidth)), plain('up', wide, innerWidth))
  return add(b, looked, plain('down', inner, width))
}

export interface QwenTextInputs {
  /** N × tokens, int64. */
  readonly ids: Value
  /** 1 at the text's tokens and 0 at those that fill up behind them, N × tokens, int64. */
  readonly mask: Value
}

/**
 * Hidden states N × tokens × width by their numbers: 0 is the embedding, k what layer k − 1 makes, and the last is normalised.
 * Only the layers up to the largest number are built.
 */
export function hiddenStates(
  b: Builder,
  parameters: Parameters,
  config: QwenTextConfig,
  { ids, mask }: QwenTextInputs,
  { root, numbers }: { readonly root: string; readonly numbers: readonly number[] },
): readonly Value[] {
  const layers: Layers = { b, parameters }
  const tokens = ids.shape[1]!
  const places = Array.from({ length: tokens }, (_, i) => [i])
  const angles = anglesOf(places, { widths: [config.headWidth], theta: config.theta, rounds: 'frequencies' })
  const decoder: Decoder = { ...layers, config, rotation: rotationBy(b, angles), mask: causalMask(b, mask) }
  const states = [entriesOf(layers, `${root}embed_tokens.weight`, [config.vocabularySize, config.width], ids)]
  const last = Math.max(...numbers)
  for (let i = 0; i < last; i++) {
    const made = layer(decoder, `${root}layers.${i}`, states[i]!)
    states.push(i + 1 === config.layers ? rmsNorm(layers, `${root}norm`, made, config.normEpsilon) : made)
  }
  return numbers.map((number) => states[number]!)
}

export interface QwenTextSize {
  readonly batch: number
  readonly tokens: number
}

/** `input_ids` and `attention_mask`. */
export const qwenTextInputs = (b: Builder, { batch, tokens }: QwenTextSize): QwenTextInputs => ({
  ids: b.input('input_ids', 'int64', [batch, tokens]),
  mask: b.input('attention_mask', 'int64', [batch, tokens]),
})

/** The network as a graph: `input_ids`, `attention_mask` → `hidden_states.<number>` for each number. */
export function qwenTextGraph(
  config: QwenTextConfig,
  weights: WeightSource,
  size: QwenTextSize,
  read: { readonly root: string; readonly numbers: readonly number[] },
): Graph {
  const b = builder()
  const states = hiddenStates(b, checkpointParameters(b, weights), config, qwenTextInputs(b, size), read)
  for (const [i, number] of read.numbers.entries()) b.output(states[i]!, `hidden_states.${number}`)
  return b.finish('qwen-text')
}
