/**
 * The process that runs the networks: holds ONNX Runtime's sessions and answers one request at a time. Plain JavaScript,
 * so that the same file starts from the TypeScript sources and from the built package. It knows nothing of tensors,
 * graphs or files beyond what protocol.ts says; network-process.ts is the other side.
 *
 * @import { Answer, Ask, ModelSource, Reply, Request, RequestName } from './protocol.js'
 * @import { PackedTensor, PackedType } from '../shared/packed.js'
 * @import { InferenceSession } from 'onnxruntime-node'
 */
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs'
import { Worker } from 'node:worker_threads'

// A defect of ONNX Runtime 1.30: where there is a Float16Array (Node 24) it makes one of halves, which its binding does not read.
Reflect.deleteProperty(globalThis, 'Float16Array')

// The parent decides what an interrupt means; the terminal sends it to both.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {})

const die = () => process.kill(process.pid, 'SIGKILL')

// Dies with its parent: at once when idle, and by a thread that looks twice a second while a run blocks this one.
process.on('disconnect', die)
const watch = `
const parent = Number(process.argv[2])
setInterval(() => {
  try {
    process.kill(parent, 0)
    if (process.platform === 'win32' || process.ppid === parent) return
  } catch {}
  process.kill(process.pid, 'SIGKILL')
}, 500)`
new Worker(watch, { eval: true, argv: process.argv.slice(2) }).unref()

/**
 * With the numbers of the held values that each run is fed, by the names of inputs.
 *
 * @type {Map<number, { readonly session: InferenceSession, held: Readonly<Record<string, number>> }>}
 */
const sessions = new Map()

/** @type {Map<number, InferenceSession.OnnxValueMapType[string]>} */
const held = new Map()

/** @type {Promise<typeof import('onnxruntime-node')> | undefined} */
let loading

/** Loaded late: a library that cannot be loaded is then an answer, not a crash. */
const library = () => {
  loading ??= import('onnxruntime-node').then((module) => module.default)
  return loading
}

/** More than one read may return on some systems. */
const READ_BYTES = 2 ** 30

/** @param {string} file */
function readWhole(file) {
  const handle = openSync(file, 'r')
  try {
    const bytes = new Uint8Array(fstatSync(handle).size)
    for (let done = 0; done < bytes.length; ) {
      const count = readSync(handle, bytes, done, Math.min(READ_BYTES, bytes.length - done), done)
      if (count === 0) throw new Error(`${file} ended after ${done} of ${bytes.length} bytes`)
      done += count
    }
    return bytes
  } finally {
    closeSync(handle)
  }
}

/** @param {number} id */
function openSession(id) {
  const open = sessions.get(id)
  if (!open) throw new Error(`session ${id} is not open in this process`)
  return open
}

/** @param {number} id */
function heldValue(id) {
  const value = held.get(id)
  if (!value) throw new Error(`value ${id} is not held in this process`)
  return value
}

/** @param {PackedTensor} value */
async function tensorOf({ dtype, shape, data }) {
  const { Tensor } = await library()
  return new Tensor(dtype, data, shape)
}

/** @type {{ readonly [K in RequestName]: (ask: Ask<K>) => Promise<Answer<K>> }} */
const handlers = {
  async describe() {
    const { listSupportedBackends } = await library()
    return listSupportedBackends()
  },

  async open({ session, source, device, threads, lean, mapped, widening }) {
    const { InferenceSession } = await library()
    const skipped = [
      // Merging equal subexpressions would undo recomputation and keep activations alive for the backward pass.
      'CommonSubexpressionElimination',
      // Folding the casts of 16-bit weights would hold all of them in float32: twice the size of their file.
      ...(widening ? ['ConstantFolding'] : []),
    ]
    /** @type {InferenceSession.SessionOptions} */
    const options = {
      executionProviders: [device],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      // The last level lays weights out anew, in memory of their own: runs 5 to 20 percent faster, opening slower.
      graphOptimizationLevel: mapped ? 'extended' : 'all',
      // Planning all buffers of a gradient graph at once costs 1.7 times the memory and saves no time.
      enableMemPattern: false,
      // An arena would keep the widened copies of the weights.
      enableCpuMemArena: !(lean || widening),
      logSeverityLevel: 3,
      extra: {
        session: { intra_op: { allow_spinning: '0' } },
        optimization: { disable_specified_optimizers: skipped.join(';') },
      },
    }
    const externalData =
      'path' in source ? [] : source.weights.map(({ name, file }) => ({ path: name, data: readWhole(file) }))
    /** @param {InferenceSession.SessionOptions} chosen */
    const create = (chosen) =>
      'path' in source
        ? InferenceSession.create(source.path, chosen)
        : InferenceSession.create(source.bytes, { ...chosen, externalData })
    const created = await create(options).catch((error) => {
      // A defect of ONNX Runtime 1.30: its optimisers give one name twice. The kernels run such graphs.
      if (!/Attempt to replace the existing tensor/.test(String(error))) throw error
      return create({ ...options, graphOptimizationLevel: 'disabled' })
    })
    sessions.set(session, { session: created, held: {} })
    return undefined
  },

  async hold({ held: id, value }) {
    held.set(id, await tensorOf(value))
    return undefined
  },

  async drop({ held: id }) {
    held.delete(id)
    return undefined
  },

  async run({ session: id, feeds, held: fedFromNow }) {
    const open = openSession(id)
    if (fedFromNow) open.held = fedFromNow
    /** @type {Record<string, InferenceSession.OnnxValueMapType[string]>} */
    const inputs = {}
    for (const [name, number] of Object.entries(open.held)) inputs[name] = heldValue(number)
    for (const [name, feed] of Object.entries(feeds)) inputs[name] = await tensorOf(feed)
    const start = performance.now()
    const results = await open.session.run(inputs)
    const seconds = (performance.now() - start) / 1000
    return {
      outputs: Object.fromEntries(Object.entries(results).map(([name, result]) => [name, packed(result)])),
      seconds,
    }
  },

  async release({ session: id }) {
    await openSession(id).session.release()
    sessions.delete(id)
    return undefined
  },
}

/**
 * @param {InferenceSession.OnnxValueMapType[string]} result
 * @returns {PackedTensor}
 */
function packed({ type, dims, data }) {
  const dtype = /** @type {PackedType} */ (type)
  const view = /** @type {PackedTensor['data']} */ (data)
  return { dtype, shape: dims, data: view }
}

/** On Linux `maxRSS` begins with what the parent had taken when it started this process; `VmHWM` is of this process alone. */
function peakMemoryBytes() {
  const status = process.platform === 'linux' ? readFileSync('/proc/self/status', 'utf8') : ''
  const [, own] = /^VmHWM:\s+(\d+) kB$/m.exec(status) ?? []
  return Number(own ?? process.resourceUsage().maxRSS) * 1024
}

/**
 * @template {RequestName} K
 * @param {Request<K>} request
 */
async function reply({ name, ask }) {
  /** @type {{ answer: Answer<K> } | { failure: string }} */
  let outcome
  const before = process.cpuUsage()
  try {
    outcome = { answer: await handlers[name](ask) }
  } catch (error) {
    outcome = { failure: error instanceof Error ? error.message : String(error) }
  }
  const { user, system } = process.cpuUsage(before)
  const usage = { peakMemoryBytes: peakMemoryBytes(), processorSeconds: (user + system) / 1e6 }
  process.send?.(/** @type {Reply} */ ({ ...outcome, ...usage }))
}

process.on('message', (message) => reply(/** @type {Request} */ (message)))
