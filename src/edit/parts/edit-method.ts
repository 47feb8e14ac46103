/**
 * The contract of edits: a latent and the trajectory that leads to it under one prompt, walked again under another. Only
 * latents; pictures, prompts in words and reports are the verb's (edit.ts).
 */
import type { Signal, Steps } from '../../core/progress.js'
import type { Solver, State } from '../../diffusion/diffusion.js'
import type { Grid, Schedule } from '../../diffusion/level.js'
import type { Outcome } from '../../iterations/parts/solve.js'
import type { Shape, Tensor } from '../../math/tensor.js'
import type { DiffusionModel } from '../../model/model.js'
import type { Exactness } from '../../verbs/invert.js'

export interface EditProblem {
  readonly model: DiffusionModel
  /** The model's, for this latent. */
  readonly schedule: Schedule
  /** What the source shows, and what the edit is to show. */
  readonly from: string
  readonly to: string
  readonly negativePrompt: string | undefined
  /** Of the source and of the target alike, unless the method says otherwise. */
  readonly guidance: number
  /** Of the mix of two evaluations, for models whose `guidance` is another thing. */
  readonly trueGuidance: number | undefined
  /** Its grid; and its steps too, for methods that do not bring their own. */
  readonly solver: Solver
  /** Where the picture may change: 1 × H × W, 1 inside and 0 outside. Latents outside are put back at every step. */
  readonly mask: Tensor | undefined
  readonly imageShape: Shape
  /** The trajectory of the solver to the latent under the source's prompt, with this guidance, where it is known. */
  readonly known: readonly State[] | undefined
  readonly signal: Signal | undefined
}

/** What is known of a problem before its picture is. */
export type AskedEdit = Omit<EditProblem, 'imageShape'>

export interface LatentEdit {
  /** The edited latent, and the way there; the first state is the one that it started from. */
  readonly latent: Tensor
  readonly states: readonly State[]
  /** The source's own states on the levels that were walked, as they were recovered. */
  readonly trajectory: readonly State[]
  /** The levels that were walked: the solver's grid, or its cleanest part. */
  readonly grid: Grid
  /** 1 × H × W: the mask that was given or found, grown; undefined where everything may change. */
  readonly mask: Tensor | undefined
  /** Exact given what: whether the same walk under the source's own prompt ends at the source. */
  readonly exact: Exactness
  readonly outcome: Outcome
}

export interface EditMethod {
  readonly name: string
  /** Whether it finds a mask where none is given; otherwise the whole picture may change then. */
  readonly findsMask: boolean
  /** Throws for what is known to be wrong before any network runs. */
  check?(problem: AskedEdit): void
  edit(latent: Tensor, problem: EditProblem): Steps<LatentEdit>
}
