/**
 * Runs graphs with ONNX Runtime in a child process: a run cannot be interrupted and blocks the event loop of the process
 * it is in, so an abort kills that process. Graphs of this runtime share one child; those it takes down with it are
 * opened again on their next run.
 */
import { availableParallelism, freemem, platform, tmpdir, totalmem } from 'node:os'
import { expected, gotText, isUndiffuseError, type UndiffuseError } from '../../core/errors.js'
import { checkMemory, type MemoryNeed } from '../../core/memory.js'
import { checkOptionNames, type OptionNames } from '../../core/option-names.js'
import type { Signal } from '../../core/progress.js'
import { bytesOf, type Graph } from '../../graph/graph.js'
import { emulatedHalf } from '../../graph/passes/emulated-half.js'
import { peakBytes, weightBytes } from '../../graph/peak.js'
import { checkDeviceName, type Held, type OpenOptions, type Runtime, type Session } from '../../graph/runtime.js'
import { formatShape, sizeOf, type Tensor } from '../../math/tensor.js'
import {
  checkTypes,
  type HeldFeed,
  type PackedFeeds,
  packedAs,
  packFeeds,
  unpackResults,
} from '../shared/conversion.js'
import type { PackedType } from '../shared/packed.js'
import { onAbort } from './abort.js'
import { type Call, createCallQueue } from './call-queue.js'
import { knownDevices } from './devices.js'
import { type NetworkProcess, startNetworkProcess } from './network-process.js'
import { ortFailure } from './ort-failure.js'
import { place } from './placement.js'
import { probeDevice } from './probe.js'
import type { Taken } from './protocol.js'

export interface OrtNodeOptions {
  /** Threads of one network run. Default: the number of cores. */
  readonly threads?: number
  /** The device of graphs that are opened without one. Default `cpu`. */
  readonly device?: string
  /**
   * Bytes that one network may take, with its weights. Default: on the CPU three quarters of the memory that is
   * free now, on other devices no limit.
   */
  readonly memoryLimit?: number
  /** Where model files live for the moment of opening. Default: the system's folder for temporary files. */
  readonly temporaryFolder?: string
  /**
   * Told how the networks' process ended, `signal SIGKILL` for one, where neither an abort nor `close` asked it to. What it was running
   * throws; between two runs nobody else notices, for the next one starts another process.
   */
  readonly onLost?: (how: string) => void
}

const names: OptionNames<OrtNodeOptions> = {
  threads: true,
  device: true,
  memoryLimit: true,
  temporaryFolder: true,
  onLost: true,
}

/** A graph and the process it is open in; the process may be gone. */
interface OpenGraph {
  readonly id: number
  readonly graph: Graph
  readonly device: string
  readonly lean: boolean
  /** Whether weights are left as they are stored, and whether those of 16 bits are widened in each run. */
  readonly mapped: boolean
  readonly widening: boolean
  home?: NetworkProcess
  /** The held values that runs are fed until something else is told, and the process that was told so. */
  fed?: { readonly held: PackedFeeds['held']; readonly home: NetworkProcess }
}

/** A value as inputs of one type have it, and the process that it was sent to; the process may be gone. */
interface Sent {
  readonly id: number
  home: NetworkProcess
}

/**
 * A runtime on ONNX Runtime for Node, in one child process.
 *
 * Runs and openings of one runtime happen one after another; use several runtimes to run networks side by side. Results
 * are the same bits every time on the CPU. Around a run there is about 0.2 ms (0.6 ms after one that took long) and 2 to 3 ms
 * for each MB moved; values that are held move once. An abort ends the process only where no other call waits for it.
 *
 * Errors: `bad-option` for unknown and invalid options; `unavailable` for a device that does not work here; `bad-model` for weights that do not fit their file and
 * graphs that ONNX Runtime refuses; `bad-shape` for graphs that need more memory than `memoryLimit` and for feeds that do
 * not fit; `runtime-failed` when a run fails or its process dies.
 *
 * @example
 * const runtime = ortNode({ threads: 4 })
 * const session = await runtime.open(graph)
 * const { image } = await session.run({ latent }, AbortSignal.timeout(60_000))
 * await runtime.close()
 */
