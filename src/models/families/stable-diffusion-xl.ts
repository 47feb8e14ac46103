/** Stable Diffusion XL: two CLIPs side by side, the second one's pooled states, and sizes told to the network. */
import { tensor } from '../../math/tensor.js'
import type { AutoencoderNetworks } from '../autoencoder/networks.js'
import type { DenoisingNetworks } from '../denoiser/networks.js'
import type { Family } from '../family.js'
import {
  autoencoder,
  autoencoderStages,
  clipLarge,
  cross,
  crossUp,
  endOfText,
  openClipGiant,
  scheduler,
  unet,
} from '../random/published-configs.js'
import { readClipUnet } from './parts/clip-unet.js'

/** `time_ids`: the original size, the corner of the crop and the target size, in pixels; nothing is cropped here. */
const timeIds =
  ({ downscaling }: Pick<AutoencoderNetworks, 'downscaling'>): DenoisingNetworks['shapeFeeds'] =>
  ([, height, width]) => {
    const [tall, wide] = [height! * downscaling, width! * downscaling]
    return { time_ids: tensor([6], [tall, wide, 0, 0, tall, wide]) }
  }

export const stableDiffusionXl: Family = {
  id: 'stable-diffusion-xl',
  title: 'Stable Diffusion XL',
  pipelineClasses: [
    'StableDiffusionXLPipeline',
    'StableDiffusionXLImg2ImgPipeline',
    'ORTStableDiffusionXLPipeline',
    'OnnxStableDiffusionXLPipeline',
  ],
  isLike: ({ has }) => has('unet') && has('text_encoder_2'),
  read: (source) =>
    readClipUnet(source, {
      states: 'penultimate',
      textSuffixes: ['', '_2'],
      defaultGuidance: 5,
      zeroNegative: true,
      pooled: true,
      shapeFeeds: timeIds,
    }),
  shapes: {
    'stable-diffusion-xl': {
      className: 'StableDiffusionXLPipeline',
      vae: autoencoder(autoencoderStages, { sample_size: 1024, scaling_factor: 0.13025, force_upcast: true }),
      denoiser: {
        name: 'unet',
        config: unet({
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
      },
      textEncoders: [
        { config: clipLarge, padding: endOfText },
        { config: openClipGiant, padding: '!' },
      ],
      scheduler: scheduler('EulerDiscreteScheduler', { interpolation_type: 'linear', use_karras_sigmas: false }),
      more: { force_zeros_for_empty_prompt: true },
    },
  },
}
