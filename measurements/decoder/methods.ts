/** Which methods a benchmark compares, and which of them one long run shows at every budget. */
import { type DecoderInverter, type Definition, decoderInverters, expected, type Profile, parse } from 'undiffuse'

export interface BenchMethod {
  readonly name: string
  /** As on the command line, without its budget. */
  readonly specification: string
  /**
   * Its budget only ends it: a shorter run is the beginning of a longer one. Methods whose schedule of step sizes depends
   * on the budget are run once for each.
   */
  readonly anytime: boolean
  /** Those it is compared in by default; all that are asked for where it does not say. */
  readonly precisions?: readonly (16 | 32)[]
  /** Budgets of its own; the plan's where it does not say. */
  readonly budgets?: readonly number[]
  /** What it knows of the weights. Default: the profile beside them, where there is one. */
  readonly profile?: Profile | 'none'
}

/** The baselines of the paper, its method, and ours; in 16 bits what the paper shows in 16 bits, and the gradient. */
export const comparedMethods: readonly BenchMethod[] = [
  { name: 'encoder only', specification: 'encoder-only', anytime: true, precisions: [32] },
  { name: 'forward step', specification: 'gradient-free:iteration=forward-step', anytime: true, precisions: [32] },
  { name: 'inertial KM', specification: 'gradient-free:iteration=inertial-km', anytime: true, precisions: [32] },
  { name: 'Adam', specification: 'gradient-free:iteration=adam', anytime: false },
  {
    name: 'Adam, half arithmetic',
    specification: 'gradient-free:iteration=adam,precision=16',
    anytime: false,
    precisions: [16],
  },
  { name: 'Anderson', specification: 'gradient-free:iteration=anderson', anytime: true, precisions: [32] },
  { name: 'automatic', specification: 'automatic', anytime: false },
  { name: 'accelerated', specification: 'accelerated', anytime: true },
  { name: 'gradient, Adam 0.1', specification: 'gradient:optimizer=adam,schedule=cosine', anytime: false },
  {
    name: 'gradient, Adam 0.1, half arithmetic',
    specification: 'gradient:optimizer=adam,schedule=cosine,precision=16',
    anytime: false,
    precisions: [16],
  },
  {
    name: 'gradient, Adam 0.01 fixed',
    specification: 'gradient:optimizer=adam,schedule=constant',
    anytime: true,
    precisions: [32],
  },
  { name: 'gradient, L-BFGS', specification: 'gradient:optimizer=lbfgs', anytime: true, precisions: [32] },
]

/** The default by what it is given: nothing but the networks, a profile, and gradients. */
export const automaticMethods = (profile: Profile): readonly BenchMethod[] => [
  {
    name: 'automatic, without a profile',
    specification: 'automatic:gradients=never',
    anytime: false,
    budgets: [20],
    profile: 'none',
  },
  {
    name: 'automatic, no gradients',
    specification: 'automatic:gradients=never',
    anytime: false,
    budgets: [20],
    profile,
  },
  { name: 'automatic', specification: 'automatic', anytime: false, budgets: [20], profile },
]

const scaled = 'lossScale=65536'

/**
 * What 16 bits do to each method: the gradient-free ones and the gradient, with the iteration's own arithmetic in full
 * precision, in half as the authors' half path has it, and with the loss scaled, as mixed-precision training does. In 32 bits
 * a scaled loss changes nothing: it is a power of two.
 */
export const sixteenBitMethods: readonly BenchMethod[] = [
  { name: 'encoder only', specification: 'encoder-only', anytime: true },
  { name: 'forward step 0.5', specification: 'gradient-free:iteration=forward-step', anytime: true },
  {
    name: 'forward step 0.05, as released',
    specification: 'gradient-free:iteration=forward-step,rate=0.05',
    anytime: true,
  },
  { name: 'Adam, as released', specification: 'gradient-free:iteration=adam', anytime: false },
  {
    name: 'Adam, half arithmetic',
    specification: 'gradient-free:iteration=adam,precision=16',
    anytime: false,
    precisions: [16],
  },
  { name: 'accelerated', specification: 'accelerated', anytime: true },
  { name: 'gradient, Adam 0.1', specification: 'gradient:optimizer=adam', anytime: false },
  {
    name: 'gradient, Adam 0.1, half arithmetic',
    specification: 'gradient:optimizer=adam,precision=16',
    anytime: false,
    precisions: [16],
  },
  {
    name: 'gradient, Adam 0.1, loss scaled',
    specification: `gradient:optimizer=adam,${scaled}`,
    anytime: false,
    precisions: [16],
  },
  { name: 'gradient, L-BFGS', specification: 'gradient:optimizer=lbfgs', anytime: true },
  {
    name: 'gradient, L-BFGS, loss scaled',
    specification: `gradient:optimizer=lbfgs,${scaled}`,
    anytime: true,
    precisions: [16],
  },
]

/**
 * Table S2a of the paper: how to move, at equal numbers of evaluations. (The paper's row for Adam stands in the columns
 * 20, 30, 50, 100 but holds its runs of 20, 50, 100, 200. It does not say the step sizes of the others: here 0.01, Adam's
 * peak, and the one that each is usually run with.)
 */
export const optimiserAblation: readonly BenchMethod[] = [
  ...[0.01, 0.5].map((rate) => ({
    name: `forward step ${rate}`,
    specification: `gradient-free:iteration=forward-step,rate=${rate}`,
    anytime: true,
  })),
  ...[0.01, 0.1].map((rate) => ({
    name: `inertial KM ${rate}`,
    specification: `gradient-free:iteration=inertial-km,rate=${rate}`,
    anytime: true,
  })),
  { name: 'Adam, scheduled', specification: 'gradient-free:iteration=adam', anytime: false },
]

/** Table S2b of the paper: learning rates of Adam. */
export const scheduleAblation: readonly BenchMethod[] = [
  ...[0.01, 0.002].map((rate) => ({
    name: `Adam, ${rate} fixed`,
    specification: `gradient-free:iteration=adam,rate=${rate},schedule=constant`,
    anytime: true,
  })),
  { name: 'Adam, scheduled', specification: 'gradient-free:iteration=adam', anytime: false },
]

const fieldsOf = (specification: string): Definition<unknown>['fields'] => {
  const id = specification.split(':')[0]!.trim()
  return decoderInverters.find(({ definition }) => definition.id === id)?.definition.fields ?? {}
}

/** Whether the method has a budget to set. */
export const hasBudget = (specification: string): boolean => 'iterations' in fieldsOf(specification)

/** Makes the inverter of a specification with this budget, where it has one. Throws `bad-option` as `parse` does. */
export function makeInverter(specification: string, budget: number): DecoderInverter {
  if (!hasBudget(specification)) return parse(decoderInverters, specification)
  return parse(decoderInverters, `${specification}${specification.includes(':') ? ',' : ':'}iterations=${budget}`)
}

/** Methods as a command line names them, without budgets; each is run once for each budget. Throws `bad-option`. */
export function methodsOf(specifications: readonly string[]): readonly BenchMethod[] {
  return specifications.map((specification) => {
    if (/[:,]\s*iterations\s*=/.test(specification)) {
      const remedy = 'Leave `iterations` out and pass the budgets as `--iterations`.'
      throw expected('bad-option', 'a method without its budget', '`--methods`', `\`${specification}\``, remedy)
    }
    makeInverter(specification, 1)
    return { name: specification, specification, anytime: false }
  })
}
