/**
 * FLUX.1: a rectified flow by a transformer of double and single streams, told T5's states and CLIP's text in one vector. dev
 * was distilled to be told its guidance, schnell to need none.
 *
 * x = (1 − σ)·latent + σ·noise, the network answers noise − latent and is told σ. Latents are channels × height × width; the
 * network packs 2 × 2 places to a token itself. Source: Black Forest Labs, 2024; diffusers, pipeline_flux.py.
 */
import { tensor } from '../../math/tensor.js'
import type { Condition } from '../../model/condition.js'
import { scaledLayout } from '../../model/layout.js'
import {
  type FluxTransformerConfig,
  fluxLatentGraph,
  fluxTransformerConfig,
  packing,
} from '../../nn/flux-transformer.js'
import { fluxTransformer } from '../classes/flux-transformer.js'
import { checkComplete } from '../complete.js'
import type { DenoisingNetworks } from '../denoiser/networks.js'
import type { Family, Pipeline, PipelineSource } from '../family.js'
import { openAutoencoderNetworks } from '../open.js'
import { pipelineHarmless } from '../pipeline-fields.js'
import {
  autoencoderStages,
  type ConfigFields,
  clipLarge,
  clipText,
  endOfText,
  flowAutoencoder,
  type PipelineShape,
  t5Text,
  t5Xxl,
} from '../random/published-configs.js'
import { evenShares } from '../schedulers/time-shifts.js'
import { conditioner, type EncodedText } from '../text/prompts.js'
import { clipTexts } from './parts/clip-texts.js'
import { checkParts, checkSame, flowScheduler, movedBySize, networkPart } from './parts/flow.js'
import { pipelineIndex } from './parts/pipeline-index.js'
import { openT5 } from './parts/t5-text.js'

const [statesName, pooledName, guidanceName] = ['encoder_hidden_states', 'pooled_projections', 'guidance'] as const

/** Of dev, and of schnell, as their pages use them: diffusers' `max_sequence_length` is 512 for both where nothing is said. */
const usual = {
  dev: { guidance: 3.5, steps: 28, tokens: 512 },
  schnell: { guidance: 1, steps: 4, tokens: 256 },
} as const

/** Height and width of the latents that it was trained on. */
const side = 128

async function read(source: PipelineSource): Promise<Pipeline> {
  const { files, folder, name } = source
  checkParts(folder, ['transformer', 'text_encoder', 'text_encoder_2'])
  const { config, networks } = await transformer(source)
  const own = config.embedsGuidance ? usual.dev : usual.schnell
  const scheduler = await flowScheduler(source, { sigmas: evenShares(source.steps ?? own.steps) })
  const vae = await openAutoencoderNetworks(files, folder.path)
  const index = await pipelineIndex(source)
  const guidance = config.embedsGuidance ? index.number('_guidance_scale', own.guidance) : own.guidance
  const tokens = index.integer('_max_sequence_length', own.tokens)
  index.done(pipelineHarmless)
  const [clip] = await clipTexts(files, folder, [''], 'end')
  const t5 = await openT5(source, '_2', tokens)
  const { imageChannels, latentChannels, downscaling } = vae
  const { path } = folder
  checkSame(
    path,
    `in_channels of the transformer: ${packing ** 2} for each of the autoencoder's latent channels`,
    packing ** 2 * latentChannels,
    config.inChannels,
  )
  checkSame(path, 'a T5 of joint_attention_dim', config.statesWidth, t5.encoder.width)
  checkSame(path, 'a text_encoder of pooled_projection_dim', config.pooledWidth, clip!.encoder.pooledWidth ?? 0)

  const texts = [t5, { ...clip!, isSummary: true }]
  const weight = config.embedsGuidance ? guidance : undefined
  return {
    vae,
    denoiser: networks,
    layout: scaledLayout({ name, imageChannels, latentChannels, downscaling, latentMultiple: packing, side }),
    scheduler: { ...scheduler, defaultSteps: own.steps },
    schedule: ([, height, width]) => movedBySize(scheduler, (height! * width!) / packing ** 2),
    guidance,
    guiding: config.embedsGuidance ? { kind: 'embedded', value: guidanceName } : { kind: 'none' },
    conditioner: (pool) => conditioner({ pool, texts, told: (encoded) => told(encoded, weight) }),
    tokens,
    textGraphs: texts.map(({ encoder, tokenizer }) => encoder.graph(tokenizer.length)),
  }
}

