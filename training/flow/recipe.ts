/** What the bundled flow is and how it is trained, as data. MODEL_CARD.md is written from the same numbers. */
import type { ClipTextConfig, Sd3TransformerConfig } from 'undiffuse'
import type { Optimisation } from '../loop.js'
import type { Emphasis } from '../scenes/emphasis.js'
import { latentSize } from '../scenes/latents.js'
import { text } from '../text-to-image/recipe.js'

/** Tokens of a prompt, start and end included: the longest caption has 14. */
export const promptTokens = 16

const heads = 4
const headWidth = 24

/** transformer/config.json, as diffusers has it. */
export const transformerConfigFile = {
  _class_name: 'SD3Transformer2DModel',
  _diffusers_version: '0.35.1',
  attention_head_dim: headWidth,
  caption_projection_dim: heads * headWidth,
  dual_attention_layers: [],
  in_channels: 4,
  joint_attention_dim: text.hiddenSize,
  num_attention_heads: heads,
  num_layers: 7,
  out_channels: 4,
  patch_size: 2,
  pooled_projection_dim: text.hiddenSize,
  pos_embed_max_size: latentSize / 2,
  qk_norm: 'rms_norm',
  sample_size: latentSize,
}

/**
 * scheduler/scheduler_config.json. Noise shares of training: sigma = shift·u/(1 + (shift − 1)·u), u even in [0, 1]. Those of sampling are
 * quantiles of Beta(0.6, 0.6), which are closer together at both ends. An even grid ends with a leap from 0.08 to 0.002, where the network
 * is not one to one, so that noise is lost.
 */
export const schedulerConfigFile = {
  _class_name: 'FlowMatchEulerDiscreteScheduler',
  _diffusers_version: '0.35.1',
  num_train_timesteps: 1000,
  shift: 1.5,
  use_beta_sigmas: true,
}

export const transformer: Sd3TransformerConfig = {
  inChannels: transformerConfigFile.in_channels,
  outChannels: transformerConfigFile.out_channels,
  sampleSize: transformerConfigFile.sample_size,
  patchSize: transformerConfigFile.patch_size,
  layers: transformerConfigFile.num_layers,
  heads,
  width: heads * headWidth,
  statesWidth: transformerConfigFile.joint_attention_dim,
  pooledWidth: transformerConfigFile.pooled_projection_dim,
  tableSize: transformerConfigFile.pos_embed_max_size,
  normalizesQueries: true,
  dualAttentionLayers: [],
}

export interface Networks {
  /** It is trained. */
  readonly transformer: Sd3TransformerConfig
  /** It is the bundled text-to-image model's, and stays as it is. */
  readonly text: ClipTextConfig
}

export interface Recipe extends Optimisation {
  readonly networks: Networks
  readonly seed: number
  readonly batch: number
  /** Scenes whose latents are drawn from. */
  readonly scenes: number
  /** Noise shares are those of the scheduler's shift for u uniform: the noisy ones, where a prompt decides, are drawn more often. */
  readonly shift: number
  /** How much more the shape counts than the background. */
  readonly emphasis: Emphasis
  /**
   * Of the noisiest quarter of every batch, this share shows shapes on the left or on the right. Scenes are their own mirror
   * images on average, so that these two words are learnt last.
   */
  readonly sides: number
}

export const recipe: Recipe = {
  networks: { transformer, text },
  seed: 20261129,
  batch: 32,
  scenes: 16_000,
  shift: schedulerConfigFile.shift,
  emphasis: { strength: 3, reach: 3 },
  sides: 0.5,
  learningRate: 3e-3,
  warmUpSteps: 200,
  decay: 0.4,
  betas: [0.9, 0.99],
  epsilon: 1e-8,
  weightDecay: 1e-3,
  clip: 1,
  averageDecay: 0.998,
}
