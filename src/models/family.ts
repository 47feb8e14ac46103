/**
 * The contract of a model family: what a pipeline's folder means. One file for each in families/; whatever is the same for
 * all of them (sessions, the autoencoder, counting, guidance) is in diffusion-model.ts.
 */
import type { Files } from '../checkpoints/files.js'
import type { CheckpointFolder } from '../checkpoints/folder.js'
import type { Schedule } from '../diffusion/level.js'
import type { Graph } from '../graph/graph.js'
import type { Shape } from '../math/tensor.js'
import type { Guiding } from '../model/guidance.js'
import type { Layout } from '../model/layout.js'
import type { DiffusionModel } from '../model/model.js'
import type { AutoencoderNetworks } from './autoencoder/networks.js'
import type { DenoisingNetworks } from './denoiser/networks.js'
import type { PipelineShape } from './random/published-configs.js'
import type { Scheduler } from './scheduler.js'
import type { SessionPool } from './sessions/pool.js'

/** A folder that is opened, and what the caller asks of it. */
export interface PipelineSource {
  readonly files: Files
  readonly folder: CheckpointFolder
  /** What the model is called. */
  readonly name: string
  /** Of the solvers that the folder names. */
  readonly steps?: number | undefined
}

/** A pipeline that was read and checked; nothing of it runs yet. */
export interface Pipeline {
  readonly vae: AutoencoderNetworks
  readonly denoiser: DenoisingNetworks
  readonly layout: Layout
  readonly scheduler: Scheduler
  /** Shifts that depend on the latent's shape live here. */
  schedule(latent: Shape): Schedule
  /** What models of this family are used with. */
  readonly guidance: number
  /** What guidance is to them. Default: the mix of two evaluations. */
  readonly guiding?: Guiding
  /** How a text becomes what the network is told, over the sessions of the model. */
  conditioner(pool: SessionPool): DiffusionModel['condition']
  /** Tokens of a condition that is made of a text. */
  readonly tokens: number
  /** The graphs of the text encoders: their weights count for what may stay open. */
  readonly textGraphs: readonly Graph[]
  /** What there is to say about the folder, in sentences. */
  readonly notes?: readonly string[]
}

export interface Family {
  readonly id: string
  readonly title: string
  /** `_class_name` of model_index.json. */
  readonly pipelineClasses: readonly string[]
  /** Whether a folder without a class is of this family, by the parts that it has. */
  isLike(folder: CheckpointFolder): boolean
  /**
   * Reads and checks everything that the folder says; weights stay in their files.
   *
   * Errors: `bad-model` for folders that are not what their configurations say, naming the file; `unsupported` for other
   * tasks and layouts.
   */
  read(source: PipelineSource): Promise<Pipeline>
  /** Configurations that random weights are made for: those that are published, and a miniature. */
  readonly shapes: Readonly<Record<string, PipelineShape>>
}