async function transformer({
  folder,
}: PipelineSource): Promise<{ config: FluxTransformerConfig; networks: DenoisingNetworks }> {
  const part = await networkPart(folder, 'transformer', fluxTransformer.classNames)
  const config = fluxTransformerConfig(part.config)
  checkSame(part.folder, 'channels out as in', config.inChannels, config.outChannels)
  const weights = await part.openWeights()
  const networks: DenoisingNetworks = {
    values: {
      [statesName]: { width: config.statesWidth, perToken: true },
      [pooledName]: { width: config.pooledWidth, perToken: false },
      ...(config.embedsGuidance && { [guidanceName]: { width: 1, perToken: false } }),
    },
    oneTime: false,
    graph({ batch, latent, tokens }) {
      const [, height, width] = latent as [number, number, number]
      return fluxLatentGraph(config, weights, { batch, height, width, tokens })
    },
  }
  const smallest = [config.inChannels / packing ** 2, packing, packing]
  checkComplete(part.folder, weights, [networks.graph({ batch: 1, latent: smallest, tokens: 1 })])
  return { config, networks }
}

/** T5's states, CLIP's text in one vector and, where the network is told one, the weight of guidance. */
const told = ([t5, clip]: readonly EncodedText[], guidance: number | undefined): Condition['values'] => ({
  [statesName]: t5!.states,
  [pooledName]: clip!.pooled!,
  ...(guidance !== undefined && { [guidanceName]: tensor([1], [guidance]) }),
})

/** The autoencoder's own units, which other families share. */
const units = { scaling_factor: 0.3611, shift_factor: 0.1159 }

const published = (transformer: ConfigFields, scheduler: ConfigFields): PipelineShape => ({
  className: 'FluxPipeline',
  vae: flowAutoencoder(autoencoderStages, { ...units, force_upcast: true, sample_size: 1024 }),
  denoiser: {
    name: 'transformer',
    config: {
      _class_name: 'FluxTransformer2DModel',
      attention_head_dim: 128,
      axes_dims_rope: [16, 56, 56],
      in_channels: 64,
      joint_attention_dim: 4096,
      num_attention_heads: 24,
      num_layers: 19,
      num_single_layers: 38,
      patch_size: 1,
      pooled_projection_dim: 768,
      ...transformer,
    },
  },
  textEncoders: [{ config: clipLarge, padding: endOfText }, { config: t5Xxl }],
  scheduler: { _class_name: 'FlowMatchEulerDiscreteScheduler', num_train_timesteps: 1000, ...scheduler },
})

const shifts = {
  base_image_seq_len: 256,
  base_shift: 0.5,
  max_image_seq_len: 4096,
  max_shift: 1.15,
  shift: 3,
  use_dynamic_shifting: true,
}

/** Seconds on any machine. */
const tiny = (transformer: ConfigFields, scheduler: ConfigFields): PipelineShape => ({
  ...published(
    {
      attention_head_dim: 8,
      axes_dims_rope: [4, 2, 2],
      joint_attention_dim: 48,
      num_attention_heads: 4,
      num_layers: 2,
      num_single_layers: 2,
      pooled_projection_dim: 20,
      ...transformer,
    },
    scheduler,
  ),
  vae: flowAutoencoder([8, 16], { ...units, norm_num_groups: 4, sample_size: 16 }),
  textEncoders: [
    {
      config: clipText({
        hidden_size: 20,
        intermediate_size: 64,
        max_position_embeddings: 16,
        num_attention_heads: 4,
        num_hidden_layers: 2,
        vocab_size: 1024,
      }),
      padding: endOfText,
    },
    { config: t5Text({ d_ff: 64, d_kv: 8, d_model: 48, num_heads: 4, num_layers: 2, vocab_size: 1024 }) },
  ],
})

export const flux1: Family = {
  id: 'flux-1',
  title: 'FLUX.1',
  pipelineClasses: ['FluxPipeline', 'FluxImg2ImgPipeline'],
  isLike: ({ has }) => has('transformer') && has('text_encoder_2') && !has('text_encoder_3'),
  read,
  shapes: {
    'flux.1-dev': published({ guidance_embeds: true }, shifts),
    'flux.1-schnell': published({ guidance_embeds: false }, { shift: 1 }),
    'tiny-flux.1-dev': tiny({ guidance_embeds: true }, shifts),
    'tiny-flux.1-schnell': tiny({ guidance_embeds: false }, { shift: 1 }),
  },
}