export function ortNode(options: OrtNodeOptions = {}): Runtime {
  checkOptionNames(options, names, 'ortNode')
  const threads = options.threads ?? availableParallelism()
  if (!Number.isInteger(threads) || threads < 1) {
    throw expected(
      'bad-option',
      'a whole number of at least 1',
      '`threads`',
      gotText(threads),
      'Leave it out for all cores.',
    )
  }

  const { memoryLimit = freeMemory() * shareOfFree } = options
  if (typeof memoryLimit !== 'number' || !(memoryLimit > 0)) {
    throw expected('bad-option', 'a number of bytes above 0', '`memoryLimit`', gotText(memoryLimit), 'Leave it out.')
  }
  checkDeviceName(knownDevices, options.device)

  let network: NetworkProcess | undefined
  let opened = 0
  let closing: Promise<void> | undefined
  let usage = { peakMemoryBytes: 0, networkSeconds: 0, processorSeconds: 0, runs: 0 }
  const sessions = new Set<Session>()
  let numbered = 0
  const held = new Map<Held, Map<PackedType, Sent>>()
  /** Devices that were found to work. */
  const working = new Set<string>()
  const queue = createCallQueue(() => network?.kill())

  const heard = ({ peakMemoryBytes, processorSeconds }: Taken) => {
    usage = {
      ...usage,
      peakMemoryBytes: Math.max(usage.peakMemoryBytes, peakMemoryBytes),
      processorSeconds: usage.processorSeconds + processorSeconds,
    }
  }

  /** The living process; a new one starts when the last has gone, so that their memory never adds up. */
  async function living(): Promise<NetworkProcess> {
    if (network?.alive) return network
    await network?.gone
    network = startNetworkProcess(heard, options.onLost)
    return network
  }

  async function load(child: NetworkProcess, { id, graph, device, lean, mapped, widening }: OpenGraph): Promise<void> {
    const { source, remove } = await place(graph, options.temporaryFolder ?? tmpdir())
    try {
      await child.request('open', { session: id, source, device, threads, lean, mapped, widening })
    } finally {
      await remove()
    }
  }

  /** ONNX Runtime drops a device it does not know and takes the CPU; one it knows can still lack its driver. */
  async function checkDevice(child: NetworkProcess, device: string): Promise<void> {
    if (working.has(device)) return
    const remedy = 'Choose a device that works here.'
    const unavailable = (error: Error): never => {
      throw expected(
        'unavailable',
        'a device that works here',
        '`device`',
        `${device} (${ortFailure(error)})`,
        remedy,
        {
          hint: 'list-devices',
        },
      )
    }
    const known = await child.request('describe', {}).catch(unavailable)
    const names = known.map(({ name }) => name).join(', ')
    if (!known.some(({ name }) => name === device)) {
      throw expected('unavailable', `one of ${names}`, '`device`', device, remedy, { hint: 'list-devices' })
    }
    await probeDevice(child, device).catch(unavailable)
    working.add(device)
  }

  /** The process that holds this graph, after loading it if it does not. */
  async function ready(entry: OpenGraph, proceed: () => void): Promise<NetworkProcess> {
    const child = await living()
    proceed()
    if (entry.home === child) return child
    await load(child, entry).catch((error: Error) => {
      if (isUndiffuseError(error)) throw error
      const remedy = 'The model file may be damaged, or uses operators that this version of ONNX Runtime lacks.'
      throw expected(
        'bad-model',
        'a graph that ONNX Runtime accepts',
        `\`${entry.graph.name}\``,
        ortFailure(error),
        remedy,
      )
    })
    entry.home = child
    proceed()
    return child
  }

  /** The number under which a process holds a value, which is sent to it if it does not; none if it was just released. */
  async function sent(child: NetworkProcess, { value, input, dtype }: HeldFeed): Promise<number | undefined> {
    const forms = held.get(value)
    if (!forms) return undefined
    const found = forms.get(dtype)
    if (found?.home === child) return found.id
    const id = found?.id ?? ++numbered
    await child.request('hold', { held: id, value: packedAs(dtype, input, value.tensor) })
    forms.set(dtype, { id, home: child })
    return id
  }

  /** What a process is told to feed a run with, and what it feeds the next ones if it is told nothing else. */
  async function toldFeeds(child: NetworkProcess, { fed }: OpenGraph, { own, held }: PackedFeeds) {
    if (fed?.home === child && sameValues(fed.held, held)) return { told: { feeds: own }, fed }
    const feeds = { ...own }
    const numbers: Record<string, number> = {}
    const numbered = new Map<string, HeldFeed>()
    for (const [name, feed] of held) {
      const number = await sent(child, feed)
      if (number === undefined) feeds[name] = packedAs(feed.dtype, feed.input, feed.value.tensor)
      else {
        numbers[name] = number
        numbered.set(name, feed)
      }
    }
    return { told: { feeds, held: numbers }, fed: { held: numbered, home: child } }
  }

  function hold(tensor: Tensor): Held {
    if (closing) throw closedError('ort-node')
    const value: Held = {
      tensor,
      release() {
        const forms = held.get(value)
        held.delete(value)
        for (const { id, home } of forms?.values() ?? []) {
          // Whoever releases does not wait; a process that is gone holds nothing.
          queue
            .add(async () => void (home.alive && (await home.request('drop', { held: id }))), { patient: false })
            .result.catch(() => {})
        }
      },
    }
    held.set(value, new Map())
    return value
  }

  async function runOnce(entry: OpenGraph, packed: PackedFeeds, proceed: () => void) {
    const child = network?.alive && entry.home === network ? network : await ready(entry, proceed)
    const { told, fed } = await toldFeeds(child, entry, packed)
    proceed()
    entry.fed = fed
    const { outputs, seconds } = await child.request('run', { session: entry.id, ...told }).catch((error: Error) => {
      if (isUndiffuseError(error)) throw error
      const remedy = /alloc/.test(error.message)
        ? 'Use a smaller image or a lean session, or close other programs.'
        : 'This is a fault of the graph or of the device; try `cpu`.'
      throw expected('runtime-failed', 'a result', `\`${entry.graph.name}\``, ortFailure(error), remedy)
    })
    usage = { ...usage, networkSeconds: usage.networkSeconds + seconds, runs: usage.runs + 1 }
    return unpackResults(outputs)
  }

  async function openSession(entry: OpenGraph): Promise<Session> {
    const calls = new Set<Call<unknown>>()
    let closed: Promise<void> | undefined

    async function perform<T>(job: (proceed: () => void) => Promise<T>, signal?: Signal): Promise<T> {
      const call = queue.add(job)
      calls.add(call)
      const stop = onAbort(signal, call.cancel)
      try {
        return await call.result
      } finally {
        stop()
        calls.delete(call)
      }
    }

    async function close(): Promise<void> {
      for (const call of calls) call.cancel(closedError(entry.graph.name))
      forget(session)
      await queue.add(() => release(entry), { patient: false }).result
    }

    const session: Session = {
      async run(feeds, signal) {
        if (closed) throw closedError(entry.graph.name)
        signal?.throwIfAborted()
        const packed = packFeeds(entry.graph, feeds)
        for (const { value } of packed.held.values()) if (!held.has(value)) throw releasedError()
        return perform((proceed) => runOnce(entry, packed, proceed), signal)
      },
      close() {
        closed ??= close()
        return closed
      },
    }

    sessions.add(session)
    try {
      await perform(async (proceed) => {
        await checkDevice(await living(), entry.device)
        await ready(entry, proceed)
      })
    } catch (error) {
      forget(session)
      throw error
    }
    return session
  }

  /** A process without sessions would only hold memory. */
  function forget(session: Session): void {
    sessions.delete(session)
    if (sessions.size === 0) network?.kill()
  }

  /** Frees the memory of a graph; waits for the process to go when it was the last one. */
  async function release({ id, home }: OpenGraph): Promise<void> {
    if (home?.alive) {
      await home.request('release', { session: id }).catch((error: unknown) => {
        // Killed meanwhile, its memory is free as well.
        if (home.alive) throw error
      })
    }
    if (network && !network.alive) await network.gone
  }

  /** How a graph is run, and on what. */
  function prepared(asked: Graph, { device = options.device ?? 'cpu', roundsHalf = false }: OpenOptions = {}) {
    const emulated = roundsHalf && device === 'cpu'
    return { device, emulated, graph: emulated ? emulationOf(asked) : asked }
  }

  function needOf(graph: Graph, device: string): MemoryNeed {
    const isKnown = device === 'cpu' || options.memoryLimit !== undefined
    const weights = weightBytes(graph)
    return {
      neededBytes: weights + peakOf(graph) * runtimeShare,
      weightBytes: weights,
      allowedBytes: isKnown ? memoryLimit : Number.POSITIVE_INFINITY,
    }
  }

  return {
    name: 'ort-node',
    devices: knownDevices,
    memory(asked, asking) {
      const { graph, device } = prepared(asked, asking)
      return needOf(graph, device)
    },
    async open(asked, { lean = false, ...asking } = {}) {
      if (closing) throw closedError('ort-node')
      checkTypes(asked)
      const { graph, device, emulated } = prepared(asked, asking)
      checkMemory(needOf(graph, device), `\`${graph.name}\``, largestInput(graph))
      const widening = convertedBytes(graph, emulated ? /float/ : /^b?float16$/) > (lean ? 0 : widenedAtOnce)
      const mapped = widening || storedBytes(graph) > laidOutAtOnce
      return openSession({ id: ++opened, graph, device, lean, mapped, widening })
    },
    hold,
    usage: async () => usage,
    close() {
      held.clear()
      closing ??= Promise.all([...sessions].map((session) => session.close())).then(() => {})
      return closing
    },
  }
}

