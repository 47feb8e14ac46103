/**
 * Z-Image, Turbo and Base: a rectified flow by a transformer of one stream, told Qwen3's last states but one.
 *
 * x = (1 − σ)·latent + σ·noise. The network is told 1 − σ and answers latent − noise: the velocity is what it answers, negated.
 * `guidance` here is that of all families, v = v(negative) + w·(v(prompt) − v(negative)), and 1 is none. diffusers counts it
 * from 0: its `guidance_scale` is w − 1. Source: Z-Image Team, 2025; diffusers, pipeline_z_image.py.
 */
import type { CheckpointFolder } from '../../checkpoints/folder.js'
import { expected } from '../../core/errors.js'
import { cappedLength } from '../../diffusion/guidance-mix.js'
import { builder } from '../../graph/builder.js'
import { neg, scale, shift } from '../../graph/ops/common.js'
import { tensor } from '../../math/tensor.js'
import type { Guiding } from '../../model/guidance.js'
import { scaledLayout } from '../../model/layout.js'
import { type ConfigReader, checkpointParameters } from '../../nn/parameters.js'
import {
  largestSide,
  predict,
  tokenMultiple,
  type ZImageTransformerConfig,
  zImageTransformerConfig,
} from '../../nn/z-image-transformer.js'
import { unreadName, zImageTransformer } from '../classes/z-image-transformer.js'
import { checkComplete } from '../complete.js'
import { type DenoisingNetworks, lengthName } from '../denoiser/networks.js'
import type { Family, Pipeline, PipelineSource } from '../family.js'
import { openAutoencoderNetworks } from '../open.js'
import { pipelineHarmless } from '../pipeline-fields.js'
import {
  autoencoderStages,
  type ConfigFields,
  flowAutoencoder,
  type PipelineShape,
  qwen3Large,
  qwen3Tiny,
} from '../random/published-configs.js'
import { evenShares } from '../schedulers/time-shifts.js'
import { conditioner, type EncodedText } from '../text/prompts.js'
import { checkParts, checkSame, flowScheduler, networkPart, schedulerConfig } from './parts/flow.js'
import { pipelineIndex } from './parts/pipeline-index.js'
import { openQwen3 } from './parts/qwen3-text.js'

const statesName = 'encoder_hidden_states'

/** The pipeline's `max_sequence_length`. */
const mostTokens = 512
/** Turbo was distilled to few steps without guidance; its times are moved by 3, those of Base by 6. */
const turbo = { steps: 9, guidance: 1 }
const base = { steps: 50, guidance: 5 }
const baseShift = 6
/** Times of the scheduler. */
const times = 1000
/** Of the pictures in training. */
const trainedPixels = 1024

async function read(source: PipelineSource): Promise<Pipeline> {
  const { folder, name } = source
  checkParts(folder, ['transformer', 'text_encoder', 'vae'])
  const { number: shiftOf } = await schedulerConfig(source)
  const own = shiftOf('shift', 1) < baseShift ? turbo : base
  const { steps = own.steps } = source
  const scheduler = {
    ...(await flowScheduler(source, { steps, sigmas: evenShares(steps) })),
    defaultSteps: own.steps,
  }
  const vae = await openAutoencoderNetworks(source.files, folder.path)
  const { config, networks } = await transformer(folder)
  const text = await openQwen3(source, {
    tokens: mostTokens,
    thinking: true,
    numbersOf: (layers) => [layers - 1],
    // The model is causal: what fills up behind a text changes nothing of it.
    filled: (count) => Math.max(tokenMultiple, 2 ** Math.ceil(Math.log2(count))),
  })
  const index = await pipelineIndex(source)
  const guidance = index.number('_guidance_scale', own.guidance)
  const guiding = guidingOf(index)
  index.done(pipelineHarmless)
  const { imageChannels, latentChannels, downscaling } = vae
  checkSame(folder.path, "latent channels of the autoencoder as the transformer's", config.channels, latentChannels)
  checkSame(folder.path, 'a text encoder of cap_feat_dim', config.captionWidth, text.encoder.width)
  const side = Math.min(largestSide(config), trainedPixels / downscaling)
  return {
    vae,
    denoiser: networks,
    layout: scaledLayout({
      name,
      imageChannels,
      latentChannels,
      downscaling,
      latentMultiple: config.patchSize,
      latentLargest: largestSide(config),
      side,
    }),
    scheduler,
    schedule: () => scheduler.schedule,
    guidance,
    guiding,
    conditioner: (pool) => conditioner({ pool, texts: [text], told }),
    tokens: mostTokens,
    textGraphs: [text.encoder.graph(mostTokens)],
  }
}

