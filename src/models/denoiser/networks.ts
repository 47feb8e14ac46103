/**
 * A denoising network in one form, whatever family it is of. Graphs only; nothing is opened or run here, and what a
 * prediction means is not asked.
 */
import type { Graph } from '../../graph/graph.js'
import type { Shape, Tensor } from '../../math/tensor.js'

/** A value of a condition, named as the network's input is: tokens × width, or width. */
export interface ConditionValue {
  readonly width: number
  readonly perToken: boolean
  /**
   * Where texts have tokens of their own number: rows of a batch are filled up with zeros to a multiple of this, and the
   * network is fed how many are each row's own, as `<value>_length`, N (int64). Absent: all have the same number.
   */
  readonly tokenMultiple?: number
}

/** What the number of each row's own tokens is fed as. */
export const lengthName = (value: string): string => `${value}_length`

/** What a graph is for: rows of a batch, a latent's shape, the tokens of the condition. */
export interface DenoisingSize {
  readonly batch: number
  readonly latent: Shape
  readonly tokens: number
}

/**
 * `sample` N × latent, `timestep` N, the values of a condition, and what follows from the latent's shape → `out`, of the
 * sample's shape.
 */
export interface DenoisingNetworks {
  readonly values: Readonly<Record<string, ConditionValue>>
  /** Whether all samples of a run have one timestep, as some exported files have it. */
  readonly oneTime: boolean
  /** What the network is fed for a latent's shape, without a batch axis: sizes told, positions. */
  shapeFeeds?(latent: Shape): Readonly<Record<string, Tensor>>
  /** What is computed once of a condition's value and fed in its place: keys and values of cross-attention. */
  readonly derived?: {
    readonly value: string
    /** The value N × tokens × width → what the network is fed. */
    graph(size: Pick<DenoisingSize, 'batch' | 'tokens'>): Graph
  }
  graph(size: DenoisingSize): Graph
  /**
   * From the same inputs to where each cross-attention layer looks, N × tokens × height × width of the layer; absent where
   * the network's inside is not known.
   */
  looksGraph?(size: DenoisingSize): Graph
}

/** The part of a pipeline that denoises, and which latents it takes. */
export interface DenoisingPart {
  readonly networks: DenoisingNetworks
  readonly channels: number
  /** Height and width of the latents it was trained on. */
  readonly side: number
  /** Sides of latents are multiples of this. */
  readonly multiple: number
}
