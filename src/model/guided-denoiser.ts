/** How the branches of guidance are asked and made one: the prompt, and what it is led away from. */
import { expected } from '../core/errors.js'
import type { Signal } from '../core/progress.js'
import { guidedMix } from '../diffusion/denoiser.js'
import type { Diffusion } from '../diffusion/diffusion.js'
import type { GuidanceMix } from '../diffusion/guidance-mix.js'
import type { NoiseLevel } from '../diffusion/level.js'
import { combine, type Tensor } from '../math/tensor.js'
import type { Condition } from './condition.js'
import { checkFinite, type Guidable, type Guidance, type Guided, mixedWeight, toldWeight } from './guidance.js'
import type { Ask, Door } from './questions.js'

type Derivatives = {
  readonly [K in 'denoise' | 'pullback' | 'pushforward']: NonNullable<Diffusion[K]>
}

/** What is asked at a level: the one condition that matters, or the negative one and the prompt's, and the weight between. */
interface Branches {
  readonly weight: number
  readonly conditions: readonly [Condition] | readonly [negative: Condition, prompt: Condition]
}

const weightAt = (weight: Guidance, level: NoiseLevel): number =>
  checkFinite('guidance', typeof weight === 'number' ? weight : weight(level))

export function branchesOf(model: Guidable, { condition, negative, ...weights }: Guided) {
  const mixing = mixedWeight(model, weights)
  const told = (weight: number) => ({
    prompt: toldWeight(model, condition, weight),
    none: negative && toldWeight(model, negative, weight),
  })
  // Models keep what they derive of a condition: told once where the weight is one for all levels.
  const always = typeof weights.guidance === 'number' ? told(weights.guidance) : undefined
  return (level: NoiseLevel): Branches => {
    const weight = weightAt(mixing, level)
    const { prompt, none } = always ?? told(weightAt(weights.guidance, level))
    if (weight === 1) return { weight, conditions: [prompt] }
    if (none) return { weight, conditions: weight === 0 ? [none] : [none, prompt] }
    const remedy = 'Pass a `negative` condition; `model.condition()` is the empty one.'
    throw expected('bad-option', 'a negative condition', `a guidance of ${weight}`, 'none', remedy)
  }
}

type At = ReturnType<typeof branchesOf>

/** none + weight·(prompt − none), and its derivatives: the same mix of theirs. */
export function mixedLinearly({ ask }: Door, at: At, signal: Signal | undefined): Derivatives {
  async function mixed<K extends 'denoise' | 'pullback' | 'pushforward'>(
    kind: K,
    level: NoiseLevel,
    question: (condition: Condition) => Ask<K>,
  ): Promise<Tensor> {
    const { weight, conditions } = at(level)
    const [none, prompt] = (await ask(kind, conditions.map(question), signal)) as readonly Tensor[]
    return prompt ? guidedMix(weight, prompt, none!) : none!
  }
  return {
    denoise: (x, level) => mixed('denoise', level, (condition) => ({ x, level, condition })),
    pullback: (x, level, cotangent) => mixed('pullback', level, (condition) => ({ x, level, condition, cotangent })),
    pushforward: (x, level, tangent) => mixed('pushforward', level, (condition) => ({ x, level, condition, tangent })),
  }
}

/** By a rule that is not linear: its derivatives are those at both estimates. Where one is asked, there is nothing to mix. */
export function mixedBy(
  rule: GuidanceMix,
  linear: Derivatives,
  { ask }: Door,
  at: At,
  signal: Signal | undefined,
): Derivatives {
  async function both(x: Tensor, level: NoiseLevel) {
    const { weight, conditions } = at(level)
    const [none, prompt] = conditions
    if (!prompt) return undefined
    const [ofNone, ofPrompt] = await ask(
      'denoise',
      [none, prompt].map((condition) => ({ x, level, condition })),
      signal,
    )
    return { none, prompt, mixed: { weight, x, none: ofNone!, prompt: ofPrompt! } }
  }
  return {
    async denoise(x, level) {
      const found = await both(x, level)
      return found ? rule.estimate(found.mixed) : await linear.denoise(x, level)
    },
    async pullback(x, level, cotangent) {
      const found = await both(x, level)
      if (!found) return await linear.pullback(x, level, cotangent)
      const of = rule.pullback(found.mixed, cotangent)
      const asks = [
        { x, level, condition: found.none, cotangent: of.none },
        { x, level, condition: found.prompt, cotangent: of.prompt },
      ]
      const [ofNone, ofPrompt] = await ask('pullback', asks, signal)
      return combine([1, of.x], [1, ofNone!], [1, ofPrompt!])
    },
    async pushforward(x, level, tangent) {
      const found = await both(x, level)
      if (!found) return await linear.pushforward(x, level, tangent)
      const asks = [found.none, found.prompt].map((condition) => ({ x, level, condition, tangent }))
      const [none, prompt] = await ask('pushforward', asks, signal)
      return rule.pushforward(found.mixed, { x: tangent, none: none!, prompt: prompt! })
    },
  }
}
