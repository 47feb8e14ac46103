/**
 * Stable Diffusion 3 and 3.5: a rectified flow by an MMDiT, told two CLIPs and T5.
 *
 * x = (1 − σ)·latent + σ·noise, the network answers noise − latent and is told t = 1000·σ. Source: Esser et al., ICML 2024;
 * diffusers, pipeline_stable_diffusion_3.py.
 */
import { expected } from '../../core/errors.js'
import { type Tensor, tensor } from '../../math/tensor.js'
import type { Condition } from '../../model/condition.js'
import { scaledLayout } from '../../model/layout.js'
import type { Sd3TransformerConfig } from '../../nn/sd3-transformer.js'
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
  openClipGiant,
  type PipelineShape,
  t5Text,
  t5Xxl,
} from '../random/published-configs.js'
import { conditioner, type EncodedText, placed, sideBySide, type TextPart } from '../text/prompts.js'
import { clipTexts } from './parts/clip-texts.js'
import { checkParts, checkSame, flowScheduler, movedBySize } from './parts/flow.js'
import { mmdit, pooledName, statesName } from './parts/mmdit.js'
import { pipelineIndex } from './parts/pipeline-index.js'
import { openT5 } from './parts/t5-text.js'

const defaultGuidance = 7
const defaultSteps = 28
/** Of T5: the pipeline's `max_sequence_length`. */
const t5Tokens = 256
const together = 'Its parts do not belong together; fetch the model folder again.'

async function read(source: PipelineSource): Promise<Pipeline> {
  const { files, folder, name, steps = defaultSteps } = source
  const remedy = 'Fetch the complete model folder; the third text encoder alone may be left out.'
  checkParts(folder, ['transformer', 'text_encoder', 'text_encoder_2'], remedy)
  const scheduler = { ...(await flowScheduler(source, { steps })), defaultSteps }
  const vae = await openAutoencoderNetworks(files, folder.path)
  const { config, networks, latents } = await mmdit(folder)
  const clips = await clipTexts(files, folder, ['', '_2'], 'penultimate')
  const t5 = folder.has('text_encoder_3') ? await openT5(source, '_3', t5Tokens) : undefined
  const index = await pipelineIndex(source)
  const guidance = index.number('_guidance_scale', defaultGuidance)
  const version = index.string('_diffusers_version', '')
  const isIncomplete = !t5 && isListed(index.value('text_encoder_3'))
  index.done(pipelineHarmless)
  const { imageChannels, latentChannels, downscaling } = vae
  checkSame(folder.path, "latent channels of the autoencoder as the transformer's", config.inChannels, latentChannels)
  checkTexts(folder.path, config, clips, t5)

  const clipTokens = clips[0]!.tokenizer.length
  const behind = t5 ? t5Tokens : emptyTokens(version, clipTokens)
  const texts = t5 ? [...clips, t5] : clips
  return {
    vae,
    denoiser: networks,
    layout: scaledLayout({ name, imageChannels, latentChannels, downscaling, ...latents }),
    scheduler,
    schedule: ([, height, width]) => movedBySize(scheduler, (height! * width!) / config.patchSize ** 2),
    guidance,
    conditioner: (pool) => conditioner({ pool, texts, told: (encoded) => told(encoded, config.statesWidth, behind) }),
    tokens: clipTokens + behind,
    textGraphs: texts.map(({ encoder, tokenizer }) => encoder.graph(tokenizer.length)),
    ...(isIncomplete && { notes: [withoutT5] }),
  }
}

const withoutT5 =
  'model_index.json lists text_encoder_3, and it is missing: prompts are read by the other two text encoders alone.'

/** A part of model_index.json is [library, class], and [null, null] where it was left out. */
const isListed = (part: unknown): boolean => Array.isArray(part) && typeof part[1] === 'string'

function checkTexts(path: string, config: Sd3TransformerConfig, clips: readonly TextPart[], t5?: TextPart): void {
  const sum = (sizes: readonly number[]) => sizes.reduce((total, size) => total + size, 0)
  const width = sum(clips.map(({ encoder }) => encoder.width))
  if (width > config.statesWidth) {
    const what = `text encoders of at most ${config.statesWidth} channels together (joint_attention_dim)`
    throw expected('bad-model', what, `\`${path}\``, `${width}`, together)
  }
  if (t5) checkSame(path, 'a T5 of joint_attention_dim', config.statesWidth, t5.encoder.width)
  if (clips.some(({ encoder }) => encoder.pooledWidth === undefined)) {
    const what = 'text encoders with a projection (CLIPTextModelWithProjection)'
    throw expected('bad-model', what, `\`${path}\``, 'one without', together)
  }
  const pooled = sum(clips.map(({ encoder }) => encoder.pooledWidth ?? 0))
  checkSame(path, 'projections of both text encoders of pooled_projection_dim', config.pooledWidth, pooled)
}

