/** What the bundled autoencoder is and how it is trained, as data. MODEL_CARD.md is written from the same numbers. */
import type { AutoencoderKlConfig } from 'undiffuse'
import { type CropRecipe, cropRecipe } from './crops.js'

export const autoencoder: AutoencoderKlConfig = {
  inChannels: 3,
  outChannels: 3,
  latentChannels: 4,
  blockOutChannels: [16, 32, 64, 96],
  layersPerBlock: 1,
  normNumGroups: 8,
  midBlockAttention: true,
  quantConv: true,
  postQuantConv: true,
}

export interface Recipe extends CropRecipe {
  /** Weight of the KL divergence per latent entry beside the logarithm of the squared error. */
  readonly divergence: number
}

export const recipe: Recipe = {
  ...cropRecipe,
  seed: 20261120,
  learningRate: 1.5e-3,
  warmUpSteps: 200,
  decay: 0.3,
  divergence: 0.01,
}
