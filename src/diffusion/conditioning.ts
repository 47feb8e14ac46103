/** What a text-to-image model is asked: estimates of x₀ under a prompt and guidance. Several questions make one batch. */
import type { Tensor } from '../math/tensor.js'
import type { NoiseLevel } from './level.js'

/** A prompt and what is to be avoided, as the network takes them. Made by a model, for that model. */
export interface Conditioning {
  readonly prompt: string
  /** What guidance leads away from; undefined is the model's own "nothing". */
  readonly negativePrompt: string | undefined
}

/** One question to the network: what is x₀, given x at a level? */
export interface Denoising {
  readonly x: Tensor
  readonly level: NoiseLevel
  readonly conditioning: Conditioning
  /** w of D = D(negative) + w·(D(prompt) − D(negative)); 1 asks for the prompt alone, 0 for the negative. */
  readonly guidance: number
}

/** One question to the network's cross-attention: which tokens of the prompt do the places of x look at? */
export type Attending = Omit<Denoising, 'guidance'>

export interface DenoisingPullback extends Denoising {
  readonly cotangent: Tensor
}

export interface DenoisingPushforward extends Denoising {
  readonly tangent: Tensor
}
