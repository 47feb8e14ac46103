/**
 * What a row of the table is expected to cost, in walks over the grid: for the time that is left. Measured on the bundled models;
 * others have about the same shares, since their networks grow together.
 */
import type { Inverter, Solver } from '../../diffusion/diffusion.js'
import { algorithm1 } from '../../diffusion/inverters/algorithm-1.js'
import { algorithm2 } from '../../diffusion/inverters/algorithm-2.js'
import { automatic } from '../../diffusion/inverters/automatic.js'
import { naive } from '../../diffusion/inverters/naive.js'
import { reversible } from '../../diffusion/inverters/reversible.js'
import type { Named } from '../fields.js'

/** Finding a latent takes as long as so many evaluations, whatever the grid; and more with a picture that is made first. */
const [latentEvaluations, madeEvaluations] = [400, 200]

/** Finding the latent of a picture, with its making where there is none, where a step takes so many evaluations. */
export const making = (steps: number, perStep: number, isMade: boolean): number =>
  (latentEvaluations + (isMade ? madeEvaluations : 0)) / (steps * perStep) + (isMade ? 1 : 0)

/** Solving all steps: the shorter they are, the fewer evaluations each takes. Of 20, 30 and 50 steps at guidance 3. */
const accelerated = (steps: number): number => Math.min(12, 2 + 72 / steps)
const unaccelerated = (steps: number): number => Math.min(25, 1 + 205 / steps)
/** Sweeps of BDIA's whole trajectory, whose memory a picture does not hold: 2,000 evaluations of 20 guided steps. */
const sweeping = 50
/** The released algorithms: about 4,650 evaluations of 20 guided steps. */
const releasing = 116
/** Their steps back are walked like those there. */
const walking: readonly string[] = [naive.definition.id, reversible.definition.id]
const released: readonly string[] = [algorithm1.definition.id, algorithm2.definition.id]
const slow = /\biteration=(picard|forward-step)\b/

function undoing({ text, method }: Named<Inverter>, { unstep }: Solver, steps: number): number {
  if (walking.includes(method.name)) return 1
  if (released.includes(method.name)) return releasing
  if (unstep) return sweeping
  return slow.test(text) ? unaccelerated(steps) : accelerated(steps)
}

/** What a pair costs: from the latent, where one is made, and from the picture, back and there again. */
export function walksOf(inverter: Named<Inverter>, solver: Solver, steps: number, isMade: boolean): number {
  const fromPicture = undoing(inverter, solver, steps)
  // The latent comes with the memory that such a solver is undone with.
  const fromLatent = solver.unstep && inverter.method.name === automatic.definition.id ? 1 : fromPicture
  return isMade ? fromLatent + fromPicture + 2 : fromPicture + 1
}
