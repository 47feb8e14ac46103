/**
 * Sessions of one model: opened when they are first needed, kept while there is room, used one at a time. What the graphs
 * are is the business of those who ask.
 */
import { expected, gotText } from '../../core/errors.js'
import type { MemoryNeed } from '../../core/memory.js'
import type { Signal } from '../../core/progress.js'
import type { Graph } from '../../graph/graph.js'
import { weightPlaces } from '../../graph/peak.js'
import type { Feeds, Held, OpenOptions, Runtime, Session } from '../../graph/runtime.js'
import type { Tensor } from '../../math/tensor.js'

export type Tensors = Readonly<Record<string, Tensor>>

export interface SessionPool {
  /** Runs the graph of this key, which is made and opened where it is not open. Throws `runtime-failed` when closed. */
  run(key: string, graph: () => Graph, feeds: Feeds, signal?: Signal): Promise<Tensors>
  /** What running a graph would need; undefined where the runtime does not know. */
  memory(graph: Graph): MemoryNeed | undefined
  /** A value that many runs are fed, kept until it is released or the pool closes. */
  hold(tensor: Tensor): Held
  /** Frees it once the runs that are fed it, waiting ones too, have ended. */
  release(value: Held): void
  /** Frees the networks and ends calls under way. */
  close(): Promise<void>
}

export interface SessionOptions {
  readonly device?: string | undefined
  /** Spend time to save memory: lean sessions, and only the one in use stays open. Default false. */
  readonly lean?: boolean
}

/** As `OpenOptions` has it, for all graphs of a pool. */
export interface PoolOptions extends SessionOptions, Pick<OpenOptions, 'roundsHalf'> {}

/** How much may stay open; those used last do. */
export interface Room {
  readonly sessions: number
  /** Of weights, as they are stored. */
  readonly bytes?: number
}

/** What a graph that is open takes. */
interface Taken {
  /** Weights, which several graphs may share, by where they lie. */
  readonly weights: ReadonlyMap<string, number>
  /** Of its values: an arena keeps them between runs. */
  readonly valueBytes: number
}

interface Open extends Taken {
  readonly session: Session
}

/** Weights count once, whoever shares them. */
function totalOf(open: readonly Taken[]): { readonly weightBytes: number; readonly bytes: number } {
  const weights = new Map(open.flatMap((one) => [...one.weights]))
  const weightBytes = [...weights.values()].reduce((sum, bytes) => sum + bytes, 0)
  return { weightBytes, bytes: open.reduce((sum, { valueBytes }) => sum + valueBytes, weightBytes) }
}

/** Throws `bad-option` for what runs nothing: a program without types may have left it out. */
export function checkRuntime(runtime: unknown): void {
  const isRuntime = typeof runtime === 'object' && runtime !== null && 'open' in runtime
  if (isRuntime && typeof runtime.open === 'function') return
  const remedy = 'Pass `ortNode()` of `undiffuse/onnxruntime-node`.'
  throw expected('bad-option', 'what runs networks', '`runtime`', gotText(runtime), remedy)
}

/**
 * The sessions of the model `name` on a runtime. Throws `bad-option` without one.
 *
 * A session stays open until it is the one used longest ago of more than there is `room` or memory for; with `lean` only the
 * last one stays. Calls run one after another, as runtimes do anyway: a session that is closed to make room is in nobody's use.
 *
 * @example
 * const pool = sessionPool(runtime, 'sd21', { sessions: 8, bytes: 6e9 }, { lean: false })
 * const { out } = await pool.run('unet 2 64 64', () => unetGraph(config, weights, size), feeds)
 */
export function sessionPool(
  runtime: Runtime,
  name: string,
  room: Room,
  { device, lean = false, roundsHalf = false }: PoolOptions = {},
): SessionPool {
  checkRuntime(runtime)
  const options = { lean, ...(roundsHalf && { roundsHalf }), ...(device !== undefined && { device }) }
  /** The one used last comes last. */
  const open = new Map<string, Open>()
  const held = new Set<Held>()
  /** How many runs, waiting or under way, are fed a value; and those that are freed after the last of them. */
  const users = new Map<Held, number>()
  const leaving = new Set<Held>()
  /** Settles when the calls so far have ended. */
  let turn: Promise<unknown> = Promise.resolve()
  let closing: Promise<void> | undefined

  const memoryFor = (graph: Graph) => runtime.memory?.(graph, options)

  function inTurn<T>(call: () => Promise<T>): Promise<T> {
    const result = turn.then(call)
    // Whoever called hears of a failure; the next call does not care.
    turn = result.catch(() => {})
    return result
  }

  /** Closes those used longest ago until the others are few enough, and fit beside the next one. */
  async function keep(sessions: number, next?: Taken, allowedBytes = Number.POSITIVE_INFINITY): Promise<void> {
    const { bytes: most = Number.POSITIVE_INFINITY } = room
    for (const [key, { session }] of [...open]) {
      const { weightBytes, bytes } = totalOf([...open.values(), ...(next ? [next] : [])])
      if (open.size <= sessions && weightBytes <= most && bytes <= allowedBytes) return
      open.delete(key)
      await session.close()
    }
  }

  async function sessionFor(key: string, make: () => Graph): Promise<Session> {
    let found = open.get(key)
    open.delete(key)
    if (!found) {
      const graph = make()
      const need = memoryFor(graph)
      const taken = { weights: weightPlaces(graph), valueBytes: need ? need.neededBytes - need.weightBytes : 0 }
      await keep(lean ? 0 : room.sessions - 1, taken, need?.allowedBytes)
      found = { session: await runtime.open(graph, options), ...taken }
    }
    open.set(key, found)
    return found.session
  }

  /** Counts the held values among feeds as in use, until what it returns is called. */
  function using(feeds: Feeds): () => void {
    const used = [...held].filter((value) => Object.values(feeds).includes(value))
    for (const value of used) users.set(value, (users.get(value) ?? 0) + 1)
    return () => {
      for (const value of used) {
        users.set(value, users.get(value)! - 1)
        if (leaving.has(value)) free(value)
      }
    }
  }

  /** Frees a value that no run is fed any more; one that is still fed leaves later. */
  function free(value: Held): void {
    if (users.get(value)) {
      leaving.add(value)
      return
    }
    for (const all of [held, users, leaving]) all.delete(value)
    value.release()
  }

  async function close(): Promise<void> {
    await keep(0)
    // A session that was being opened meanwhile.
    await turn
    await keep(0)
    for (const value of held) value.release()
  }

  return {
    run(key, graph, feeds, signal) {
      const ended = using(feeds)
      return inTurn(async () => {
        signal?.throwIfAborted()
        if (closing) {
          throw expected('runtime-failed', 'an open model', `\`${name}\``, 'a closed one', 'Open it again.')
        }
        return await (await sessionFor(key, graph)).run(feeds, signal)
      }).finally(ended)
    },
    memory: memoryFor,
    hold(tensor) {
      const value = runtime.hold(tensor)
      held.add(value)
      return value
    },
    release: free,
    close() {
      closing ??= close()
      return closing
    },
  }
}
