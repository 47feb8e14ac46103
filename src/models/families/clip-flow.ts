/**
 * A small flow told one CLIP: the bundled model `undiffuse-scenes-flow`. The network of Stable Diffusion 3 and 3.5, with one
 * text encoder in the place of three.
 *
 * x = (1 − σ)·latent + σ·noise, the network answers noise − latent and is told t = 1000·σ, the last states of the text encoder,
 * and their mean over the tokens as the pooled prompt.
 */
import { type Tensor, zeros } from '../../math/tensor.js'
import type { Condition } from '../../model/condition.js'
import { scaledLayout } from '../../model/layout.js'
import type { Family, Pipeline, PipelineSource } from '../family.js'
import { openAutoencoderNetworks } from '../open.js'
import { pipelineHarmless } from '../pipeline-fields.js'
import { autoencoder, clipText, endOfText } from '../random/published-configs.js'
import { conditioner, type EncodedText } from '../text/prompts.js'
import { clipTexts } from './parts/clip-texts.js'
import { checkParts, checkSame, flowScheduler, movedBySize } from './parts/flow.js'
import { mmdit, pooledName, statesName } from './parts/mmdit.js'
import { pipelineIndex } from './parts/pipeline-index.js'

const defaultGuidance = 3
/** With 20, noise comes back from 8 evaluations a step and not always; with 30 from 5. */
const defaultSteps = 30

async function read(source: PipelineSource): Promise<Pipeline> {
  const { files, folder, name, steps = defaultSteps } = source
  checkParts(folder, ['transformer', 'text_encoder'])
  const scheduler = { ...(await flowScheduler(source, { steps })), defaultSteps }
  const vae = await openAutoencoderNetworks(files, folder.path)
  const { config, networks, latents } = await mmdit(folder)
  const texts = await clipTexts(files, folder, [''], 'last')
  const index = await pipelineIndex(source)
  const guidance = index.number('_guidance_scale', defaultGuidance)
  index.done(pipelineHarmless)
  const { imageChannels, latentChannels, downscaling } = vae
  const { encoder, tokenizer } = texts[0]!
  checkSame(folder.path, "latent channels of the autoencoder as the transformer's", config.inChannels, latentChannels)
  checkSame(folder.path, 'a text encoder of joint_attention_dim', config.statesWidth, encoder.width)
  checkSame(folder.path, 'a text encoder of pooled_projection_dim', config.pooledWidth, encoder.width)
  return {
    vae,
    denoiser: networks,
    layout: scaledLayout({ name, imageChannels, latentChannels, downscaling, ...latents }),
    scheduler,
    schedule: ([, height, width]) => movedBySize(scheduler, (height! * width!) / config.patchSize ** 2),
    guidance,
    conditioner: (pool) => conditioner({ pool, texts, told }),
    tokens: tokenizer.length,
    textGraphs: [encoder.graph(tokenizer.length)],
  }
}

const told = ([text]: readonly EncodedText[]): Condition['values'] => ({
  [statesName]: text!.states,
  [pooledName]: meanOfRows(text!.states),
})

/** rows × columns → columns. */
function meanOfRows({ shape, data }: Tensor): Tensor {
  const [rows, columns] = shape as [number, number]
  const mean = zeros([columns])
  data.forEach((value, i) => {
    mean.data[i % columns]! += value / rows
  })
  return mean
}

export const clipFlow: Family = {
  id: 'clip-flow',
  title: 'Flows told one CLIP',
  pipelineClasses: ['ClipFlowPipeline'],
  // Other flows have the same parts: without its class it has to be named.
  isLike: () => false,
  read,
  shapes: {
    /** Seconds on any machine. */
    'tiny-clip-flow': {
      className: 'ClipFlowPipeline',
      vae: autoencoder([8, 16], { norm_num_groups: 4, sample_size: 16 }),
      denoiser: {
        name: 'transformer',
        config: {
          _class_name: 'SD3Transformer2DModel',
          attention_head_dim: 8,
          caption_projection_dim: 32,
          in_channels: 4,
          joint_attention_dim: 24,
          num_attention_heads: 4,
          num_layers: 2,
          out_channels: 4,
          patch_size: 2,
          pooled_projection_dim: 24,
          pos_embed_max_size: 8,
          qk_norm: 'rms_norm',
          sample_size: 8,
        },
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
          padding: endOfText,
        },
      ],
      scheduler: { _class_name: 'FlowMatchEulerDiscreteScheduler', num_train_timesteps: 1000, shift: 3 },
    },
  },
}
