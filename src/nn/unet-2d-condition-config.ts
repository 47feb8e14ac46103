/**
 * The configuration of UNet2DConditionModel, and of what was inflated from it: what is read of config.json, and what of it is
 * refused.
 */
import { expected } from '../core/errors.js'
import type { ConfigReader } from './parameters.js'

/** One level of the network, from fine to coarse; the way up mirrors the way down. */
export interface UnetBlock {
  readonly channels: number
  /** Whether it attends to the prompt on the way down. */
  readonly attention: boolean
  readonly upAttention: boolean
  readonly heads: number
  /** Transformer blocks of each attention. */
  readonly depth: number
}

export interface Unet2dConditionConfig {
  readonly inChannels: number
  readonly outChannels: number
  /** Side of the latents it was trained on. */
  readonly sampleSize: number
  readonly blockOutChannels: readonly number[]
  readonly blocks: readonly UnetBlock[]
  readonly mid: Pick<UnetBlock, 'channels' | 'heads' | 'depth'>
  readonly layersPerBlock: number
  readonly normNumGroups: number
  readonly normEpsilon: number
  readonly crossAttentionDim: number
  readonly useLinearProjection: boolean
  readonly flipSinToCos: boolean
  readonly frequencyShift: number
  readonly additionEmbedType?: 'text_time'
  readonly additionTimeEmbedDim?: number
  /** Width of the pooled prompt that `text_time` adds. */
  readonly textEmbedWidth?: number
}

/** Options that change the network and that no Stable Diffusion 1, 2 or XL uses, with the value they must have. */
const fixed: Readonly<Record<string, string | number | boolean>> = {
  act_fn: 'silu',
  downsample_padding: 1,
  mid_block_scale_factor: 1,
  only_cross_attention: false,
  dual_cross_attention: false,
  center_input_sample: false,
  resnet_time_scale_shift: 'default',
  resnet_skip_time_act: false,
  resnet_out_scale_factor: 1,
  time_embedding_type: 'positional',
  conv_in_kernel: 3,
  conv_out_kernel: 3,
  attention_type: 'default',
  class_embeddings_concat: false,
}
const absent = [
  'class_embed_type',
  'encoder_hid_dim_type',
  'time_embedding_act_fn',
  'timestep_post_act',
  'time_cond_proj_dim',
  'num_attention_heads',
  'cross_attention_norm',
  'mid_block_only_cross_attention',
  'reverse_transformer_layers_per_block',
  'encoder_hid_dim',
  'num_class_embeds',
  'time_embedding_dim',
] as const

/** Fields that change nothing of the network that is built here. */
export const unet2dConditionHarmless: Readonly<Record<string, string>> = {
  dropout: 'acts in training alone',
  upcast_attention: 'attention is computed in float32 in any case',
  addition_embed_type_num_heads: 'belongs to another kind of addition_embed_type',
  addition_time_embed_dim: 'belongs to addition_embed_type text_time, where it is read',
  projection_class_embeddings_input_dim: 'belongs to addition_embed_type text_time, where it is read',
}

/** What classes of this layout differ in. */
export interface UnetClass {
  /** What the names of its blocks say. */
  readonly blocks: '2D' | '3D'
  readonly fixed?: Readonly<Record<string, string | number | boolean>>
  readonly absent?: readonly string[]
  readonly remedy: string
}

const pictures: UnetClass = {
  blocks: '2D',
  remedy: 'Use a network of the Stable Diffusion 1, 2 or XL layout, or an ONNX export of this one.',
}

/** Fields whose null means that a part is missing, and not the default. */
const present = ['mid_block_type', 'norm_num_groups', 'act_fn'] as const

function checkFixed(config: ConfigReader, { blocks, remedy, ...more }: UnetClass): void {
  const missing = present.find((field) => config.value(field) === null)
  if (missing) throw expected('unsupported', 'a value', `\`${missing}\` in \`${config.file}\``, 'null', remedy)
  const read = (field: string, value: string | number | boolean) =>
    typeof value === 'string'
      ? config.string(field, value)
      : typeof value === 'number'
        ? config.number(field, value)
        : config.boolean(field, value)
  const wanted = { mid_block_type: `UNetMidBlock${blocks}CrossAttn`, ...fixed, ...more.fixed }
  for (const [field, value] of Object.entries(wanted)) {
    const got = read(field, value)
    if (got !== value) throw expected('unsupported', `${value}`, `\`${field}\` in \`${config.file}\``, `${got}`, remedy)
  }
  for (const field of [...absent, ...(more.absent ?? [])]) {
    if (config.has(field)) {
      const got = JSON.stringify(config.value(field))
      throw expected('unsupported', 'null', `\`${field}\` in \`${config.file}\``, got, remedy)
    }
  }
}

/** Reads `config.json`; options that no published Stable Diffusion network uses are refused by name. */
export const unet2dConditionConfig = (config: ConfigReader): Unet2dConditionConfig => readUnet(config, pictures)