/** diffusers stands zeros for T5's states: as many as those since 0.36, as many as CLIP's before. */
function emptyTokens(version: string, clipTokens: number): number {
  const [, major = 1, minor = 0] = /^(\d+)\.(\d+)/.exec(version)?.map(Number) ?? []
  return major > 0 || minor >= 36 ? t5Tokens : clipTokens
}

/**
 * The states of both CLIPs side by side, with zeros up to the width of T5, and behind them along the tokens T5's states, or
 * zeros; the pooled texts of both CLIPs in a row.
 */
function told([large, giant, t5]: readonly EncodedText[], width: number, behind: number): Condition['values'] {
  const clip = sideBySide([large!.states, giant!.states])
  const tokens = clip.shape[0]!
  return {
    [statesName]: placed([tokens + behind, width], [[clip, 0, 0], ...(t5 ? [[t5.states, tokens, 0] as const] : [])]),
    [pooledName]: inARow([large!.pooled!, giant!.pooled!]),
  }
}

const inARow = (vectors: readonly Tensor[]): Tensor => {
  const data = vectors.flatMap((vector) => [...vector.data])
  return tensor([data.length], data)
}

const units = { scaling_factor: 1.5305, shift_factor: 0.0609 }

/** A CLIP with a projection. */
const projected = (config: ConfigFields): ConfigFields => ({
  ...config,
  architectures: ['CLIPTextModelWithProjection'],
})

const tinyClip = (more: ConfigFields) =>
  projected(
    clipText({
      intermediate_size: 64,
      max_position_embeddings: 16,
      num_attention_heads: 4,
      num_hidden_layers: 2,
      vocab_size: 1024,
      ...more,
    }),
  )

const published = (transformer: ConfigFields): PipelineShape => ({
  className: 'StableDiffusion3Pipeline',
  vae: flowAutoencoder(autoencoderStages, { ...units, force_upcast: true, sample_size: 1024 }),
  denoiser: {
    name: 'transformer',
    config: {
      _class_name: 'SD3Transformer2DModel',
      attention_head_dim: 64,
      caption_projection_dim: 1536,
      in_channels: 16,
      joint_attention_dim: 4096,
      num_attention_heads: 24,
      num_layers: 24,
      out_channels: 16,
      patch_size: 2,
      pooled_projection_dim: 2048,
      sample_size: 128,
      ...transformer,
    },
  },
  textEncoders: [
    { config: projected(clipLarge), padding: endOfText },
    { config: openClipGiant, padding: '!' },
    { config: t5Xxl },
  ],
  scheduler: { _class_name: 'FlowMatchEulerDiscreteScheduler', num_train_timesteps: 1000, shift: 3 },
})

export const stableDiffusion3: Family = {
  id: 'stable-diffusion-3',
  title: 'Stable Diffusion 3 and 3.5',
  pipelineClasses: ['StableDiffusion3Pipeline', 'StableDiffusion3Img2ImgPipeline'],
  isLike: ({ has }) => has('transformer') && has('text_encoder_3'),
  read,
  shapes: {
    'stable-diffusion-3-medium': published({ pos_embed_max_size: 192 }),
    'stable-diffusion-3-5-medium': published({
      dual_attention_layers: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
      pos_embed_max_size: 384,
      qk_norm: 'rms_norm',
    }),
    /** Seconds on any machine; the layout of Stable Diffusion 3.5. */
    'tiny-stable-diffusion-3': {
      ...published({
        attention_head_dim: 8,
        caption_projection_dim: 32,
        dual_attention_layers: [0],
        joint_attention_dim: 48,
        num_attention_heads: 4,
        num_layers: 2,
        pooled_projection_dim: 44,
        pos_embed_max_size: 16,
        qk_norm: 'rms_norm',
        sample_size: 8,
      }),
      vae: flowAutoencoder([8, 16], { ...units, norm_num_groups: 4, sample_size: 16 }),
      textEncoders: [
        { config: tinyClip({ hidden_size: 20, projection_dim: 20 }), padding: endOfText },
        { config: tinyClip({ hidden_size: 24, projection_dim: 24 }), padding: '!' },
        { config: t5Text({ d_ff: 64, d_kv: 8, d_model: 48, num_heads: 4, num_layers: 2, vocab_size: 1024 }) },
      ],
    },
  },
}
