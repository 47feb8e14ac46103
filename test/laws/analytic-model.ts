/**
 * A text-to-image model that is known in closed form: the analytic world as its network, with a place in it for each
 * prompt, and an autoencoder with orthonormal columns, D(z) = A·z/4 and E(x) = 4·Aᵀ·x. Counts what it is asked. Latents
 * may have any rank.
 */
import type { Autoencoder } from '../../src/autoencoder/index.js'
import type { Schedule } from '../../src/diffusion/level.js'
import { betas, variancePreserving } from '../../src/diffusion/schedules.js'
import { ddim } from '../../src/diffusion/solvers/ddim.js'
import { combine, map, type Shape, sizeOf, subtract, type Tensor, tensor, torchNoise } from '../../src/math/index.js'
import { type Answerers, type Condition, type DiffusionModel, doorOf, type Estimating } from '../../src/model/index.js'
import { oneLayout } from './analytic-autoencoder.js'
import {
  type AnalyticDenoiser,
  type Component,
  conditionalMixtureIn,
  mixture,
  mixtureDenoiser,
  shape,
  unconditionalMixtureIn,
} from './analytic-world.js'
import { apply, orthonormalRows, transposed } from './problems.js'

export const analyticImageShape = [3, 4, 4]
const contrast = 4

/** Three channels, twice as high as the latent, so that every latent has a picture of its own. */
const imageShapeOf = ([, ...sides]: Shape): Shape => {
  const height = Math.max(0, sides.length - 2)
  return [3, ...sides.map((side, i) => (i === height ? 2 * side : side))]
}

function autoencoderIn(latentShape: Shape): Autoencoder {
  const pictureShape = imageShapeOf(latentShape)
  const encoder = orthonormalRows(31, sizeOf(latentShape), sizeOf(pictureShape))
  const decoder = transposed(encoder)
  const flat = (x: Tensor) => tensor([x.data.length], x.data)
  const scaled = (x: Tensor, by: number) => map(x, (value) => by * value)
  const decode = (z: Tensor) => tensor(pictureShape, scaled(apply(decoder, flat(z)), 1 / contrast).data)
  const encode = (x: Tensor) => tensor(latentShape, scaled(apply(encoder, flat(x)), contrast).data)
  return {
    encode: async (image) => encode(image),
    decode: async (latent) => decode(latent),
    roundTrip: async (latent) => ({ image: decode(latent), latent: encode(decode(latent)) }),
    pullback: async (latent, image) => {
      const decoded = decode(latent)
      return { image: decoded, gradient: map(encode(subtract(decoded, image)), (value) => value / contrast ** 2) }
    },
  }
}

/** What prompts make of the world; others make the conditional mixture of it, and no text the unconditional one. */
export type Mixtures = Readonly<Record<string, readonly Component[]>>

/** What is bent in null-text optimisation: as in Stable Diffusion. */
const states = 'encoder_hidden_states'

/** A mixture moved by the states, as a condition: everything that the denoiser is told is a value. */
function conditionOf(components: readonly Component[], moved: Tensor, text: string | undefined): Condition {
  const [{ mean }] = components as [Component]
  const count = components.length
  const means = {
    shape: [count, ...mean.shape],
    data: Float64Array.from(components.flatMap(({ mean }) => [...mean.data])),
  }
  return {
    ...(text !== undefined && { text, words: text.split(' ').map((_, k) => [k]) }),
    values: {
      means,
      weights: tensor(
        [count],
        components.map(({ weight }) => weight),
      ),
      deviations: tensor(
        [count],
        components.map(({ deviation }) => deviation),
      ),
      [states]: moved,
    },
  }
}

function componentsOf({ values }: Condition): readonly Component[] {
  const { means, weights, deviations } = values as Readonly<Record<string, Tensor>>
  const [count, ...of] = means!.shape
  const size = sizeOf(of)
  return Array.from({ length: count! }, (_, k) => ({
    weight: weights!.data[k]!,
    deviation: deviations!.data[k]!,
    mean: { shape: of, data: means!.data.slice(k * size, (k + 1) * size) },
  }))
}

export interface AnalyticOptions {
  readonly mixtures?: Mixtures
  /** Of latents. */
  readonly shape?: Shape
  /** Default: Stable Diffusion's. */
  readonly schedule?: Schedule
  /** How far the states of a text move the world; no text does not move it. */
  readonly moves?: (text: string) => number
}