/** Reads the `config.json` of one of these classes. */
export function readUnet(config: ConfigReader, unetClass: UnetClass): Unet2dConditionConfig {
  const { blocks: kind, remedy } = unetClass
  checkFixed(config, unetClass)
  const blockOutChannels = config.integers('block_out_channels', [320, 640, 1280, 1280])
  const levels = blockOutChannels.length
  const types = (field: string, fallback: readonly string[], plain: string, attending: string) => {
    const found = config.strings(field, fallback)
    const other = found.find((type) => type !== plain && type !== attending)
    if (other !== undefined || found.length !== levels) {
      const what = `${plain} or ${attending} for each of ${levels} \`block_out_channels\``
      throw expected('unsupported', what, `\`${field}\` in \`${config.file}\``, other ?? `${found.length}`, remedy)
    }
    return found.map((type) => type === attending)
  }
  const crossDown = `CrossAttnDownBlock${kind}`
  const crossUp = `CrossAttnUpBlock${kind}`
  const [plainDown, plainUp] = [`DownBlock${kind}`, `UpBlock${kind}`]
  const down = types('down_block_types', [crossDown, crossDown, crossDown, plainDown], plainDown, crossDown)
  const up = types('up_block_types', [plainUp, crossUp, crossUp, crossUp], plainUp, crossUp).toReversed()
  // diffusers' `attention_head_dim` is the number of heads, a misnomer that it keeps for old checkpoints.
  const heads = perLevel(config, unetClass, 'attention_head_dim', 8, levels)
  const depths = perLevel(config, unetClass, 'transformer_layers_per_block', 1, levels)
  const normNumGroups = config.integer('norm_num_groups', 32)
  blockOutChannels.forEach((channels, i) => {
    if (normNumGroups < 1 || channels < 1 || channels % normNumGroups !== 0 || channels % heads[i]! !== 0) {
      throw expected(
        'bad-model',
        `block_out_channels that norm_num_groups (${normNumGroups}) and the heads (${heads}) divide`,
        `\`${config.file}\``,
        `[${blockOutChannels}]`,
        'Use the configuration that the weights were published with.',
      )
    }
  })
  const blocks = blockOutChannels.map((channels, i) => ({
    channels,
    attention: down[i]!,
    upAttention: up[i]!,
    heads: heads[i]!,
    depth: depths[i]!,
  }))
  const read: Unet2dConditionConfig = {
    inChannels: config.integer('in_channels', 4),
    outChannels: config.integer('out_channels', 4),
    sampleSize: oneOf(config, unetClass, 'sample_size', 64),
    blockOutChannels,
    blocks,
    mid: blocks.at(-1)!,
    layersPerBlock: config.integer('layers_per_block', 2),
    normNumGroups,
    normEpsilon: config.number('norm_eps', 1e-5),
    crossAttentionDim: oneOf(config, unetClass, 'cross_attention_dim', 1280),
    useLinearProjection: config.boolean('use_linear_projection', false),
    flipSinToCos: config.boolean('flip_sin_to_cos', true),
    frequencyShift: config.integer('freq_shift', 0),
    ...addition(config),
  }
  config.done(unet2dConditionHarmless)
  return read
}

/** A number, or a list that repeats it: one side of a square, one width at every level. */
function oneOf(config: ConfigReader, { remedy }: UnetClass, field: string, fallback: number): number {
  const found = config.integerOrIntegers(field, fallback)
  if (typeof found === 'number') return found
  const [first, ...rest] = found
  if (first !== undefined && rest.every((value) => value === first)) return first
  const what = 'one number, or a list of equal ones'
  throw expected('unsupported', what, `\`${field}\` in \`${config.file}\``, `[${found}]`, remedy)
}

/** A number for all levels, or one for each. */
function perLevel(
  config: ConfigReader,
  { remedy }: UnetClass,
  field: string,
  fallback: number,
  levels: number,
): readonly number[] {
  const found = config.integerOrIntegers(field, fallback)
  const all = typeof found === 'number' ? Array<number>(levels).fill(found) : found
  if (all.length === levels && all.every((value) => value >= 1)) return all
  const got = `[${found}]`
  throw expected('bad-model', `one number or ${levels}, positive`, `\`${field}\` in \`${config.file}\``, got, remedy)
}

function addition(
  config: ConfigReader,
): Pick<Unet2dConditionConfig, 'additionEmbedType' | 'additionTimeEmbedDim' | 'textEmbedWidth'> {
  if (!config.has('addition_embed_type')) return {}
  const type = config.string('addition_embed_type')
  if (type !== 'text_time') {
    throw expected('unsupported', 'text_time', `\`addition_embed_type\` in \`${config.file}\``, type, pictures.remedy)
  }
  const additionTimeEmbedDim = config.integer('addition_time_embed_dim')
  const width = config.integer('projection_class_embeddings_input_dim')
  const textEmbedWidth = width - 6 * additionTimeEmbedDim
  if (textEmbedWidth >= 1) return { additionEmbedType: type, additionTimeEmbedDim, textEmbedWidth }
  const field = `\`projection_class_embeddings_input_dim\` in \`${config.file}\``
  throw expected(
    'bad-model',
    `more than 6 times \`addition_time_embed_dim\`, ${additionTimeEmbedDim},`,
    field,
    `${width}`,
    pictures.remedy,
  )
}
