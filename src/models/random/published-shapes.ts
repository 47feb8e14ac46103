/**
 * The configurations of published text-to-image models, as their folders state them, and a tiny one of the same layout
 * for tests. Only what differs from the classes' defaults or decides a shape; no weights.
 */
import { defaultScalingFactor } from '../autoencoder/checkpoint.js'

/** The fields of a config.json. */
export type ConfigFields = Readonly<Record<string, unknown>>

const autoencoder = (
  stages: readonly number[],
  more: { sample_size: number; scaling_factor: number; norm_num_groups?: number; force_upcast?: boolean },
) => ({
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

const stages = [128, 256, 512, 512]

/** config.json of published autoencoders. The three are one network; the scale of their latents differs. */
export const autoencoderShapes = {
  'stable-diffusion-1-5': autoencoder(stages, { sample_size: 512, scaling_factor: defaultScalingFactor }),
  'stable-diffusion-2-1': autoencoder(stages, { sample_size: 768, scaling_factor: defaultScalingFactor }),
  'stable-diffusion-xl': autoencoder(stages, { sample_size: 1024, scaling_factor: 0.13025, force_upcast: true }),
} as const

export const isPublished = <T extends object>(shapes: T, id: string): id is Extract<keyof T, string> =>
  Object.hasOwn(shapes, id)

/** The configurations of a pipeline's parts. */
export interface PipelineShape {
  readonly className: string
  readonly vae: ConfigFields
  readonly unet: ConfigFields
  /** One text encoder, or two: `text_encoder`, `text_encoder_2`; each with its tokenizer's padding. */
  readonly textEncoders: readonly { readonly config: ConfigFields; readonly padding: string }[]
  readonly scheduler: ConfigFields
  readonly more?: ConfigFields
}

const cross = 'CrossAttnDownBlock2D'
const crossUp = 'CrossAttnUpBlock2D'

const unet = (more: ConfigFields): ConfigFields => ({
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

const clipText = (more: ConfigFields): ConfigFields => ({
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
const clipLarge = clipText({
  hidden_act: 'quick_gelu',
  hidden_size: 768,
  intermediate_size: 3072,
  num_attention_heads: 12,
  num_hidden_layers: 12,
  projection_dim: 768,
})

/** OpenCLIP ViT-H/14's text half without its last layer. */
const openClipHuge = clipText({
  hidden_size: 1024,
  intermediate_size: 4096,
  num_attention_heads: 16,
  num_hidden_layers: 23,
  projection_dim: 512,
})

/** OpenCLIP ViT-bigG/14's text half. */
const openClipGiant = clipText({
  architectures: ['CLIPTextModelWithProjection'],
  hidden_size: 1280,
  intermediate_size: 5120,
  num_attention_heads: 20,
  num_hidden_layers: 32,
  projection_dim: 1280,
})

const scheduler = (className: string, more: ConfigFields = {}): ConfigFields => ({
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

const endOfText = '<|endoftext|>'

export const pipelineShapes = {
  'stable-diffusion-1-5': {
    className: 'StableDiffusionPipeline',
    vae: autoencoderShapes['stable-diffusion-1-5'],
    unet: unet({ attention_head_dim: 8, cross_attention_dim: 768, sample_size: 64 }),
    textEncoders: [{ config: clipLarge, padding: endOfText }],
    scheduler: scheduler('PNDMScheduler', { skip_prk_steps: true }),
  },
  'stable-diffusion-2-1': {
    className: 'StableDiffusionPipeline',
    vae: autoencoderShapes['stable-diffusion-2-1'],
    unet: unet({
      attention_head_dim: [5, 10, 20, 20],
      cross_attention_dim: 1024,
      sample_size: 96,
      upcast_attention: true,
      use_linear_projection: true,
    }),
    textEncoders: [{ config: openClipHuge, padding: '!' }],
    scheduler: scheduler('DDIMScheduler', { prediction_type: 'v_prediction' }),
  },
  'stable-diffusion-xl': {
    className: 'StableDiffusionXLPipeline',
    vae: autoencoderShapes['stable-diffusion-xl'],
    unet: unet({
      addition_embed_type: 'text_time',
      addition_time_embed_dim: 256,
      attention_head_dim: [5, 10, 20],
      block_out_channels: [320, 640, 1280],
      cross_attention_dim: 2048,
      down_block_types: ['DownBlock2D', cross, cross],
      projection_class_embeddings_input_dim: 2816,
      sample_size: 128,
      transformer_layers_per_block: [1, 2, 10],
      up_block_types: [crossUp, crossUp, 'UpBlock2D'],
      use_linear_projection: true,
    }),
    textEncoders: [
      { config: clipLarge, padding: endOfText },
      { config: openClipGiant, padding: '!' },
    ],
    scheduler: scheduler('EulerDiscreteScheduler', { interpolation_type: 'linear', use_karras_sigmas: false }),
    more: { force_zeros_for_empty_prompt: true },
  },
  /** Seconds on any machine; the layout of Stable Diffusion 2. */
  tiny: {
    className: 'StableDiffusionPipeline',
    vae: autoencoder([8, 16], { sample_size: 16, scaling_factor: defaultScalingFactor, norm_num_groups: 4 }),
    unet: unet({
      attention_head_dim: [2, 4],
      block_out_channels: [16, 32],
      cross_attention_dim: 24,
      down_block_types: [cross, 'DownBlock2D'],
      layers_per_block: 1,
      norm_num_groups: 8,
      sample_size: 8,
      up_block_types: ['UpBlock2D', crossUp],
      use_linear_projection: true,
    }),
    textEncoders: [
      {
        config: clipText({
          hidden_size: 24,
          intermediate_size: 96,
          max_position_embeddings: 16,
          num_attention_heads: 4,
          num_hidden_layers: 2,
          vocab_size: 1024,
        }),
        padding: '!',
      },
    ],
    scheduler: scheduler('DDIMScheduler'),
  },
} as const satisfies Readonly<Record<string, PipelineShape>>
