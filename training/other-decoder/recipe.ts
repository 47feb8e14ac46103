/** How another decoder for the bundled encoder is trained, as data: one that its encoder was not trained with. */
import { type CropRecipe, cropRecipe } from '../autoencoder/crops.js'

export interface Recipe extends CropRecipe {
  /** Sizes at which decoded pictures are compared: the picture's own, half of it, a quarter... */
  readonly scales: number
  /** Weight of the differences' slopes beside the differences. */
  readonly slopes: number
}

export const recipe: Recipe = {
  ...cropRecipe,
  seed: 20270310,
  learningRate: 2e-3,
  warmUpSteps: 100,
  decay: 0.4,
  scales: 3,
  slopes: 1,
}
