/**
 * Qwen-Image: a rectified flow by a transformer of two streams, told the last states of Qwen2.5-VL.
 *
 * x = (1 − σ)·latent + σ·noise, the network answers noise − latent and is told σ. Guidance is of two evaluations, and the velocity
 * of each token keeps the length that it has under the prompt alone. Latents are channels × height × width; the network packs
 * 2 × 2 places to a token itself. Source: Qwen Team, 2025; diffusers, pipeline_qwenimage.py.
 */
import { lengthOfPrompt } from '../../diffusion/guidance-mix.js'
import { tensor } from '../../math/tensor.js'
import type { Condition } from '../../model/condition.js'
import { scaledLayout } from '../../model/layout.js'
import {
  type QwenImageTransformerConfig,
  qwenImageTransformerConfig,
  qwenImageTransformerGraph,
} from '../../nn/qwen-image-transformer.js'
import { qwenImageTransformer } from '../classes/qwen-image-transformer.js'
import { qwen25Vl } from '../classes/qwen2-5-vl.js'
import { checkComplete } from '../complete.js'
import type { DenoisingNetworks } from '../denoiser/networks.js'
import type { Family, Pipeline, PipelineSource } from '../family.js'
import { openAutoencoderNetworks } from '../open.js'
import { pipelineHarmless } from '../pipeline-fields.js'
import type { ConfigFields, PipelineShape } from '../random/published-configs.js'
import { evenShares } from '../schedulers/time-shifts.js'
import { qwen25VlTextEncoder } from '../text/encoders.js'
import { conditioner, type EncodedText, type TextPart } from '../text/prompts.js'
import { openQwenTokenizer } from '../text/qwen-tokenizer.js'
import { checkFits } from './parts/clip-texts.js'
import { checkParts, checkSame, flowScheduler, movedBySize, networkPart } from './parts/flow.js'
import { pipelineIndex } from './parts/pipeline-index.js'

const statesName = 'encoder_hidden_states'

/** The pipeline's own template, not that of the tokenizer. */
export const template = (prompt: string): string =>
  `<|im_start|>system\nDescribe the image by detailing the color, shape, size, texture, quantity, text, spatial relationships of the objects and background:<|im_end|>\n<|im_start|>user\n${prompt}<|im_end|>\n<|im_start|>assistant\n`

/** Tokens of the template before the prompt, whose states are not told, and the most that are: `max_sequence_length`. */
const dropped = 34
const mostTokens = 512
/** Texts are filled up to multiples of this: the network need not be built for each length, and looks at no filling. */
const tokenMultiple = 16

const defaultGuidance = 4
const defaultSteps = 50
/** Height and width of the latents that it was trained on. */
const side = 128

async function read(source: PipelineSource): Promise<Pipeline> {
  const { files, folder, name } = source
  checkParts(folder, ['transformer', 'text_encoder', 'vae'])
  const scheduler = await flowScheduler(source, { sigmas: evenShares(source.steps ?? defaultSteps) })
  const vae = await openAutoencoderNetworks(files, folder.path)
  const { config, networks } = await transformer(source)
  const text = await openText(source)
  const index = await pipelineIndex(source)
  const guidance = index.number('_guidance_scale', defaultGuidance)
  index.done(pipelineHarmless)
  const { imageChannels, latentChannels, downscaling } = vae
  checkSame(folder.path, "latent channels of the autoencoder as the transformer's", config.channels, latentChannels)
  checkSame(folder.path, 'a text encoder of joint_attention_dim', config.statesWidth, text.encoder.width)
  const { patchSize } = config
  return {
    vae,
    denoiser: networks,
    layout: scaledLayout({ name, imageChannels, latentChannels, downscaling, latentMultiple: patchSize, side }),
    scheduler: { ...scheduler, defaultSteps },
    schedule: ([, height, width]) => movedBySize(scheduler, (height! * width!) / patchSize ** 2),
    guidance,
    guiding: { kind: 'mixed', mix: lengthOfPrompt(patchSize) },
    conditioner: (pool) => conditioner({ pool, texts: [text], told }),
    tokens: mostTokens,
    textGraphs: [text.encoder.graph(dropped + mostTokens)],
  }
}

/** The states behind the template's beginning, of the text's own tokens. */
function told([text]: readonly EncodedText[]): Condition['values'] {
  const { states, used } = text!
  const width = states.shape[1]!
  return { [statesName]: tensor([used - dropped, width], states.data.slice(dropped * width, used * width)) }
}