/** What follows from a graph alone, computed once: a pool asks for its memory before it opens it. */
function onceForEach<T>(compute: (graph: Graph) => T): (graph: Graph) => T {
  const known = new WeakMap<Graph, { readonly value: T }>()
  return (graph) => {
    const found = known.get(graph) ?? { value: compute(graph) }
    known.set(graph, found)
    return found.value
  }
}
const peakOf = onceForEach(peakBytes)
const emulationOf = onceForEach(emulatedHalf)

/** Of the memory that is free when a runtime is made, what one network may take: others need some too. */
const shareOfFree = 0.75

/**
 * What ONNX Runtime takes for each byte of values that must be alive: 0.9 to 2.5, mostly about this much
 * (docs/decisions/0006). Its buffers are not all given back when their last reader ends.
 */
const runtimeShare = 1.5

/** Bytes; of a container's limit, if that is less. macOS tells only what nobody ever used, so all of it is taken there. */
function freeMemory(): number {
  const free = platform() === 'darwin' ? totalmem() : freemem()
  return Math.min(free, process.constrainedMemory() || Number.POSITIVE_INFINITY)
}

/** The input that tells most of a graph's size, for people. */
function largestInput({ inputs }: Graph): string {
  const [largest] = inputs.toSorted((a, b) => sizeOf(b.shape) - sizeOf(a.shape))
  return largest ? `\`${largest.name}\` of ${formatShape(largest.shape)}` : 'no input'
}

