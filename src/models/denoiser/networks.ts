/**
 * The denoising network of a model in one form, whatever checkpoint it comes from. Graphs only; nothing is opened or run
 * here, and what a prediction means is not asked.
 */
import type { NetworkPart } from '../../checkpoints/folder.js'
import type { Weights } from '../../checkpoints/weights.js'
import { expected } from '../../core/errors.js'
import type { Graph } from '../../graph/graph.js'
import {
  cachedUnetGraph,
  keyValueGraph,
  looksGraph,
  sizeMultiple,
  type Unet2dConditionConfig,
  type UnetSize,
  unet2dConditionConfig,
  unetGraph,
} from '../../nn/unet-2d-condition.js'

/**
 * `sample` N × channels × H × W, `timestep` N, what a prompt is to the network (and `text_embeds`, `time_ids` for
 * Stable Diffusion XL) → `out`, of the sample's shape.
 */
export interface DenoisingNetworks {
  readonly channels: number
  /** Side of the latents it was trained on. */
  readonly sampleSize: number
  /** Sides of latents are multiples of this. */
  readonly multiple: number
  /** Width of a prompt's states. */
  readonly statesWidth: number
  /** Width of the pooled prompt; absent where none is asked for. */
  readonly pooledWidth?: number
  /** Whether all samples of a run have one timestep, as some exported files have it. */
  readonly oneTime: boolean
  /** `encoder_hidden_states` N × tokens × width → what the network is fed for it; absent where it is fed as it is. */
  promptGraph?(size: Pick<UnetSize, 'batch' | 'tokens'>): Graph
  graph(size: UnetSize): Graph
  /**
   * From the same inputs to where each cross-attention layer looks, N × tokens × height × width of the layer; absent where
   * the network's inside is not known.
   */
  looksGraph?(size: UnetSize): Graph
}

/** Throws `bad-model` where the weights hold tensors that the network of the configuration does not have. */
export function checkComplete(folder: string, { names }: Weights, graph: Graph, known = (_: string) => true): void {
  const more = names.filter((name) => known(name) && !graph.initializers.has(name))
  if (more.length === 0) return
  throw expected(
    'bad-model',
    `the ${graph.initializers.size} tensors of the configuration`,
    `the weights in \`${folder}\``,
    `${more.length} more, such as ${more[0]}`,
    'The configuration and the weights do not belong together; fetch the model folder again.',
  )
}

/** The network of a diffusers folder's `unet`. Checks that weights and configuration are of one network. */
export async function denoisingNetworks(part: NetworkPart): Promise<DenoisingNetworks> {
  const config = unet2dConditionConfig(part.config)
  checkChannels(config, part)
  const weights = await part.openWeights()
  const side = sizeMultiple(config)
  checkComplete(part.folder, weights, unetGraph(config, weights, { batch: 1, height: side, width: side, tokens: 1 }))
  return {
    channels: config.inChannels,
    sampleSize: config.sampleSize,
    multiple: side,
    statesWidth: config.crossAttentionDim,
    ...(config.textEmbedWidth !== undefined && { pooledWidth: config.textEmbedWidth }),
    oneTime: false,
    promptGraph: (size) => keyValueGraph(config, weights, size),
    graph: (size) => cachedUnetGraph(config, weights, size),
    looksGraph: (size) => looksGraph(config, weights, size),
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
  throw expected('unsupported', 'as many channels out as in', `\`${config.file}\``, got, remedy)
}
