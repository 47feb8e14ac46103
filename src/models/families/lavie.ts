/**
 * LaVie, text to video: Stable Diffusion 1.4 with attention along the frames, its autoencoder frame by frame.
 *
 * A latent has as many frames as its clip. The folder has the parts of LaVie's own pipeline, with the tensors of its network in
 * safetensors under their own names; the published lavie_base.pt is a pickle and is not read. Its default sampler, DDPM, draws
 * noise at every step; DDIM on the same table is what can be undone. Source: Wang et al., LAVIE, arXiv 2309.15103; github.com/Vchitect/LaVie, base.
 */
import { unet3dCondition } from '../classes/unet-3d-condition.js'
import { clipUnetPart } from '../denoiser/unet.js'
import type { Family, PipelineSource } from '../family.js'
import { frameByFramePipelines } from '../open.js'
import {
  autoencoder,
  autoencoderStages,
  type ConfigFields,
  clipLarge,
  clipText,
  endOfText,
  type PipelineShape,
  scheduler,
  unet,
} from '../random/published-configs.js'
import { readClipUnet } from './parts/clip-unet.js'
import { networkPart } from './parts/flow.js'
import type { ClipExtent } from './parts/pipeline-index.js'

/** What sample.yaml makes. */
const defaultClip: ClipExtent = [16, 320, 512]

const unetOfClips = async ({ folder }: PipelineSource) =>
  await clipUnetPart(await networkPart(folder, 'unet', unet3dCondition.classNames))

const [cross, crossUp] = ['CrossAttnDownBlock3D', 'CrossAttnUpBlock3D']

interface Widths {
  readonly vae: ConfigFields
  readonly unet: ConfigFields
  readonly text: ConfigFields
  readonly clip: ClipExtent
}

const published = ({ vae, unet: more, text, clip }: Widths): PipelineShape => ({
  className: 'VideoGenPipeline',
  vae,
  denoiser: {
    name: 'unet',
    config: unet({
      _class_name: 'UNet3DConditionModel',
      down_block_types: [cross, cross, cross, 'DownBlock3D'],
      mid_block_type: 'UNetMidBlock3DCrossAttn',
      up_block_types: ['UpBlock3D', crossUp, crossUp, crossUp],
      use_first_frame: false,
      use_relative_position: false,
      ...more,
    }),
  },
  textEncoders: [{ config: text, padding: endOfText }],
  scheduler: scheduler('DDIMScheduler', { beta_end: 0.02, beta_schedule: 'linear', beta_start: 0.0001 }),
  more: { _clip: clip },
})

export const laVie: Family = {
  id: 'lavie',
  title: 'LaVie',
  pipelineClasses: frameByFramePipelines,
  isLike: () => false,
  read: (source) =>
    readClipUnet(source, {
      states: 'last',
      textSuffixes: [''],
      defaultGuidance: 7.5,
      zeroNegative: false,
      pooled: false,
      unet: unetOfClips,
      clip: defaultClip,
    }),
  shapes: {
    lavie: published({
      vae: autoencoder(autoencoderStages, { sample_size: 512 }),
      unet: { attention_head_dim: 8, cross_attention_dim: 768, sample_size: 64 },
      text: clipLarge,
      clip: defaultClip,
    }),
    /** Seconds on any machine. Heads have the 32 channels that a frame's place turns at most. */
    'tiny-lavie': published({
      vae: autoencoder([8, 16], { norm_num_groups: 4, sample_size: 16 }),
      unet: {
        attention_head_dim: 1,
        block_out_channels: [32, 32],
        cross_attention_dim: 24,
        down_block_types: [cross, 'DownBlock3D'],
        layers_per_block: 1,
        norm_num_groups: 4,
        sample_size: 8,
        up_block_types: ['UpBlock3D', crossUp],
      },
      text: clipText({
        hidden_size: 24,
        intermediate_size: 96,
        max_position_embeddings: 16,
        num_attention_heads: 4,
        num_hidden_layers: 2,
        vocab_size: 1024,
      }),
      clip: [3, 16, 16],
    }),
  },
}
