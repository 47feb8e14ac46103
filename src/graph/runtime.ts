/** What something that runs graphs promises. Implementations live in src/runtimes. */
import { expected, gotText } from '../core/errors.js'
import type { MemoryNeed } from '../core/memory.js'
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

/**
 * A value that is the same in many runs: it crosses the border to the networks once, and again only where they were lost.
 * Released ones are not fed any more.
 */
export interface Held {
  readonly tensor: Tensor
  release(): void
}

/** What a graph's inputs are fed: host tensors, whatever dtypes the inputs have, or values that the runtime holds. */
export type Feeds = Readonly<Record<string, Tensor | Held>>

/** The numbers of what an input is fed. */
export const tensorOf = (feed: Tensor | Held): Tensor => ('release' in feed ? feed.tensor : feed)

export interface Session {
  /**
   * Runs the whole graph once. Rejects with the signal's reason within a second of an abort, in the middle of a run too;
   * the run itself is ended where nobody waits behind it, and otherwise may come to its end, unheard.
   */
  run(feeds: Feeds, signal?: Signal): Promise<Record<string, Tensor>>
  close(): Promise<void>
}

export interface RuntimeUsage {
  /** Largest resident memory of the process that runs the networks. */
  readonly peakMemoryBytes: number
  /** Time spent inside network runs. */
  readonly networkSeconds: number
  /** Processor time of that process, user and system, while it opened and ran networks. Absent: not known. */
  readonly processorSeconds?: number
  readonly runs: number
}

export interface Runtime {
  readonly name: string
  /** What `device` may be, whether it works here or not. Absent: the runtime does not know. */
  readonly devices?: readonly string[]
  /** What a graph would need, without opening it. Absent: the runtime does not know. */
  memory?(graph: Graph, options?: OpenOptions): MemoryNeed
  /** Throws `bad-shape` for a graph that needs more memory than it may take. */
  open(graph: Graph, options?: OpenOptions): Promise<Session>
  /** Nothing is sent before the value is first fed. All are released when the runtime closes. */
  hold(tensor: Tensor): Held
  usage(): Promise<RuntimeUsage>
  close(): Promise<void>
}

/** Throws `unavailable` for a device that a runtime has no such name for, and `bad-option` for what is not text. */
export function checkDeviceName(known: readonly string[] | undefined, device: unknown): void {
  if (device === undefined || known === undefined || known.some((name) => name === device)) return
  const remedy = 'It is `webgpu` or `cuda` for most graphics cards.'
  const code = typeof device === 'string' ? 'unavailable' : 'bad-option'
  throw expected(code, `one of ${known.join(', ')}`, '`device`', gotText(device), remedy, {
    hint: 'list-devices',
  })
}
