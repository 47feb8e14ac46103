/** Inversions and what they cost in numbers, as reports hold them. What is infinite is null once it is JSON. */
import { mean } from '../../math/statistics.js'
import { dot, type Tensor } from '../../math/tensor.js'
import type { Evaluations, VerbEvaluations } from '../../verbs/evaluations.js'
import type { NoiseInversion, Refinement } from '../../verbs/invert.js'
import type { LatentInversion } from '../../verbs/invert-decoder.js'
import type { PictureFloor } from '../../verbs/picture-floor.js'
import type { Match } from '../../verbs/reconstruct.js'
import type { NetworkCost } from '../host.js'

/** Time outside the networks, once they are open: the share that this program adds. */
const overheadShare = (seconds: number, cost: NetworkCost): number =>
  Math.max(0, seconds - cost.openingSeconds - cost.networkSeconds) / seconds

export const costReport = (seconds: number, cost: NetworkCost) => ({
  seconds,
  networkSeconds: cost.networkSeconds,
  openingSeconds: cost.openingSeconds,
  overheadShare: overheadShare(seconds, cost),
  networkRuns: cost.networkRuns,
  peakMemoryBytes: cost.peakMemoryBytes,
})

export type CostReport = ReturnType<typeof costReport>

export const totalAutoencoderEvaluations = (all: readonly Evaluations[]): Evaluations => {
  const sum = (kind: keyof Evaluations) => all.reduce((total, one) => total + one[kind], 0)
  return {
    encodes: sum('encodes'),
    decodes: sum('decodes'),
    roundTrips: sum('roundTrips'),
    pullbacks: sum('pullbacks'),
  }
}

/** Sums of counts of runs. */
export function totalEvaluations(all: readonly VerbEvaluations[]): VerbEvaluations {
  const sum = (value: (one: VerbEvaluations) => number) => all.reduce((total, one) => total + value(one), 0)
  return {
    denoises: sum((one) => one.denoises),
    pullbacks: sum((one) => one.pullbacks),
    ...(all.some((one) => one.pushforwards) && { pushforwards: sum((one) => one.pushforwards ?? 0) }),
    autoencoder: totalAutoencoderEvaluations(all.map(({ autoencoder }) => autoencoder)),
  }
}

export interface Moments {
  readonly mean: number
  readonly deviation: number
}

/** Those of a noise that a sampler would draw are 0 and 1, up to 1/√n. */
export function momentsOf(x: Tensor): Moments {
  const centre = mean(x.data)
  return { mean: centre, deviation: Math.sqrt(mean(x.data.map((value) => (value - centre) ** 2))) }
}

/** One picture's latent; `seconds` are those of its decoder inversion, others of its chunk running beside it. */
export const latentReport = (inversion: LatentInversion, seconds: number) => ({
  psnrBeforeDb: inversion.psnrBeforeDb,
  psnrAfterDb: inversion.psnrAfterDb,
  pixelResidualBefore: inversion.residual.before,
  pixelResidualAfter: inversion.residual.after,
  exact: inversion.exact,
  outcome: inversion.outcome,
  why: inversion.why,
  expectedLatentNmseDb: inversion.expectedNmseDb,
  iterations: inversion.iterations,
  evaluations: inversion.evaluations,
  seconds,
  pixelResidualHistory: inversion.history,
})

export type LatentReport = ReturnType<typeof latentReport>

/** How many steps were undone, the largest residual of those, which their method is content with, and of all. */
export function solvedNumbers({ steps }: Pick<NoiseInversion, 'steps'>) {
  const largest = (some: NoiseInversion['steps']) => Math.max(...some.map(({ residual }) => residual))
  const converged = steps.filter(({ outcome }) => outcome === 'converged')
  return {
    largestResidual: largest(steps),
    convergedSteps: converged.length,
    convergedResidual: converged.length > 0 ? largest(converged) : null,
  }
}

/**
 * Whether other noises lead to the same latent; `not checked` where steps were solved by what does not ask. Null where nothing was
 * solved, and where no step looked as if it had several roots, which proves nothing.
 */
export function rootsNumbers({ roots, steps }: Pick<NoiseInversion, 'roots' | 'steps'>) {
  const isUnasked = steps.some(({ iterations, contraction }) => iterations > 0 && contraction === undefined)
  return roots ?? (isUnasked ? ('not checked' as const) : null)
}

/**
 * One noise: how every step was undone, and what the noise is exact given. `seconds` are those of the whole inversion, of its
 * latent too, others of its chunk running beside it.
 */
export const noiseNumbers = (inversion: NoiseInversion, seconds: number) => ({
  noise: {
    exact: inversion.noiseExact,
    ...(inversion.roundingDb !== undefined && { roundingDb: inversion.roundingDb }),
    outcome: inversion.outcome,
    roots: rootsNumbers(inversion),
    ...momentsOf(inversion.noise),
    squarePerNumber: dot(inversion.noise, inversion.noise) / inversion.noise.data.length,
    numbers: inversion.noise.data.length,
  },
  ...solvedNumbers(inversion),
  steps: inversion.steps,
  ...(inversion.remedy !== undefined && { remedy: inversion.remedy }),
  evaluations: inversion.evaluations,
  ...(inversion.refinement && { refinement: refinementNumbers(inversion.refinement) }),
  seconds,
})

export type NoiseNumbers = ReturnType<typeof noiseNumbers>

const refinementNumbers = ({ name, objective, outcome, history }: Refinement) => ({
  name,
  objectiveBefore: objective.before,
  objectiveAfter: objective.after,
  outcome,
  rounds: history.length - 1,
})

/** The error to expect at best. */
export const floorNumbers = ({ nmseDb, intervalDb, probes, evaluations }: PictureFloor, seconds: number) => ({
  nmseDb,
  ...(intervalDb && { lowDb: intervalDb.low, highDb: intervalDb.high }),
  probes,
  evaluations,
  seconds,
})

export type FloorNumbers = ReturnType<typeof floorNumbers>

/** How close a picture that was sampled again comes. */
export const matchReport = ({ equalValues = 0, psnrDb = 0, latentNmseDb = 0 }: Match) => ({
  equalValuesShare: equalValues,
  psnrDb,
  latentNmseDb,
})
