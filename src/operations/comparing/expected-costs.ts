/**
 * What a row of the table is expected to cost, in walks over the grid: for the time that is left. Measured on the bundled models;
 * others have about the same shares, since their networks grow together. By processor time an evaluation costs the same in all
 * inverters, so evaluations are what is counted.
 */
import type { Inverter, Solver } from '../../diffusion/diffusion.js'
import { algorithm1 } from '../../diffusion/inverters/algorithm-1.js'
import { algorithm2 } from '../../diffusion/inverters/algorithm-2.js'
import { automatic } from '../../diffusion/inverters/automatic.js'
import { branching } from '../../diffusion/inverters/branching.js'
import { naive } from '../../diffusion/inverters/naive.js'
import { reversible } from '../../diffusion/inverters/reversible.js'
import { sweep } from '../../diffusion/inverters/sweep.js'
import type { Counts } from '../../model/counted.js'
import { autoencoderEvaluations, denoiserEvaluations } from '../../verbs/evaluations.js'
import type { Named } from '../fields.js'
import type { Leg } from '../inverting/legs.js'

/** From what a pair goes back: from the latent, from the picture, or from both. */
export type Ways = readonly Leg['given'][]

/** Finding a latent takes about 70 runs of the autoencoder, 6.9 s of a processor; an evaluation takes 14 ms. */
const [latentRuns, runEvaluations] = [70, 7]

/** What was asked of a model, in evaluations. */
export function evaluationsOf(counts: Counts): number {
  const { encodes, decodes, roundTrips, pullbacks } = autoencoderEvaluations(counts)
  const { denoises, pullbacks: derivatives, pushforwards = 0 } = denoiserEvaluations(counts)
  return denoises + derivatives + pushforwards + runEvaluations * (encodes + decodes + roundTrips + pullbacks)
}

/** Finding the latent of a picture where that is a way, and making the picture where there is none; a step takes so many evaluations. */
export const making = (steps: number, perStep: number, ways: Ways, isMade: boolean): number =>
  (ways.includes('picture') ? (latentRuns * runEvaluations) / (steps * perStep) : 0) + (isMade ? 1 : 0)

/** Of one step, by the steps of the grid: the shorter they are, the fewer it takes. At guidance 3, of 20 and of 50 steps. */
const evaluationsOfAStep = {
  /** 5.7 and 3.6. */
  accelerated: (steps: number) => Math.min(22, 2 + 72 / steps),
  /** 11.5 and 5.5, which are those of `branching` too: 11.3 and 5.2. */
  unaccelerated: (steps: number) => Math.min(25, 1 + 205 / steps),
  /** The released Algorithm 1: 14.5 and 9.1. */
  released: (steps: number) => 5.5 + 180 / steps,
  /** Sweeps over a whole trajectory: 10 to 14 and 7; 35 to 50 of 20 steps at guidance 7.5. */
  swept: (steps: number) => 5 + 140 / steps,
} as const
/** Each other start takes more than a step's own: 6.8 and 4.6. */
const restartShare = 1.2
/** Sweeps of BDIA's whole trajectory, whose memory a picture does not hold: 2,000 evaluations of 20 guided steps. */
const sweeping = 50
/** A sweep for each of the usual budget, and the start. */
const mostSweeps = 51
/** The released Algorithm 2, of a step: 53 and 12 at guidance 1, and 85 to 116 of 20 steps at guidance 3. Its budget is the most. */
const releasedTwice = (steps: number, guidance: number): number =>
  Math.min(500, 53 * (20 / steps) ** 1.6 * Math.max(1, guidance) ** 0.6)
/** Rules that look back have no step alone: `automatic` sweeps over them too. */
const looksBack = ({ coefficients, stride, order }: Solver): boolean =>
  coefficients !== undefined && stride === undefined && order > 1
/** Their steps back are walked like those there. */
const walking: readonly string[] = [naive.definition.id, reversible.definition.id]
const slow = /\biteration=(picard|forward-step)\b/
const restarting = /\brestarts=(\d+)/

/** Of 20 steps at guidance 7.5 as many times those at 3: 2.1 times, and 2 to 8.5 times where `branching` looks for roots. */
const hardness = (guidance: number): number => Math.max(1, guidance / 3)

function undoing({ text, method }: Named<Inverter>, solver: Solver, steps: number, guidance: number): number {
  const hard = hardness(guidance)
  if (walking.includes(method.name)) return 1
  if (method.name === algorithm1.definition.id) return hard * evaluationsOfAStep.released(steps)
  if (method.name === algorithm2.definition.id) return releasedTwice(steps, guidance)
  if (solver.unstep) return sweeping
  const isSwept = method.name === sweep.definition.id || (method.name === automatic.definition.id && looksBack(solver))
  if (isSwept) return Math.min(mostSweeps, hard * evaluationsOfAStep.swept(steps))
  if (method.name === branching.definition.id) return hard ** 2 * evaluationsOfAStep.unaccelerated(steps)
  const restarts = Number(restarting.exec(text)?.[1] ?? 0)
  const iteration = slow.test(text) ? 'unaccelerated' : 'accelerated'
  return hard * evaluationsOfAStep[iteration](steps) * (1 + restartShare * restarts)
}

/** What a pair costs: each way back and there again. */
export function walksOf(
  inverter: Named<Inverter>,
  solver: Solver,
  { steps, guidance, ways }: { readonly steps: number; readonly guidance: number; readonly ways: Ways },
): number {
  const fromPicture = undoing(inverter, solver, steps, guidance)
  // The latent comes with the memory that such a solver is undone with.
  const fromLatent = solver.unstep && inverter.method.name === automatic.definition.id ? 1 : fromPicture
  return ways.reduce((all, given) => all + 1 + (given === 'latent' ? fromLatent : fromPicture), 0)
}
