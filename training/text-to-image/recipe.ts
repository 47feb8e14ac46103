/** What the bundled text-to-image model is and how it is trained, as data. MODEL_CARD.md is written from the same numbers. */
import type { ClipTextConfig, Unet2dConditionConfig } from 'undiffuse'
import type { Optimisation } from '../loop.js'
import { everyCaption } from '../scenes/captions.js'
import type { Emphasis } from '../scenes/emphasis.js'
import { latentSize } from '../scenes/latents.js'
import { endToken, learnVocabulary } from '../text/vocabulary.js'

export const vocabulary = learnVocabulary(everyCaption())

/** Tokens of a prompt, start and end included. */
export const promptTokens = 32

/** unet/config.json, as diffusers has it. */
export const unetConfigFile = {
  _class_name: 'UNet2DConditionModel',
  _diffusers_version: '0.27.2',
  act_fn: 'silu',
  attention_head_dim: 4,
  block_out_channels: [48, 96, 128],
  cross_attention_dim: 96,
  down_block_types: ['CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'DownBlock2D'],
  flip_sin_to_cos: true,
  freq_shift: 0,
  in_channels: 4,
  layers_per_block: 1,
  mid_block_type: 'UNetMidBlock2DCrossAttn',
  norm_eps: 1e-5,
  norm_num_groups: 16,
  out_channels: 4,
  sample_size: latentSize,
  up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D'],
  use_linear_projection: false,
}

/** text_encoder/config.json, as transformers has it. */
export const textConfigFile = {
  architectures: ['CLIPTextModel'],
  bos_token_id: vocabulary.tokens.get(endToken)! - 1,
  eos_token_id: vocabulary.tokens.get(endToken)!,
  hidden_act: 'quick_gelu',
  hidden_size: 96,
  intermediate_size: 384,
  layer_norm_eps: 1e-5,
  max_position_embeddings: promptTokens,
  model_type: 'clip_text_model',
  num_attention_heads: 4,
  num_hidden_layers: 2,
  pad_token_id: vocabulary.tokens.get(endToken)!,
  vocab_size: vocabulary.tokens.size,
}

/** scheduler/scheduler_config.json: Stable Diffusion's schedule. */
export const schedulerConfigFile = {
  _class_name: 'DDIMScheduler',
  _diffusers_version: '0.27.2',
  // Ours: a grid whose steps can all be undone. diffusers ignores it.
  _solver: 'ddim:spacing=lambda',
  beta_end: 0.012,
  beta_schedule: 'scaled_linear',
  beta_start: 0.00085,
  clip_sample: false,
  num_train_timesteps: 1000,
  prediction_type: 'epsilon',
  set_alpha_to_one: false,
  steps_offset: 1,
  timestep_spacing: 'leading',
}

const levels = unetConfigFile.block_out_channels.map((channels, i, { length }) => ({
  channels,
  attention: i < length - 1,
  upAttention: i < length - 1,
  heads: unetConfigFile.attention_head_dim,
  depth: 1,
}))

export const unet: Unet2dConditionConfig = {
  inChannels: unetConfigFile.in_channels,
  outChannels: unetConfigFile.out_channels,
  sampleSize: latentSize,
  blockOutChannels: unetConfigFile.block_out_channels,
  blocks: levels,
  mid: levels.at(-1)!,
  layersPerBlock: unetConfigFile.layers_per_block,
  normNumGroups: unetConfigFile.norm_num_groups,
  normEpsilon: unetConfigFile.norm_eps,
  crossAttentionDim: unetConfigFile.cross_attention_dim,
  useLinearProjection: false,
  flipSinToCos: true,
  frequencyShift: 0,
}

export const text: ClipTextConfig = {
  hiddenSize: textConfigFile.hidden_size,
  intermediateSize: textConfigFile.intermediate_size,
  attentionHeads: textConfigFile.num_attention_heads,
  hiddenLayers: textConfigFile.num_hidden_layers,
  maxPositions: promptTokens,
  vocabularySize: textConfigFile.vocab_size,
  activation: 'quick_gelu',
  normEpsilon: textConfigFile.layer_norm_eps,
  endToken: textConfigFile.eos_token_id,
}

/** What is trained together. */
export interface Networks {
  readonly unet: Unet2dConditionConfig
  readonly text: ClipTextConfig
}

export interface Recipe extends Optimisation {
  readonly networks: Networks
  readonly seed: number
  readonly batch: number
  /** Scenes whose latents are drawn from. */
  readonly scenes: number
  /** Largest ratio of signal to noise that counts in full (min-SNR), and largest weight where there is little signal. */
  readonly weighting: {
    readonly largestRatio: number
    readonly largestWeight: number
  }
  readonly emphasis: Emphasis
  /** Times are 1000·uᵉ for u uniform: below 1, noisy times are drawn more often. */
  readonly timeExponent: number
  /**
   * A share of every batch has times from `from` on, where the prompt alone decides; and of these a share shows shapes on the
   * left or on the right. Scenes are their own mirror images on average, so that these two words are learnt last, or never.
   */
  readonly noisy: { readonly share: number; readonly from: number; readonly sides: number }
}

export const recipe: Recipe = {
  networks: { unet, text },
  seed: 20261121,
  batch: 16,
  scenes: 24_000,
  weighting: { largestRatio: 10_000, largestWeight: 30 },
  emphasis: { strength: 3, reach: 3 },
  timeExponent: 0.85,
  noisy: { share: 0.25, from: 920, sides: 0.5 },
  learningRate: 1e-3,
  warmUpSteps: 300,
  decay: 0.3,
  betas: [0.9, 0.99],
  epsilon: 1e-8,
  weightDecay: 1e-3,
  clip: 1,
  averageDecay: 0.999,
}

/**
 * How a model that is there is taught left and right, which it took for one: half of each batch is noise to the eye, where the
 * prompt alone decides, and the rest keeps what the model knows.
 */
export const refinement: Recipe = {
  ...recipe,
  noisy: { share: 0.5, from: 920, sides: 0.5 },
  warmUpSteps: 30,
  decay: 0.4,
  averageDecay: 0.99,
}
