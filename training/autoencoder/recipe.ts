/** What the bundled autoencoder is and how it is trained, as data. MODEL_CARD.md is written from the same numbers. */
import type { AutoencoderKlConfig } from 'undiffuse'
import type { CropRecipe } from './crops.js'

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
  seed: 20261120,
  small: { batch: 8, size: 64 },
  large: { batch: 2, size: 128 },
  largeEvery: 4,
  scenes: 0.7,
  learningRate: 1.5e-3,
  warmUpSteps: 200,
  decay: 0.3,
  betas: [0.9, 0.99],
  epsilon: 1e-8,
  weightDecay: 1e-3,
  clip: 1,
  averageDecay: 0.998,
  divergence: 0.01,
}