/**
 * What the pipeline is told in each call and folders do not say, under names of ours: the velocity is at most
 * `_cfg_normalization` times as long as the prompt's, and is the prompt's alone where 1 − σ is above `_cfg_truncation`.
 */
function guidingOf(index: ConfigReader): Guiding {
  const positive = (field: string) => {
    if (!index.has(field)) return undefined
    const value = index.number(field)
    if (value > 0) return value
    throw expected('bad-model', 'a positive number', `\`${field}\` in \`${index.file}\``, `${value}`, 'Leave it out.')
  }
  const [most, until] = [positive('_cfg_normalization'), positive('_cfg_truncation')]
  return {
    kind: 'mixed',
    ...(most !== undefined && { mix: cappedLength(most) }),
    ...(until !== undefined && { until }),
  }
}

/** The rows of a text's own tokens: what fills up is not told. */
const told = ([text]: readonly EncodedText[]) => {
  const { states, used } = text!
  const width = states.shape[1]!
  return { [statesName]: tensor([used, width], states.data.slice(0, used * width)) }
}

async function transformer(
  folder: CheckpointFolder,
): Promise<{ config: ZImageTransformerConfig; networks: DenoisingNetworks }> {
  const part = await networkPart(folder, 'transformer', zImageTransformer.classNames)
  const config = zImageTransformerConfig(part.config)
  const weights = await part.openWeights()
  const networks: DenoisingNetworks = {
    values: { [statesName]: { width: config.captionWidth, perToken: true, tokenMultiple } },
    oneTime: false,
    graph({ batch, latent, tokens }) {
      const b = builder()
      const x = b.input('sample', 'float32', [batch, ...latent])
      const timestep = b.input('timestep', 'float32', [batch])
      const captions = b.input(statesName, 'float32', [batch, tokens, config.captionWidth])
      const lengths = b.input(lengthName(statesName), 'int64', [batch])
      const t = scale(b, shift(b, neg(b, timestep), times), 1 / times)
      b.output(neg(b, predict(b, checkpointParameters(b, weights), config, { x, t, captions, lengths })), 'out')
      return b.finish('z-image-transformer-2d')
    },
  }
  const smallest = [config.channels, config.patchSize, config.patchSize]
  // One patch and one token leave room for the network's own tokens.
  checkComplete(
    part.folder,
    weights,
    [networks.graph({ batch: 1, latent: smallest, tokens: 1 })],
    (name) => name !== unreadName,
  )
  return { config, networks }
}

/** The autoencoder's own units, which are FLUX.1's. */
const units = { scaling_factor: 0.3611, shift_factor: 0.1159 }

const published = (transformer: ConfigFields, shift: number): PipelineShape => ({
  className: 'ZImagePipeline',
  vae: flowAutoencoder(autoencoderStages, { ...units, force_upcast: true, sample_size: 1024 }),
  denoiser: {
    name: 'transformer',
    config: {
      _class_name: 'ZImageTransformer2DModel',
      all_f_patch_size: [1],
      all_patch_size: [2],
      axes_dims: [32, 48, 48],
      axes_lens: [1024, 512, 512],
      cap_feat_dim: 2560,
      dim: 3840,
      in_channels: 16,
      n_heads: 30,
      n_kv_heads: 30,
      n_layers: 30,
      n_refiner_layers: 2,
      norm_eps: 1e-5,
      qk_norm: true,
      rope_theta: 256,
      t_scale: 1000,
      ...transformer,
    },
  },
  textEncoders: [{ config: qwen3Large }],
  scheduler: {
    _class_name: 'FlowMatchEulerDiscreteScheduler',
    num_train_timesteps: 1000,
    shift,
    use_dynamic_shifting: false,
  },
})

/** Seconds on any machine. */
const tiny = (shift: number): PipelineShape => ({
  ...published(
    {
      axes_dims: [4, 4, 4],
      axes_lens: [1024, 16, 16],
      cap_feat_dim: 20,
      dim: 36,
      n_heads: 3,
      n_kv_heads: 3,
      n_layers: 2,
      n_refiner_layers: 1,
    },
    shift,
  ),
  vae: flowAutoencoder([8, 16], { ...units, norm_num_groups: 4, sample_size: 16 }),
  textEncoders: [{ config: qwen3Tiny({ num_hidden_layers: 3 }) }],
})

export const zImage: Family = {
  id: 'z-image',
  title: 'Z-Image, Turbo and Base',
  pipelineClasses: ['ZImagePipeline', 'ZImageImg2ImgPipeline'],
  isLike: () => false,
  read,
  shapes: {
    'z-image-turbo': published({}, 3),
    'z-image': published({}, baseShift),
    'tiny-z-image-turbo': tiny(3),
    'tiny-z-image': tiny(baseShift),
  },
}
