/** How another decoder for the bundled encoder is trained, as data: one that its encoder was not trained with. */
import type { CropRecipe } from '../autoencoder/crops.js'

export interface Recipe extends CropRecipe {
  /** Sizes at which decoded pictures are compared: the picture's own, half of it, a quarter... */
  readonly scales: number
  /** Weight of the differences' slopes beside the differences. */
  readonly slopes: number
}

export const recipe: Recipe = {
  seed: 20270310,
  small: { batch: 8, size: 64 },
  large: { batch: 2, size: 128 },
  largeEvery: 4,
  scenes: 0.7,
  learningRate: 2e-3,
  warmUpSteps: 100,
  decay: 0.4,
  betas: [0.9, 0.99],
  epsilon: 1e-8,
  weightDecay: 1e-3,
  clip: 1,
  averageDecay: 0.998,
  scales: 3,
  slopes: 1,
}