/** The model, and how many estimates it was asked for and in how many runs. */
export function analyticModel({
  mixtures = {},
  shape: latent = shape,
  schedule = variancePreserving(betas('scaled-linear')),
  moves = () => 0,
}: AnalyticOptions = {}): {
  readonly model: DiffusionModel
  asked(): { estimates: number; runs: number }
} {
  const count = { estimates: 0, runs: 0 }
  const single = autoencoderIn(latent)
  const known = new Map<Tensor, AnalyticDenoiser>()
  const worldOf = (condition: Condition): AnalyticDenoiser => {
    const key = condition.values.means!
    const world = known.get(key) ?? mixtureDenoiser(componentsOf(condition))
    known.set(key, world)
    return world
  }
  const shiftOf = ({ values }: Condition): Tensor => values[states]!
  /** D(x) = D_mixture(x − alpha·s) + s. */
  const inner = ({ x, level, condition }: Estimating) => combine([1, x], [-level.alpha, shiftOf(condition)])
  const derivative = async (one: Estimating, vector: Tensor) =>
    await worldOf(one.condition).pullback(inner(one), one.level, vector)
  const direction = torchNoise(5, latent)
  const conditions = new Map<string | undefined, Condition>()
  const answerers: Answerers = {
    encode: (images) => Promise.all(images.map(single.encode)),
    decode: (latents) => Promise.all(latents.map(single.decode)),
    roundTrip: (latents) => Promise.all(latents.map(single.roundTrip)),
    decodeGradient: (asks) => Promise.all(asks.map((ask) => single.pullback!(ask.latent, ask.reference))),
    async denoise(asks) {
      count.runs++
      count.estimates += asks.length
      return await Promise.all(
        asks.map(async (one) => {
          const estimate = await worldOf(one.condition).denoise(inner(one), one.level)
          return combine([1, estimate], [1, shiftOf(one.condition)])
        }),
      )
    },
    pullback: (asks) =>
      Promise.all(
        asks.map(async (one) => {
          const pulled = await derivative(one, one.cotangent)
          return one.wrt === undefined ? pulled : combine([1, one.cotangent], [-one.level.alpha, pulled])
        }),
      ),
    // The Jacobian of a posterior mean is a covariance, symmetric: it carries forwards as it pulls back.
    pushforward: (asks) => Promise.all(asks.map((one) => derivative(one, one.tangent))),
  }
  const model: DiffusionModel = {
    name: 'analytic',
    identity: async () => 'analytic',
    layout: oneLayout(imageShapeOf(latent), latent),
    schedule: () => schedule,
    solver: ddim(),
    guidance: 3,
    async condition(text) {
      const none = text === undefined
      const components = none ? unconditionalMixtureIn(latent) : (mixtures[text] ?? conditionalMixtureIn(latent))
      const moved = map(direction, (value) => (none ? 0 : moves(text)) * value)
      const condition = conditions.get(text) ?? conditionOf(components, moved, text)
      conditions.set(text, condition)
      return condition
    },
    ...doorOf('analytic', answerers),
    close: async () => {},
  }
  return { model, asked: () => ({ ...count }) }
}

/** The prompts that `editableModel` knows as different places of the world. */
export const editedPrompts = ['a red ball', 'a red star'] as const

/** The places of its latent, 2 × 4, that look at the third word of a prompt; all others look at the second. */
const narrow = [0, 0, 0, 1, 0, 0, 0, 1]

/** A model whose attention is known too, and whose states move the world. */
export function editableModel(looking: readonly number[] = narrow): DiffusionModel {
  const [from, to] = editedPrompts
  const mixtures = { [from]: mixture(100, 3, 0.8), [to]: mixture(300, 3, 0.8) }
  const { model } = analyticModel({ mixtures, moves: (text) => (text === '' ? 0 : text === from ? 0.3 : -0.3) })
  const looks = tensor(
    [4, 2, 4],
    [...Array(16).fill(0.1), ...looking.map((value) => 0.2 + 0.5 * value), ...Array(8).fill(0.2)],
  )
  const ask: DiffusionModel['ask'] = async (kind, asks, signal) =>
    kind === 'looks' ? (asks.map(() => looks) as never) : await model.ask(kind, asks, signal)
  return { ...model, answers: new Set([...model.answers, 'looks']), ask }
}
