/**
 * A text-to-image model that is known in closed form: the analytic world as its network, whatever the prompt, and an
 * autoencoder with orthonormal columns, D(z) = A·z/4 and E(x) = 4·Aᵀ·x. Counts what it is asked.
 */

import type { Autoencoder } from '../../src/autoencoder/index.js'
import { expected } from '../../src/core/errors.js'
import type { Denoising } from '../../src/diffusion/conditioning.js'
import { betas, variancePreserving } from '../../src/diffusion/schedules.js'
import { ddim } from '../../src/diffusion/solvers/ddim.js'
import {
  combine,
  formatShape,
  map,
  sameShape,
  subtract,
  type Tensor,
  tensor,
  torchNoise,
} from '../../src/math/index.js'
import type { DiffusionModel } from '../../src/verbs/diffusion-model.js'
import { batchedOver } from './analytic-autoencoder.js'
import {
  type Component,
  conditionalMixture,
  guidedWorld,
  mixture,
  mixtureDenoiser,
  shape,
  unconditionalMixture,
  worldOf,
} from './analytic-world.js'
import { apply, orthonormalRows, transposed } from './problems.js'

export const analyticImageShape = [3, 4, 4]
const [pixels, entries, contrast] = [48, 16, 4]

function autoencoder(): Autoencoder {
  const encoder = orthonormalRows(31, entries, pixels)
  const decoder = transposed(encoder)
  const flat = (x: Tensor) => tensor([x.data.length], x.data)
  const scaled = (x: Tensor, by: number) => map(x, (value) => by * value)
  const decode = (z: Tensor) => tensor(analyticImageShape, scaled(apply(decoder, flat(z)), 1 / contrast).data)
  const encode = (x: Tensor) => tensor(shape, scaled(apply(encoder, flat(x)), contrast).data)
  return {
    latentShape: () => shape,
    encode: async (image) => encode(image),
    decode: async (latent) => decode(latent),
    roundTrip: async (latent) => ({ image: decode(latent), latent: encode(decode(latent)) }),
    pullback: async (latent, image) => {
      const decoded = decode(latent)
      return { image: decoded, gradient: map(encode(subtract(decoded, image)), (value) => value / contrast ** 2) }
    },
  }
}

/** What prompts make of the world; others make `conditionalMixture` of it, and negative ones `unconditionalMixture`. */
export type Mixtures = Readonly<Record<string, readonly Component[]>>

/** The model, and how many estimates it was asked for and in how many runs. */
export function analyticModel(mixtures: Mixtures = {}): {
  readonly model: DiffusionModel
  asked(): { estimates: number; runs: number }
} {
  const count = { estimates: 0, runs: 0 }
  const single = autoencoder()
  const world = ({ guidance, conditioning: { prompt, negativePrompt = '' } }: Denoising) =>
    worldOf(
      mixtureDenoiser(mixtures[prompt] ?? conditionalMixture),
      mixtureDenoiser(mixtures[negativePrompt] ?? unconditionalMixture),
      guidance,
    )
  const model: DiffusionModel = {
    name: 'analytic',
    autoencoder: { ...single, batched: batchedOver(single).batched },
    schedule: variancePreserving(betas('scaled-linear')),
    solver: ddim(),
    guidance: 3,
    latentShape: () => shape,
    pictureSize: () => ({ height: 4, width: 4 }),
    checkLatent(given) {
      if (sameShape(given, shape)) return
      throw expected('bad-shape', formatShape(shape), '`analytic`', formatShape(given), 'It has one size.')
    },
    prompt: async (prompt, negativePrompt) => ({ prompt, negativePrompt }),
    async denoise(requests, signal) {
      count.runs++
      count.estimates += requests.length
      return await Promise.all(requests.map((one) => world(one).denoise(one.x, one.level, signal)))
    },
    pullback: async (requests, signal) =>
      await Promise.all(requests.map((one) => world(one).pullback(one.x, one.level, one.cotangent, signal))),
    // The Jacobian of a posterior mean is a covariance, symmetric: it carries forwards as it pulls back.
    pushforward: async (requests, signal) =>
      await Promise.all(requests.map((one) => world(one).pullback(one.x, one.level, one.tangent, signal))),
    close: async () => {},
  }
  return { model, asked: () => ({ ...count }) }
}

/** The prompts that `editableModel` knows as different places of the world. */
export const editedPrompts = ['a red ball', 'a red star'] as const

/** The places of its latent, 2 × 4, that look at the third word of a prompt; all others look at the second. */
const looking = [0, 0, 1, 1, 0, 0, 0, 1]

/** A model whose attention and whose answers to embeddings are known too: an embedding moves the world. */
export function editableModel(): DiffusionModel {
  const [from, to] = editedPrompts
  const { model } = analyticModel({ [from]: mixture(100, 3, 0.8), [to]: mixture(300, 3, 0.8) })
  const shift = torchNoise(5, shape)
  const moved = (x: Tensor, alpha: number, embedding: Tensor) => combine([1, x], [-alpha, embedding])
  return {
    ...model,
    looks: async (requests) =>
      requests.map(() =>
        tensor(
          [4, 2, 4],
          [...Array(16).fill(0.1), ...looking.map((value) => 0.2 + 0.5 * value), ...Array(8).fill(0.2)],
        ),
      ),
    places: (prompt) => prompt.split(' ').map((_, k) => [k]),
    embedded: {
      states: async (text) => map(shift, (value) => (text === '' ? 0 : text === from ? 0.3 : -0.3) * value),
      denoise: async (x, level, embedding) =>
        combine([1, await guidedWorld(1).denoise(moved(x, level.alpha, embedding), level)], [1, embedding]),
      pullback: async (x, level, embedding, cotangent) => {
        const inner = await guidedWorld(1).pullback(moved(x, level.alpha, embedding), level, cotangent)
        return combine([1, cotangent], [-level.alpha, inner])
      },
    },
  }
}
