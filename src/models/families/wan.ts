/**
 * Wan 2.1, text to video: a rectified flow over clips by a transformer that is told UMT5's states.
 *
 * x = (1 − σ)·latent + σ·noise, the network answers noise − latent and is told t = 1000·σ. A latent has 1 + k frames for 1 + 4k
 * of the clip. Source: Wan Team, arXiv 2503.20314; diffusers, pipeline_wan.py.
 */
import type { CheckpointFolder } from '../../checkpoints/folder.js'
import { describe } from '../../checkpoints/json.js'
import { expected } from '../../core/errors.js'
import type { Condition } from '../../model/condition.js'
import { clipLayout } from '../../model/layout.js'
import type { ConfigReader } from '../../nn/parameters.js'
import {
  largestSide,
  type WanTransformerConfig,
  wanTransformerConfig,
  wanTransformerGraph,
} from '../../nn/wan-transformer.js'
import { t5Encoder } from '../classes/t5-encoder.js'
import { wanTransformer } from '../classes/wan-transformer.js'
import { checkComplete } from '../complete.js'
import type { DenoisingNetworks } from '../denoiser/networks.js'
import type { Family, Pipeline, PipelineSource } from '../family.js'
import { openAutoencoderNetworks } from '../open.js'
import { pipelineHarmless } from '../pipeline-fields.js'
import { type ConfigFields, type PipelineShape, t5Text } from '../random/published-configs.js'
import { cleanedPrompt } from '../text/cleaned-prompt.js'
import { t5TextEncoder } from '../text/encoders.js'
import { conditioner, type EncodedText, placed, type TextPart } from '../text/prompts.js'
import { openT5Tokenizer } from '../text/t5-tokenizer.js'
import { checkFits } from './parts/clip-texts.js'
import { checkParts, checkSame, flowScheduler, networkPart } from './parts/flow.js'
import { type ClipExtent, clipExtent, pipelineIndex } from './parts/pipeline-index.js'

const statesName = 'encoder_hidden_states'

const defaultGuidance = 5
/** The pipeline's `max_sequence_length`. */
const textTokens = 512
/** What the pipeline makes where nothing is said. */
const defaultClip = [81, 480, 832] as const

async function read(source: PipelineSource): Promise<Pipeline> {
  const { files, folder, name, steps = 50 } = source
  checkParts(folder, ['transformer', 'text_encoder'])
  const index = await pipelineIndex(source)
  checkOneTransformer(index)
  const guidance = index.number('_guidance_scale', defaultGuidance)
  const [frames, height, width] = clipExtent(index, defaultClip)
  index.done(pipelineHarmless)
  const scheduler = await flowScheduler(source, { steps })
  const vae = await openAutoencoderNetworks(files, folder.path)
  const { config, networks } = await transformer(folder)
  const text = await openText(source)
  const { imageChannels, latentChannels, downscaling, frameDownscaling } = vae
  checkSame(folder.path, "latent channels of the autoencoder as the transformer's", config.inChannels, latentChannels)
  checkSame(folder.path, 'a text encoder of text_dim', config.statesWidth, text.encoder.width)
  if (frameDownscaling === undefined) {
    const remedy = 'Fetch the complete model folder.'
    throw expected('bad-model', 'an autoencoder of clips', `\`${folder.path}\``, 'one of pictures', remedy)
  }
  const largest = largestSide(config)
  const upToLargest = (side: number) => Math.min(side / downscaling, largest)
  return {
    vae,
    denoiser: networks,
    layout: clipLayout({
      name,
      imageChannels,
      latentChannels,
      downscaling,
      frameDownscaling,
      latentMultiple: Math.max(config.patch[1], config.patch[2]),
      latentLargest: largest,
      side: { height: upToLargest(height), width: upToLargest(width) },
      frames,
    }),
    scheduler,
    schedule: () => scheduler.schedule,
    guidance,
    conditioner: (pool) => conditioner({ pool, texts: [text], told }),
    tokens: textTokens,
    textGraphs: [text.encoder.graph(text.tokenizer.length)],
  }
}

/** Wan 2.2 has two transformers, or tells each token a time of its own. */
function checkOneTransformer(index: ConfigReader): void {
  const second = index.value('transformer_2')
  const refusals = [
    ['transformer_2', Array.isArray(second) && second[1] !== null],
    ['boundary_ratio', index.has('boundary_ratio')],
    ['expand_timesteps', index.boolean('expand_timesteps', false)],
  ] as const
  const [field] = refusals.find(([, isAnother]) => isAnother) ?? []
  if (field === undefined) return
  const got = describe(index.value(field))
  throw expected('unsupported', 'one transformer', `\`${field}\` in \`${index.file}\``, got, 'Use a model of Wan 2.1.')
}

