/** What something that runs graphs promises. Implementations live in src/runtimes. */
import type { Signal } from '../core/progress.js'
import type { Tensor } from '../math/tensor.js'
import type { Graph } from './graph.js'

export interface OpenOptions {
  /** An execution provider's name, as `listDevices` tells: `cpu`, `webgpu`, `cuda`. Default `cpu`. */
  readonly device?: string
  /**
   * Favour a small peak of memory over time: no arena, no merged subexpressions, and weights that are stored in 16 bits
   * stay so in their file and are widened in each run, as large ones always are. Default false.
   */
  readonly lean?: boolean
  /**
   * Round what is float16 in the graph after every operator, also where the device computes it in float32 and would drop
   * most of the roundings. Default false: a float16 graph is then computed as the device likes, which may be milder.
   */
  readonly roundsHalf?: boolean
}

export interface Session {
  /**
   * Runs the whole graph once. Feeds are host tensors, whatever dtypes the graph's inputs have.
   * Rejects with the signal's reason within a second of an abort, in the middle of a run too.
   */
  run(feeds: Readonly<Record<string, Tensor>>, signal?: Signal): Promise<Record<string, Tensor>>
  close(): Promise<void>
}

export interface RuntimeUsage {
  /** Largest resident memory of the process that runs the networks. */
  readonly peakMemoryBytes: number
  /** Time spent inside network runs. */
  readonly networkSeconds: number
  readonly runs: number
}

export interface Runtime {
  readonly name: string
  open(graph: Graph, options?: OpenOptions): Promise<Session>
  usage(): Promise<RuntimeUsage>
  close(): Promise<void>
}