async function transformer({
  folder,
}: PipelineSource): Promise<{ config: QwenImageTransformerConfig; networks: DenoisingNetworks }> {
  const part = await networkPart(folder, 'transformer', qwenImageTransformer.classNames)
  const config = qwenImageTransformerConfig(part.config)
  const weights = await part.openWeights()
  const networks: DenoisingNetworks = {
    values: { [statesName]: { width: config.statesWidth, perToken: true, tokenMultiple } },
    oneTime: false,
    graph({ batch, latent, tokens }) {
      const [, height, width] = latent as [number, number, number]
      return qwenImageTransformerGraph(config, weights, { batch, height, width, tokens })
    },
  }
  const smallest = [config.channels, config.patchSize, config.patchSize]
  checkComplete(part.folder, weights, [networks.graph({ batch: 1, latent: smallest, tokens: 1 })])
  return { config, networks }
}

/** Qwen2.5-VL's language model with its tokenizer. */
async function openText({ files, folder }: PipelineSource): Promise<TextPart> {
  const part = await networkPart(folder, 'text_encoder', qwen25Vl.classNames)
  const tokenizer = await openQwenTokenizer(files, files.join(folder.path, 'tokenizer'), {
    length: dropped + mostTokens,
    told: template,
    // The model is causal: what fills up behind a text changes nothing of it.
    filled: (count) => 64 * Math.ceil(count / 64),
  })
  const encoder = await qwen25VlTextEncoder(part)
  checkFits(part.folder, { encoder, tokenizer })
  return { encoder, tokenizer }
}

interface Shape {
  readonly vae: ConfigFields
  readonly transformer: ConfigFields
  readonly text: ConfigFields
}

const shapeOf = ({ vae, transformer, text }: Shape): PipelineShape => ({
  className: 'QwenImagePipeline',
  vae: {
    _class_name: 'AutoencoderKLQwenImage',
    attn_scales: [],
    dim_mult: [1, 2, 4, 4],
    dropout: 0,
    num_res_blocks: 2,
    temperal_downsample: [false, true, true],
    z_dim: 16,
    ...vae,
  },
  denoiser: {
    name: 'transformer',
    config: {
      _class_name: 'QwenImageTransformer2DModel',
      guidance_embeds: false,
      in_channels: 64,
      out_channels: 16,
      patch_size: 2,
      ...transformer,
    },
  },
  textEncoders: [
    {
      config: {
        architectures: ['Qwen2_5_VLForConditionalGeneration'],
        hidden_act: 'silu',
        max_position_embeddings: 128_000,
        model_type: 'qwen2_5_vl',
        rms_norm_eps: 1e-6,
        rope_theta: 1_000_000,
        use_sliding_window: false,
        ...text,
      },
    },
  ],
  scheduler: {
    _class_name: 'FlowMatchEulerDiscreteScheduler',
    base_image_seq_len: 256,
    base_shift: 0.5,
    max_image_seq_len: 8192,
    max_shift: 0.9,
    num_train_timesteps: 1000,
    shift: 1,
    shift_terminal: 0.02,
    use_dynamic_shifting: true,
  },
})

export const qwenImage: Family = {
  id: 'qwen-image',
  title: 'Qwen-Image',
  pipelineClasses: ['QwenImagePipeline', 'QwenImageImg2ImgPipeline'],
  isLike: () => false,
  read,
  shapes: {
    'qwen-image': shapeOf({
      vae: { base_dim: 96 },
      transformer: {
        attention_head_dim: 128,
        axes_dims_rope: [16, 56, 56],
        joint_attention_dim: 3584,
        num_attention_heads: 24,
        num_layers: 60,
      },
      text: {
        hidden_size: 3584,
        intermediate_size: 18944,
        num_attention_heads: 28,
        num_hidden_layers: 28,
        num_key_value_heads: 4,
        vocab_size: 152_064,
      },
    }),
    /** Seconds on any machine. */
    'tiny-qwen-image': shapeOf({
      vae: { base_dim: 4, num_res_blocks: 1 },
      transformer: {
        attention_head_dim: 8,
        axes_dims_rope: [4, 2, 2],
        joint_attention_dim: 32,
        num_attention_heads: 4,
        num_layers: 2,
      },
      text: {
        hidden_size: 32,
        intermediate_size: 48,
        num_attention_heads: 4,
        num_hidden_layers: 2,
        num_key_value_heads: 2,
        vocab_size: 1024,
      },
    }),
  },
}
