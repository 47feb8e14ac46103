/** How a model is guided: what the weight of a prompt means to it, and which weights it takes. */
import { expected, gotText } from '../core/errors.js'
import type { GuidanceMix } from '../diffusion/guidance-mix.js'
import type { NoiseLevel } from '../diffusion/level.js'
import { tensor } from '../math/tensor.js'
import { type Condition, withValue } from './condition.js'

/** The weight of a prompt against what guidance leads away from: a number, or one for each level. */
export type Guidance = number | ((level: NoiseLevel) => number)

/**
 * What `guidance` w is to a model. `mixed`: D = D(negative) + w·(D(prompt) − D(negative)), or the family's own `mix`, of two
 * evaluations, of one at w = 1. `embedded`: the network was distilled to be told w, as this value of its condition; one
 * evaluation. `none`: it was distilled to need none; w is 1, the prompt alone.
 */
export type Guiding =
  | { readonly kind: 'mixed'; readonly mix?: GuidanceMix | undefined; readonly until?: number | undefined }
  | { readonly kind: 'embedded'; readonly value: string }
  | { readonly kind: 'none' }

export const mixedGuiding: Guiding = { kind: 'mixed' }

export interface GuidanceWeights {
  readonly guidance: Guidance
  /** The mix of two evaluations for models whose `guidance` is another thing. Default 1: one evaluation. */
  readonly trueGuidance?: number | undefined
}

/** What a denoiser is told: a condition, what guidance leads away from, and the weight between them. */
export interface Guided extends GuidanceWeights {
  readonly condition: Condition
  /** Needed unless two evaluations are mixed with weight 1. */
  readonly negative?: Condition | undefined
}

/** A model, as far as it says how it is guided. */
export interface Guidable {
  readonly name?: string
  /** Default: `mixed`. */
  readonly guiding?: Guiding | undefined
}

/**
 * Throws `bad-option` for weights that a model does not take: not finite, other than 1 for a model that was distilled to need
 * none, and true guidance beside guidance that is mixed itself.
 */
export function checkGuidance(
  { name = 'this model', guiding = mixedGuiding }: Guidable,
  weights: GuidanceWeights,
): void {
  const { guidance, trueGuidance } = weights
  if (typeof guidance === 'number') checkFinite('guidance', guidance)
  if (trueGuidance !== undefined) checkFinite('trueGuidance', trueGuidance)
  if (guiding.kind === 'mixed' && trueGuidance !== undefined) {
    const remedy = 'Its guidance is a mix of two evaluations already.'
    throw expected('bad-option', '`guidance` alone', `\`${name}\``, '`trueGuidance` too', remedy)
  }
  if (guiding.kind === 'none' && guidance !== 1) {
    const got = typeof guidance === 'number' ? `${guidance}` : 'one for each level'
    const remedy = 'It was distilled to be used without guidance: leave it out.'
    throw expected('bad-option', 'a guidance of 1', `\`${name}\``, got, remedy)
  }
}

/** What a verb takes where no weight is said: 1 without a prompt, the model's with one. An empty prompt is none. */
export const usualGuidance = ({ guidance }: { readonly guidance: number }, prompt: string | undefined): number =>
  prompt === undefined || prompt.trim() === '' ? 1 : guidance

/** The weight itself; throws `bad-option` where it is not finite. */
export function checkFinite(name: string, weight: number): number {
  if (Number.isFinite(weight)) return weight
  const remedy = '1 uses the prompt alone; Stable Diffusion is used with 3 to 8.'
  throw expected('bad-option', 'a finite number', `\`${name}\``, gotText(weight), remedy)
}

/** Throws `unsupported` where guidance is not the linear mix of two evaluations, which a method needs. */
export function requireMixed({ name = 'this model', guiding = mixedGuiding }: Guidable, what: string): void {
  if (guiding.kind === 'mixed' && !guiding.mix && guiding.until === undefined) return
  const got = {
    mixed: 'one that changes lengths or ends early',
    embedded: 'one that its network is told',
    none: 'none',
  }[guiding.kind]
  const remedy = 'Use a method that inverts exactly.'
  throw expected('unsupported', `guidance that mixes two estimates linearly`, what, `${got} in \`${name}\``, remedy)
}

/** The weight of the mix of two evaluations; 1 is none. */
export const mixedWeight = (
  { guiding = mixedGuiding }: Guidable,
  { guidance, trueGuidance = 1 }: GuidanceWeights,
): Guidance => {
  if (guiding.kind !== 'mixed') return trueGuidance
  const { until } = guiding
  if (until === undefined || guidance === 1) return guidance
  return (level) => (level.alpha > until ? 1 : typeof guidance === 'number' ? guidance : guidance(level))
}

/** Questions of one estimate: a mix asks two, but for a weight that names one of them. */
export function questionsOf(model: Guidable, weights: GuidanceWeights): 1 | 2 {
  const weight = mixedWeight(model, weights)
  return weight === 1 || weight === 0 ? 1 : 2
}

/** A condition with the weight of guidance, where the network is told it. */
export const toldWeight = ({ guiding = mixedGuiding }: Guidable, condition: Condition, weight: number): Condition =>
  guiding.kind === 'embedded' ? withValue(condition, guiding.value, tensor([1], [weight])) : condition
