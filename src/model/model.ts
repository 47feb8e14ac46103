/**
 * The contract of a model, as verbs and everything above them see it. Implementations are in src/models; a model in a
 * worker or on another machine is one more.
 */
import type { Profile } from '../autoencoder/profile.js'
import type { MemoryNeed } from '../core/memory.js'
import type { Signal } from '../core/progress.js'
import type { Solver } from '../diffusion/diffusion.js'
import type { Schedule } from '../diffusion/level.js'
import type { Shape } from '../math/tensor.js'
import type { Condition } from './condition.js'
import type { Guiding } from './guidance.js'
import type { Layout } from './layout.js'
import type { Door, Kind } from './questions.js'

/** A model that answers questions of pictures and latents; an autoencoder alone is one. */
export interface Model extends Door {
  readonly name: string
  readonly layout: Layout
  /** What was measured of the autoencoder's weights, where it was. */
  readonly profile?: Profile | undefined
  /** What so many questions of a kind at once would need, about latents of this shape. Absent, or undefined: not known. */
  memoryFor?(kind: Kind, latent: Shape, count: number): MemoryNeed | undefined
  /** Frees the networks and ends calls under way. The runtime stays open: it belongs to the caller. */
  close(): Promise<void>
}

/** A model that makes pictures from noise. */
export interface DiffusionModel extends Model {
  /** Tells these weights from others by their contents: keys, calibrations and profiles belong to it. Reads the files once. */
  identity(): Promise<string>
  /** Depends on the latent's shape where a family shifts its schedule by the size. */
  schedule(latent: Shape): Schedule
  /** What it is sampled and inverted with where nothing else is said. */
  readonly solver: Solver
  /** The guidance that models of this family are used with. */
  readonly guidance: number
  /** What guidance is to it. Default: the mix of two evaluations. */
  readonly guiding?: Guiding | undefined
  /** What the network is told for a text; without one, the model's own "nothing". Costs a run of the text encoders. */
  condition(text?: string, signal?: Signal): Promise<Condition>
}
