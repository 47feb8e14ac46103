/**
 * The configurations of published networks, as their folders state them: only what differs from the classes' defaults or
 * decides a shape; no weights. Each family says which of them it is made of.
 */
import { defaultScalingFactor } from '../classes/autoencoder-kl.js'

/** The fields of a config.json. */
export type ConfigFields = Readonly<Record<string, unknown>>

/** The configurations of a pipeline's parts. */
export interface PipelineShape {
  readonly className: string
  readonly vae: ConfigFields
  /** The denoising network, by the name of its folder. */
  readonly denoiser: { readonly name: string; readonly config: ConfigFields }
  /** `text_encoder`, `text_encoder_2`, …: CLIPs, each with its tokenizer's padding, and T5s. */
  readonly textEncoders: readonly { readonly config: ConfigFields; readonly padding?: string }[]
  readonly scheduler: ConfigFields
  readonly more?: ConfigFields
}

/** The autoencoder of Stable Diffusion with these stages. */
export const autoencoder = (
  stages: readonly number[],
  more: ConfigFields & { readonly sample_size: number },
): ConfigFields => ({
  _class_name: 'AutoencoderKL',
  act_fn: 'silu',
  block_out_channels: stages,
  down_block_types: stages.map(() => 'DownEncoderBlock2D'),
  in_channels: 3,
  latent_channels: 4,
  layers_per_block: 2,
  norm_num_groups: 32,
  out_channels: 3,
  scaling_factor: defaultScalingFactor,
  up_block_types: stages.map(() => 'UpDecoderBlock2D'),
  ...more,
})

export const autoencoderStages = [128, 256, 512, 512]

/** The autoencoder of flows: 16 channels, and no convolutions between its halves. */
export const flowAutoencoder = (
  stages: readonly number[],
  more: ConfigFields & Readonly<Record<'sample_size' | 'scaling_factor' | 'shift_factor', number>>,
): ConfigFields =>
  autoencoder(stages, { latent_channels: 16, use_post_quant_conv: false, use_quant_conv: false, ...more })

export const cross = 'CrossAttnDownBlock2D'
export const crossUp = 'CrossAttnUpBlock2D'

export const unet = (more: ConfigFields): ConfigFields => ({
  _class_name: 'UNet2DConditionModel',
  act_fn: 'silu',
  block_out_channels: [320, 640, 1280, 1280],
  center_input_sample: false,
  down_block_types: [cross, cross, cross, 'DownBlock2D'],
  downsample_padding: 1,
  flip_sin_to_cos: true,
  freq_shift: 0,
  in_channels: 4,
  layers_per_block: 2,
  norm_eps: 1e-5,
  norm_num_groups: 32,
  out_channels: 4,
  up_block_types: ['UpBlock2D', crossUp, crossUp, crossUp],
  ...more,
})

export const clipText = (more: ConfigFields): ConfigFields => ({
  architectures: ['CLIPTextModel'],
  bos_token_id: 0,
  eos_token_id: 2,
  hidden_act: 'gelu',
  layer_norm_eps: 1e-5,
  max_position_embeddings: 77,
  model_type: 'clip_text_model',
  pad_token_id: 1,
  vocab_size: 49408,
  ...more,
})

/** CLIP ViT-L/14's text half. */
export const clipLarge = clipText({
  hidden_act: 'quick_gelu',
  hidden_size: 768,
  intermediate_size: 3072,
  num_attention_heads: 12,
  num_hidden_layers: 12,
  projection_dim: 768,
})

/** OpenCLIP ViT-H/14's text half without its last layer. */
export const openClipHuge = clipText({
  hidden_size: 1024,
  intermediate_size: 4096,
  num_attention_heads: 16,
  num_hidden_layers: 23,
  projection_dim: 512,
})

/** OpenCLIP ViT-bigG/14's text half. */
export const openClipGiant = clipText({
  architectures: ['CLIPTextModelWithProjection'],
  hidden_size: 1280,
  intermediate_size: 5120,
  num_attention_heads: 20,
  num_hidden_layers: 32,
  projection_dim: 1280,
})

/** T5 1.1's encoder. */
export const t5Text = (more: ConfigFields): ConfigFields => ({
  architectures: ['T5EncoderModel'],
  dense_act_fn: 'gelu_new',
  feed_forward_proj: 'gated-gelu',
  is_gated_act: true,
  layer_norm_epsilon: 1e-6,
  model_type: 't5',
  relative_attention_max_distance: 128,
  relative_attention_num_buckets: 32,
  vocab_size: 32128,
  ...more,
})

/** T5 1.1's largest. */
export const t5Xxl = t5Text({ d_ff: 10240, d_kv: 64, d_model: 4096, num_heads: 64, num_layers: 24 })

export const scheduler = (className: string, more: ConfigFields = {}): ConfigFields => ({
  _class_name: className,
  beta_end: 0.012,
  beta_schedule: 'scaled_linear',
  beta_start: 0.00085,
  clip_sample: false,
  num_train_timesteps: 1000,
  prediction_type: 'epsilon',
  set_alpha_to_one: false,
  steps_offset: 1,
  timestep_spacing: 'leading',
  ...more,
})

export const endOfText = '<|endoftext|>'

/** The language model of Qwen3. */
export const qwen3Text = (more: ConfigFields): ConfigFields => ({
  architectures: ['Qwen3Model'],
  attention_bias: false,
  hidden_act: 'silu',
  max_position_embeddings: 40960,
  model_type: 'qwen3',
  rms_norm_eps: 1e-6,
  rope_scaling: null,
  rope_theta: 1_000_000,
  tie_word_embeddings: true,
  use_sliding_window: false,
  vocab_size: 151_936,
  ...more,
})

/** Of 4 billion parameters. */
export const qwen3Large = qwen3Text({
  head_dim: 128,
  hidden_size: 2560,
  intermediate_size: 9728,
  num_attention_heads: 32,
  num_hidden_layers: 36,
  num_key_value_heads: 8,
})

/** Seconds on any machine. */
export const qwen3Tiny = (more: ConfigFields): ConfigFields =>
  qwen3Text({
    head_dim: 8,
    hidden_size: 20,
    intermediate_size: 32,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    vocab_size: 1024,
    ...more,
  })