async function transformer(
  folder: CheckpointFolder,
): Promise<{ config: WanTransformerConfig; networks: DenoisingNetworks }> {
  const part = await networkPart(folder, 'transformer', wanTransformer.classNames)
  const config = wanTransformerConfig(part.config)
  checkSame(part.folder, 'channels out as in', config.inChannels, config.outChannels)
  const weights = await part.openWeights()
  const networks: DenoisingNetworks = {
    values: { [statesName]: { width: config.statesWidth, perToken: true } },
    oneTime: false,
    graph({ batch, latent, tokens }) {
      const [, ...sides] = latent as [number, number, number, number]
      return wanTransformerGraph(config, weights, { batch, sides, tokens }, 'sample')
    },
  }
  const smallest = [config.inChannels, ...config.patch]
  checkComplete(part.folder, weights, [networks.graph({ batch: 1, latent: smallest, tokens: 1 })])
  return { config, networks }
}

/** The encoder hides padding from every token, so that only the prompt's own are run. */
async function openText({ files, folder }: PipelineSource): Promise<TextPart> {
  const part = await networkPart(folder, 'text_encoder', t5Encoder.classNames)
  const plain = await openT5Tokenizer(files, files.join(folder.path, 'tokenizer'), textTokens)
  const tokenizer = {
    ...plain,
    encode: (prompt: string) => plain.encode(cleanedPrompt(prompt)).slice(0, plain.used(cleanedPrompt(prompt))),
    used: (prompt: string) => plain.used(cleanedPrompt(prompt)),
    unread: (prompt: string) => plain.unread(cleanedPrompt(prompt)),
    places: (prompt: string) => plain.places(cleanedPrompt(prompt)),
  }
  const encoder = await t5TextEncoder(part)
  checkFits(part.folder, { encoder, tokenizer })
  return { encoder, tokenizer }
}

/** The states of the prompt's tokens, and rows of zeros behind them, which the network sees. */
const told = ([text]: readonly EncodedText[]): Condition['values'] => ({
  [statesName]: placed([textTokens, text!.states.shape[1]!], [[text!.states, 0, 0]]),
})

const umt5 = (more: ConfigFields): ConfigFields =>
  t5Text({ architectures: ['UMT5EncoderModel'], model_type: 'umt5', vocab_size: 256384, ...more })

interface Widths {
  readonly base: number
  readonly transformer: ConfigFields
  readonly text: ConfigFields
  readonly clip: ClipExtent
}

const published = ({ base, transformer, text, clip }: Widths): PipelineShape => ({
  className: 'WanPipeline',
  vae: {
    _class_name: 'AutoencoderKLWan',
    attn_scales: [],
    base_dim: base,
    dim_mult: [1, 2, 4, 4],
    dropout: 0,
    num_res_blocks: 2,
    temperal_downsample: [false, true, true],
    z_dim: 16,
  },
  denoiser: {
    name: 'transformer',
    config: {
      _class_name: 'WanTransformer3DModel',
      cross_attn_norm: true,
      eps: 1e-6,
      in_channels: 16,
      out_channels: 16,
      patch_size: [1, 2, 2],
      qk_norm: 'rms_norm_across_heads',
      rope_max_seq_len: 1024,
      ...transformer,
    },
  },
  textEncoders: [{ config: umt5(text) }],
  scheduler: {
    _class_name: 'UniPCMultistepScheduler',
    flow_shift: 3,
    num_train_timesteps: 1000,
    prediction_type: 'flow_prediction',
    solver_order: 2,
    use_flow_sigmas: true,
  },
  more: { boundary_ratio: null, expand_timesteps: false, transformer_2: [null, null], ...(clip && { _clip: clip }) },
})

export const wan: Family = {
  id: 'wan',
  title: 'Wan 2.1',
  pipelineClasses: ['WanPipeline'],
  isLike: () => false,
  read,
  shapes: {
    'wan-2.1-1.3b': published({
      base: 96,
      transformer: {
        attention_head_dim: 128,
        ffn_dim: 8960,
        freq_dim: 256,
        num_attention_heads: 12,
        num_layers: 30,
        text_dim: 4096,
      },
      text: { d_ff: 10240, d_kv: 64, d_model: 4096, num_heads: 64, num_layers: 24 },
      clip: defaultClip,
    }),
    /** Seconds on any machine; the layout of Wan 2.1. */
    'tiny-wan': published({
      base: 4,
      transformer: {
        attention_head_dim: 12,
        ffn_dim: 48,
        freq_dim: 16,
        num_attention_heads: 2,
        num_layers: 2,
        text_dim: 24,
      },
      text: { d_ff: 32, d_kv: 8, d_model: 24, num_heads: 3, num_layers: 2, vocab_size: 1024 },
      clip: [5, 32, 32],
    }),
  },
}
