/** How the bundled scene reader is trained, as data. MODEL_CARD.md is written from the same numbers. */
export const readerRecipe = {
  seed: 20261121,
  batch: 16,
  /** Pictures of the autoencoder that are made before training, and their share of every batch. */
  decoded: 256,
  share: 0.25,
  learningRate: 2e-3,
  warmUpSteps: 100,
  /** Share of the steps, at the end, over which the learning rate falls to zero. */
  decay: 0.6,
  betas: [0.9, 0.99],
  epsilon: 1e-8,
  weightDecay: 1e-2,
  /** Gradients are scaled down to this norm over all parameters. */
  clip: 2,
  averageDecay: 0.995,
} as const