/**
 * Up to so many bytes of weights are laid out anew for faster convolutions. At Stable Diffusion's size that takes as long as
 * some twenty evaluations save, and memory of its own.
 */
const laidOutAtOnce = 2 ** 30

const storedBytes = ({ initializers }: Graph): number =>
  [...initializers.values()].reduce((bytes, { storage }) => bytes + ('file' in storage ? storage.length : 0), 0)

/** Up to so many bytes of 16-bit weights are widened once and for all; more would not be worth three times the memory. */
const widenedAtOnce = 2 ** 26

/**
 * The size in 16 bits of weights of some types that lie in files: computing with them converts them, once and for all or in
 * each run. 16-bit weights are widened; where half precision is emulated, those of 32 bits are rounded and widened again.
 * Weights of few bits are written out where a gradient multiplies by them.
 */
function convertedBytes({ initializers, nodes }: Graph, types: RegExp): number {
  const cast = new Set(nodes.filter(({ op }) => op === 'Cast').map(({ inputs }) => inputs[0]))
  return [...initializers]
    .filter(([name, { dtype }]) => types.test(dtype) || (dtype === 'uint8' && cast.has(name)))
    .filter(([, { storage }]) => 'file' in storage)
    .reduce((bytes, [, { shape }]) => bytes + sizeOf(shape) * bytesOf.float16, 0)
}

function sameValues(a: PackedFeeds['held'], b: PackedFeeds['held']): boolean {
  if (a.size !== b.size) return false
  for (const [name, { value }] of b) if (a.get(name)?.value !== value) return false
  return true
}

const releasedError = (): UndiffuseError =>
  expected(
    'runtime-failed',
    'a value that this runtime holds',
    'a feed',
    'a released one',
    'Hold it again, by the runtime that runs the graph.',
  )

const closedError = (name: string): UndiffuseError =>
  expected('runtime-failed', 'an open session', `\`${name}\``, 'a closed one', 'Open it again.')
