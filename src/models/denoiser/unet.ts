/** The UNet of a diffusers folder as a denoising network. */
import type { NetworkPart } from '../../checkpoints/folder.js'
import { expected } from '../../core/errors.js'
import {
  cachedUnetGraph,
  keyValueGraph,
  looksGraph,
  type Unet2dConditionConfig,
  type UnetSize,
  unet2dConditionConfig,
  unetGraph,
} from '../../nn/unet-2d-condition.js'
import {
  type ClipUnetSize,
  cachedClipUnetGraph,
  clipUnetGraph,
  unet3dConditionConfig,
} from '../../nn/unet-3d-condition.js'
import { checkComplete } from '../complete.js'
import type { DenoisingPart, DenoisingSize } from './networks.js'

/** The values of a condition, as UNets call their inputs: a prompt's states, and the pooled prompt of XL. */
export const [statesName, pooledName] = ['encoder_hidden_states', 'text_embeds'] as const

export const unetSize = ({ batch, latent, tokens }: DenoisingSize): UnetSize => {
  const [, height, width] = latent as [number, number, number]
  return { batch, height, width, tokens }
}

/** The values that a UNet takes: states of this width and, where it asks for one, a pooled prompt. */
export const unetValues = (
  statesWidth: number,
  pooledWidth: number | undefined,
): DenoisingPart['networks']['values'] => ({
  [statesName]: { width: statesWidth, perToken: true },
  ...(pooledWidth !== undefined && { [pooledName]: { width: pooledWidth, perToken: false } }),
})

/** The network of a diffusers folder's `unet`. Checks that weights and configuration are of one network. */
export async function unetPart(part: NetworkPart): Promise<DenoisingPart> {
  const config = unet2dConditionConfig(part.config)
  checkChannels(config, part)
  const weights = await part.openWeights()
  checkComplete(part.folder, weights, [unetGraph(config, weights, { batch: 1, height: 1, width: 1, tokens: 1 })])
  return {
    channels: config.inChannels,
    side: config.sampleSize,
    multiple: 1,
    networks: {
      values: unetValues(config.crossAttentionDim, config.textEmbedWidth),
      oneTime: false,
      derived: { value: statesName, graph: (size) => keyValueGraph(config, weights, size) },
      graph: (size) => cachedUnetGraph(config, weights, unetSize(size)),
      looksGraph: (size) => looksGraph(config, weights, unetSize(size)),
    },
  }
}

/** The network of a folder's `unet` that LaVie wrote, which denoises clips. */
export async function clipUnetPart(part: NetworkPart): Promise<DenoisingPart> {
  const config = unet3dConditionConfig(part.config)
  checkChannels(config, part)
  const weights = await part.openWeights()
  if (weights.has('transformer_in.norm.weight')) {
    const got = "diffusers' own network of this name"
    throw expected('unsupported', 'the network of LaVie', `\`${part.folder}\``, got, "Use LaVie's base model.")
  }
  checkComplete(part.folder, weights, [
    clipUnetGraph(config, weights, { batch: 1, frames: 1, height: 1, width: 1, tokens: 1 }),
  ])
  const sizeOf = ({ batch, latent, tokens }: DenoisingSize): ClipUnetSize => {
    const [, frames, height, width] = latent as [number, number, number, number]
    return { batch, frames, height, width, tokens }
  }
  return {
    channels: config.inChannels,
    side: config.sampleSize,
    multiple: 1,
    networks: {
      values: unetValues(config.crossAttentionDim, undefined),
      oneTime: false,
      derived: { value: statesName, graph: (size) => keyValueGraph(config, weights, size) },
      graph: (size) => cachedClipUnetGraph(config, weights, sizeOf(size)),
    },
  }
}

/** Networks with more inputs or outputs than a latent are another task's. */
function checkChannels({ inChannels, outChannels }: Unet2dConditionConfig, { config }: NetworkPart): void {
  if (inChannels === outChannels) return
  const tasks: Readonly<Record<string, string>> = {
    '9 4': ' (an inpainting model)',
    '8 4': ' (a model that is shown a picture)',
    '4 8': ' (a model that predicts variances too)',
  }
  const got = `${inChannels} and ${outChannels}${tasks[`${inChannels} ${outChannels}`] ?? ''}`
  const remedy = 'Use a text-to-image model.'
  const place = `\`in_channels\` and \`out_channels\` in \`${config.file}\``
  throw expected('unsupported', 'as many channels out as in', place, got, remedy)
}
