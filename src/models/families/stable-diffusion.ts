/** Stable Diffusion 1 and 2, and the bundled model: one CLIP, a UNet that attends to its last states. */
import type { Family } from '../family.js'
import {
  autoencoder,
  autoencoderStages,
  clipLarge,
  clipText,
  cross,
  crossUp,
  endOfText,
  openClipHuge,
  scheduler,
  unet,
} from '../random/published-configs.js'
import { readClipUnet } from './parts/clip-unet.js'

export const stableDiffusion: Family = {
  id: 'stable-diffusion',
  title: 'Stable Diffusion 1 and 2',
  pipelineClasses: [
    'StableDiffusionPipeline',
    'StableDiffusionImg2ImgPipeline',
    'ORTStableDiffusionPipeline',
    'OnnxStableDiffusionPipeline',
  ],
  isLike: ({ has }) => has('unet') && !has('text_encoder_2'),
  read: (source) =>
    readClipUnet(source, {
      states: 'last',
      textSuffixes: [''],
      defaultGuidance: 7.5,
      zeroNegative: false,
      pooled: false,
    }),
  shapes: {
    'stable-diffusion-1-5': {
      className: 'StableDiffusionPipeline',
      vae: autoencoder(autoencoderStages, { sample_size: 512 }),
      denoiser: { name: 'unet', config: unet({ attention_head_dim: 8, cross_attention_dim: 768, sample_size: 64 }) },
      textEncoders: [{ config: clipLarge, padding: endOfText }],
      scheduler: scheduler('PNDMScheduler', { skip_prk_steps: true }),
    },
    'stable-diffusion-2-1': {
      className: 'StableDiffusionPipeline',
      vae: autoencoder(autoencoderStages, { sample_size: 768 }),
      denoiser: {
        name: 'unet',
        config: unet({
          attention_head_dim: [5, 10, 20, 20],
          cross_attention_dim: 1024,
          sample_size: 96,
          upcast_attention: true,
          use_linear_projection: true,
        }),
      },
      textEncoders: [{ config: openClipHuge, padding: '!' }],
      scheduler: scheduler('DDIMScheduler', { prediction_type: 'v_prediction' }),
    },
    /** Seconds on any machine; the layout of Stable Diffusion 2. */
    tiny: {
      className: 'StableDiffusionPipeline',
      vae: autoencoder([8, 16], { sample_size: 16, norm_num_groups: 4 }),
      denoiser: {
        name: 'unet',
        config: unet({
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
      },
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
  },
}
