/** Back by the naive rule under the source's prompt, and forth under the target's: what cheap methods are made of. */
import type { Steps } from '../../core/progress.js'
import { naive } from '../../diffusion/inverters/naive.js'
import type { Tensor } from '../../math/tensor.js'
import { type BlendingOptions, cleanestSteps, startAt, targetDenoiser, walked } from './blending.js'
import type { EditProblem, LatentEdit } from './edit-method.js'
import { recovered } from './recovered.js'

export interface NaiveWalk {
  readonly strength: number
  readonly blending: BlendingOptions
  /** On the way back. Default: that of the edit. */
  readonly guidance?: number
  /** What guidance leads away from on the way forth. Default: the negative prompt of the edit. */
  readonly negative?: string
}

/** x*[i] = naive step of x*[i+1]; x[0] = x*[0], x[i+1] = step(x[i]; target), blended where a mask is given. */
export async function* naivelyWalked(
  latent: Tensor,
  problem: EditProblem,
  { strength, blending, guidance = problem.guidance, negative }: NaiveWalk,
): Steps<LatentEdit> {
  const solver = cleanestSteps(problem.solver, strength)
  const source = yield* recovered(latent, problem, { solver, inverter: naive(), guidance })
  const start = startAt(solver, source.trajectory[0]!)
  const denoise = await targetDenoiser(problem, negative)
  return { ...source, ...(yield* walked({ ...source, solver, start, denoise, blending }, problem)) }
}
