/**
 * FLUX.2 klein: a rectified flow by a transformer of double and single streams, told three of Qwen3's states side by side. The
 * distilled one needs no guidance; the base one is guided by two evaluations.
 *
 * x = (1 − σ)·latent + σ·noise, the network answers noise − latent and is told σ. A latent is patches × height × width, 128
 * channels of pictures 16 times as large: the autoencoder packs them. The pads behind a text are told, too. Source: Black Forest
 * Labs, 2025; diffusers, pipeline_flux2_klein.py.
 */
import type { CheckpointFolder } from '../../checkpoints/folder.js'
import { scaledLayout } from '../../model/layout.js'
import { type Flux2TransformerConfig, flux2LatentGraph, flux2TransformerConfig } from '../../nn/flux-2-transformer.js'
import { flux2Transformer } from '../classes/flux-2-transformer.js'
import { checkComplete } from '../complete.js'
import type { DenoisingNetworks } from '../denoiser/networks.js'
import type { Family, Pipeline, PipelineSource } from '../family.js'
import { openAutoencoderNetworks } from '../open.js'
import { pipelineHarmless } from '../pipeline-fields.js'
import {
  autoencoder,
  autoencoderStages,
  type ConfigFields,
  type PipelineShape,
  qwen3Large,
  qwen3Tiny,
} from '../random/published-configs.js'
import { empiricalMu, evenShares } from '../schedulers/time-shifts.js'
import { conditioner } from '../text/prompts.js'
import { checkParts, checkSame, flowScheduler, networkPart } from './parts/flow.js'
import { pipelineIndex } from './parts/pipeline-index.js'
import { openQwen3 } from './parts/qwen3-text.js'

const statesName = 'encoder_hidden_states'

/** The pipeline's `max_sequence_length`. */
const tokens = 512
/** Which hidden states of Qwen3 are told, side by side. */
const layersRead = [9, 18, 27]
const distilled = { steps: 4, guidance: 1 }
const base = { steps: 50, guidance: 4 }
/** Of the pictures in training. */
const trainedPixels = 1024

async function read(source: PipelineSource): Promise<Pipeline> {
  const { files, folder, name } = source
  checkParts(folder, ['transformer', 'text_encoder', 'vae'])
  const index = await pipelineIndex(source)
  const isDistilled = index.boolean('is_distilled', false)
  const own = isDistilled ? distilled : base
  const guidance = isDistilled ? own.guidance : index.number('_guidance_scale', own.guidance)
  index.done(pipelineHarmless)
  const { steps = own.steps } = source
  const scheduler = await flowScheduler(source, { steps, sigmas: evenShares(steps) })
  const vae = await openAutoencoderNetworks(files, folder.path)
  const { config, networks } = await transformer(folder)
  const text = await openQwen3(source, { tokens, thinking: false, numbersOf: () => layersRead })
  const { imageChannels, latentChannels, downscaling } = vae
  checkSame(folder.path, "channels of the autoencoder's patches as in_channels", config.channels, latentChannels)
  const wide = `${layersRead.length} states of the text encoder side by side as joint_attention_dim`
  checkSame(folder.path, wide, config.statesWidth, text.encoder.width)
  const side = Math.max(1, Math.floor(trainedPixels / downscaling))
  return {
    vae,
    denoiser: networks,
    layout: scaledLayout({ name, imageChannels, latentChannels, downscaling, side }),
    scheduler: { ...scheduler, defaultSteps: own.steps },
    schedule: ([, height, width]) =>
      scheduler.dynamic?.schedule(empiricalMu(height! * width!, steps)) ?? scheduler.schedule,
    guidance,
    ...(isDistilled && { guiding: { kind: 'none' } as const }),
    conditioner: (pool) =>
      conditioner({ pool, texts: [text], told: ([encoded]) => ({ [statesName]: encoded!.states }) }),
    tokens,
    textGraphs: [text.encoder.graph(tokens)],
  }
}

async function transformer(
  folder: CheckpointFolder,
): Promise<{ config: Flux2TransformerConfig; networks: DenoisingNetworks }> {
  const part = await networkPart(folder, 'transformer', flux2Transformer.classNames)
  const config = flux2TransformerConfig(part.config)
  const weights = await part.openWeights()
  const networks: DenoisingNetworks = {
    values: { [statesName]: { width: config.statesWidth, perToken: true } },
    oneTime: false,
    graph({ batch, latent, tokens }) {
      const [, height, width] = latent as [number, number, number]
      return flux2LatentGraph(config, weights, { batch, height, width, tokens })
    },
  }
  checkComplete(part.folder, weights, [networks.graph({ batch: 1, latent: [config.channels, 1, 1], tokens: 1 })])
  return { config, networks }
}

const published = (transformer: ConfigFields, isDistilled: boolean): PipelineShape => ({
  className: 'Flux2KleinPipeline',
  vae: flux2Autoencoder(autoencoderStages, { sample_size: 1024 }),
  denoiser: {
    name: 'transformer',
    config: {
      _class_name: 'Flux2Transformer2DModel',
      attention_head_dim: 128,
      axes_dims_rope: [32, 32, 32, 32],
      eps: 1e-6,
      guidance_embeds: false,
      in_channels: 128,
      joint_attention_dim: 7680,
      mlp_ratio: 3,
      num_attention_heads: 24,
      num_layers: 5,
      num_single_layers: 20,
      patch_size: 1,
      rope_theta: 2000,
      timestep_guidance_channels: 256,
      ...transformer,
    },
  },
  textEncoders: [{ config: { ...qwen3Large, architectures: ['Qwen3ForCausalLM'] } }],
  scheduler: {
    _class_name: 'FlowMatchEulerDiscreteScheduler',
    base_image_seq_len: 256,
    base_shift: 0.5,
    max_image_seq_len: 4096,
    max_shift: 1.15,
    num_train_timesteps: 1000,
    shift: 3,
    use_dynamic_shifting: true,
  },
  more: { is_distilled: isDistilled },
})

const flux2Autoencoder = (
  stages: readonly number[],
  more: ConfigFields & { readonly sample_size: number },
): ConfigFields => {
  const { scaling_factor: _, ...fields } = autoencoder(stages, { latent_channels: 32, ...more })
  return { ...fields, _class_name: 'AutoencoderKLFlux2', batch_norm_eps: 1e-4, patch_size: [2, 2] }
}

/** Seconds on any machine. */
const tiny = (isDistilled: boolean): PipelineShape => ({
  ...published(
    {
      attention_head_dim: 8,
      axes_dims_rope: [2, 2, 2, 2],
      in_channels: 16,
      joint_attention_dim: 60,
      num_attention_heads: 4,
      num_layers: 1,
      num_single_layers: 2,
      timestep_guidance_channels: 32,
    },
    isDistilled,
  ),
  vae: flux2Autoencoder([8, 16], { latent_channels: 4, norm_num_groups: 4, sample_size: 16 }),
  textEncoders: [{ config: qwen3Tiny({ architectures: ['Qwen3ForCausalLM'], num_hidden_layers: 28 }) }],
})

export const flux2Klein: Family = {
  id: 'flux-2-klein',
  title: 'FLUX.2 klein, distilled and base',
  pipelineClasses: ['Flux2KleinPipeline'],
  isLike: () => false,
  read,
  shapes: {
    'flux.2-klein-4b': published({}, true),
    'flux.2-klein-base-4b': published({}, false),
    'tiny-flux.2-klein-4b': tiny(true),
    'tiny-flux.2-klein-base-4b': tiny(false),
  },
}
