/**
 * What edits by blending share: which steps are walked, what becomes of latents outside the mask, and the walk itself.
 * How a trajectory is recovered is each method's own.
 */

import { expected } from '../../core/errors.js'
import { plural } from '../../core/plural.js'
import type { Steps } from '../../core/progress.js'
import type { Denoiser, Solver, State } from '../../diffusion/diffusion.js'
import type { Grid } from '../../diffusion/level.js'
import { sample } from '../../diffusion/sample.js'
import type { Tensor } from '../../math/tensor.js'
import { sidesOf } from '../../model/layout.js'
import { promptedDenoiser } from '../../verbs/sampling.js'
import { binary, grown, latentMask, merged } from '../masks/mask.js'
import type { AskedEdit, EditProblem, LatentEdit } from './edit-method.js'

export const strengthField = {
  type: 'number',
  exclusiveMinimum: 0,
  maximum: 1,
  description: 'Share of the steps, from the clean end, that are undone and walked again.',
} as const

/** Latent entries by which a mask is grown that nobody drew: it is as coarse as the latent. */
const foundDilation = 1

/** For methods that put latents outside a mask back. */
export const blendingFields = {
  dilation: {
    type: 'integer',
    minimum: 0,
    maximum: 64,
    unit: 'latent entries',
    description: `By how much the mask is grown on every side. Default: ${foundDilation} where it is found, 0 where it is given.`,
  },
  blendFrom: {
    type: 'number',
    minimum: 0,
    maximum: 1,
    default: 0,
    description: 'Share of the steps after which latents outside the mask are put back.',
  },
  blendUntil: {
    type: 'number',
    minimum: 0,
    maximum: 1,
    default: 1,
    description:
      'Share of the steps after which they are left alone again, above blendFrom; below 1 the seam heals and the rest drifts.',
  },
} as const

export interface BlendingOptions {
  readonly dilation?: number | undefined
  readonly blendFrom: number
  readonly blendUntil: number
}

type Blended = Pick<BlendingOptions, 'blendFrom' | 'blendUntil'>

/** The solver on the cleanest share of its grid: at least one step. */
export function cleanestSteps(solver: Solver, strength: number): Solver {
  const cut = (grid: Grid) => grid.slice(Math.min(grid.length - 2, Math.round((1 - strength) * (grid.length - 1))))
  return { ...solver, grid: (schedule) => cut(solver.grid(schedule)) }
}

/** Latents are put back after the steps to levels above the first number, up to the second. */
const putBack = ({ blendFrom, blendUntil }: Blended, steps: number) =>
  [Math.round(blendFrom * steps), Math.round(blendUntil * steps)] as const

/** Throws `bad-option` where a walk from the level `start` takes no step, or none after which latents are put back. */
export function checkWalk(
  { solver, schedule }: AskedEdit,
  { strength, blending, start = 0 }: { readonly strength: number; readonly blending: Blended; readonly start?: number },
): void {
  const steps = cleanestSteps(solver, strength).grid(schedule).length - 1
  if (steps <= start) {
    const remedy = 'Raise `strength`, or take more steps.'
    throw expected(
      'bad-option',
      `at least ${plural(start + 1, 'step')}`,
      'what is undone and walked again',
      `${steps}`,
      remedy,
    )
  }
  const [first, last] = putBack(blending, steps)
  if (Math.max(first, start) < last) return
  const got = `${blending.blendFrom} and ${blending.blendUntil} of ${plural(steps, 'step')}: an empty range`
  const remedy = 'From 0 until 1 are all of them.'
  throw expected('bad-option', 'a share of the steps', '`blendFrom` and `blendUntil`', got, remedy)
}

/** The last states of a known trajectory as a trajectory of their own. */
export const lastStates = (states: readonly State[], count: number): readonly State[] =>
  states.slice(-count).map((state, index) => ({ ...state, index }))

/** Where a walk starts: as the solver does, unless it is known what it remembers there. */
export const startAt = (solver: Solver, first: State): State =>
  first.memory.length > 0 ? first : solver.start(first.x)

/**
 * The same solver, putting back what was recovered: after a step to level i, x outside the mask is that of `trajectory[i]`,
 * and so is what the solver remembers of it.
 */
export function blended(solver: Solver, trajectory: readonly State[], mask: Tensor, blending: Blended): Solver {
  const [first, last] = putBack(blending, trajectory.length - 1)
  return {
    ...solver,
    async step(state, diffusion) {
      const next = await solver.step(state, diffusion)
      const { index, x, memory } = next
      if (index <= first || index > last) return next
      const recovered = trajectory[index]!
      const remembered = memory.map((one, k) => {
        const other = recovered.memory[k]
        return other ? merged(one, other, mask) : one
      })
      return { index, x: merged(x, recovered.x, mask), memory: remembered }
    },
  }
}

/** The given mask grown by latent entries, in pixels; each entry stands for a square of them. */
function grownMask(given: Tensor, { model, imageShape }: EditProblem, dilation: number): Tensor {
  const { layout } = model
  const rows = sidesOf(layout, layout.latentShape(imageShape)).height
  return grown(binary(given), dilation * Math.ceil(sidesOf(layout, imageShape).height / rows))
}

/** The denoiser of the target's prompt, with the edit's guidance. */
export async function targetDenoiser(
  { model, to, negativePrompt, guidance, trueGuidance, signal }: EditProblem,
  negative = negativePrompt,
): Promise<Denoiser> {
  const told = { prompt: to, negativePrompt: negative, guidance, trueGuidance }
  const { denoise } = await promptedDenoiser(model, told, signal)
  return denoise
}

export interface Walk extends Pick<LatentEdit, 'trajectory' | 'grid'> {
  readonly solver: Solver
  /** Of the target. */
  readonly denoise: Denoiser
  /** Where to start from: one of the trajectory's. */
  readonly start: State
  /** 1 × H × W, not yet grown. Default: the one that was given, if any. */
  readonly mask?: Tensor
  readonly blending: BlendingOptions
}

/** Walks from a recovered state to the clean end under the target's prompt, blending where there is a mask. */
export async function* walked(
  { solver, grid, denoise, trajectory, start, blending, mask: found }: Walk,
  problem: EditProblem,
): Steps<Pick<LatentEdit, 'latent' | 'states' | 'trajectory' | 'grid' | 'mask'>> {
  const given = found ?? problem.mask
  const mask = given && grownMask(given, problem, blending.dilation ?? (problem.mask ? 0 : foundDilation))
  const rule = mask ? blended(solver, trajectory, latentMask(mask, start.x.shape), blending) : solver
  if (mask) yield { stage: 'mask', done: 1, total: 1, mask }
  const { states } = yield* sample(start, rule, { grid, denoise, schedule: problem.schedule })
  return { latent: states.at(-1)!.x, states, trajectory, grid, mask }
}
