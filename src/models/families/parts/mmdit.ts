/** What the families share whose denoiser is an MMDiT, SD3Transformer2DModel. */
import type { CheckpointFolder } from '../../../checkpoints/folder.js'
import {
  largestSide,
  type Sd3TransformerConfig,
  sd3TransformerConfig,
  sd3TransformerGraph,
} from '../../../nn/sd3-transformer.js'
import { sd3Transformer } from '../../classes/sd3-transformer.js'
import { checkComplete } from '../../complete.js'
import type { DenoisingNetworks } from '../../denoiser/networks.js'
import { checkSame, networkPart } from './flow.js'

/** The values of a condition: the states of the tokens, and the prompt in one vector. */
export const [statesName, pooledName] = ['encoder_hidden_states', 'pooled_projections'] as const

export interface Mmdit {
  readonly config: Sd3TransformerConfig
  readonly networks: DenoisingNetworks
  /** Which latents it takes. */
  readonly latents: { readonly latentMultiple: number; readonly latentLargest: number; readonly side: number }
}

/** The transformer of a folder. Errors: as `Family.read`. */
export async function mmdit(folder: CheckpointFolder): Promise<Mmdit> {
  const part = await networkPart(folder, 'transformer', sd3Transformer.classNames)
  const config = sd3TransformerConfig(part.config)
  checkSame(part.folder, 'channels out as in', config.inChannels, config.outChannels)
  const weights = await part.openWeights()
  const networks: DenoisingNetworks = {
    values: {
      [statesName]: { width: config.statesWidth, perToken: true },
      [pooledName]: { width: config.pooledWidth, perToken: false },
    },
    oneTime: false,
    graph({ batch, latent, tokens }) {
      const [, height, width] = latent as [number, number, number]
      return sd3TransformerGraph(config, weights, { batch, height, width, tokens }, 'sample')
    },
  }
  const { inChannels, patchSize } = config
  const smallest = [inChannels, patchSize, patchSize]
  checkComplete(part.folder, weights, [networks.graph({ batch: 1, latent: smallest, tokens: 1 })])
  const latents = { latentMultiple: patchSize, latentLargest: largestSide(config), side: trainedSide(config) }
  return { config, networks, latents }
}

/** Of the latents it was trained on, in whole patches. */
const trainedSide = ({ sampleSize, patchSize, tableSize }: Sd3TransformerConfig): number =>
  patchSize * Math.min(tableSize, Math.max(1, Math.floor(sampleSize / patchSize)))
