/**
 * Calls of several members, run as batches. Counts who has asked and waits for no clock: the same calls make the same
 * batches every time.
 */
import type { Signal } from './progress.js'

/** Answers several calls at once, in their order. */
export type BatchRun<Input, Output> = (inputs: readonly Input[], signal?: Signal) => Promise<readonly Output[]>

/** One who asks. */
export interface Member {
  /**
   * Asks; the inputs of one call stay in one batch. Calls of the same `run`, the very function, share batches. Rejects with
   * the signal's reason as soon as it aborts where the signal has events, otherwise after the batch.
   */
  ask<Input, Output>(
    run: BatchRun<Input, Output>,
    inputs: readonly Input[],
    signal?: Signal,
  ): Promise<readonly Output[]>
  /** Says that this member will ask no more; the others no longer wait for it. */
  leave(): void
}

export interface Coalescer {
  /** One more who asks; those who have joined and not left are waited for. */
  join(): Member
  /** Rejects calls that wait and calls to come; batches under way end by themselves. */
  close(reason: unknown): void
}

interface Call {
  readonly run: BatchRun<unknown, unknown>
  readonly inputs: readonly unknown[]
  readonly signal: Signal | undefined
  resolve(outputs: readonly unknown[]): void
  reject(reason: unknown): void
}

type EventSignal = Signal & {
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void
  removeEventListener(type: 'abort', listener: () => void): void
}

const hasEvents = (signal: Signal): signal is EventSignal =>
  'addEventListener' in signal && typeof signal.addEventListener === 'function'

/** Aborted when all are: a batch ends early only where nobody wants it any more. */
function untilAllAbort(signals: readonly (Signal | undefined)[]): Signal | undefined {
  const [first, ...others] = signals
  if (others.length === 0) return first
  if (!signals.every((signal) => signal !== undefined)) return undefined
  const all: Signal = {
    get aborted() {
      return signals.every(({ aborted }) => aborted)
    },
    get reason() {
      return signals.find(({ aborted }) => aborted)?.reason
    },
    throwIfAborted() {
      if (all.aborted) throw all.reason
    },
  }
  return all
}

async function runAll(calls: readonly Call[]): Promise<readonly (readonly unknown[])[]> {
  const outputs = await calls[0]!.run(
    calls.flatMap(({ inputs }) => inputs),
    untilAllAbort(calls.map(({ signal }) => signal)),
  )
  const rest = [...outputs]
  return calls.map(({ inputs }) => rest.splice(0, inputs.length))
}

/** Runs calls as one batch; where it fails, each alone, so that one failure fails one. */
async function answer(calls: readonly Call[]): Promise<void> {
  const alive = calls.filter(({ signal, reject }) => {
    if (signal?.aborted) reject(signal.reason)
    return !signal?.aborted
  })
  if (alive.length === 0) return
  try {
    const outputs = await runAll(alive)
    for (const [i, { signal, resolve, reject }] of alive.entries()) {
      if (signal?.aborted) reject(signal.reason)
      else resolve(outputs[i]!)
    }
  } catch (error) {
    if (alive.length === 1) alive[0]!.reject(error)
    else for (const call of alive) await answer([call])
  }
}

/**
 * Makes batches of what several members ask for at the same time.
 *
 * A batch runs as soon as every member that has not left waits for an answer, so a member must not wait for another one,
 * and must leave when it has finished. Cost: one batched run for each kind of call in a round. A batch is aborted when all
 * its calls are. When a batch fails, its calls are run one by one, and only those that fail again reject.
 *
 * @example
 * const { join } = coalescer()
 * const double = async (some) => some.map((number) => 2 * number) // runs once, with [1, 2]
 * const [a, b] = [join(), join()]
 * await Promise.all([a.ask(double, [1]), b.ask(double, [2])]) // [[2], [4]]
 */
export function coalescer(): Coalescer {
  const members = new Map<Member, number>()
  let waiting: Call[] = []
  let closed: { readonly reason: unknown } | undefined

  function runWhenAllAsk(): void {
    if (waiting.length === 0 || [...members.values()].some((asking) => asking === 0)) return
    const kinds = new Map<Call['run'], Call[]>()
    for (const call of waiting) kinds.set(call.run, [...(kinds.get(call.run) ?? []), call])
    waiting = []
    for (const member of members.keys()) members.set(member, 0)
    for (const calls of kinds.values()) void answer(calls)
  }

  return {
    join() {
      const member: Member = {
        ask(run, inputs, signal) {
          if (closed) return Promise.reject(closed.reason)
          return new Promise((resolve, reject) => {
            const call = { run, inputs, signal, resolve, reject } as unknown as Call
            if (signal && hasEvents(signal)) listen(call, signal)
            waiting.push(call)
            if (members.has(member)) members.set(member, members.get(member)! + 1)
            runWhenAllAsk()
          })
        },
        leave() {
          members.delete(member)
          runWhenAllAsk()
        },
      }
      members.set(member, 0)
      return member
    },
    close(reason) {
      closed = { reason }
      for (const { reject } of waiting) reject(reason)
      waiting = []
    },
  }
}

/** Rejects a call at once when its signal aborts; the batch goes on for the others. */
function listen(call: Call, signal: EventSignal): void {
  const heard = () => call.reject(signal.reason)
  signal.addEventListener('abort', heard, { once: true })
  const { resolve, reject } = call
  Object.assign(call, {
    resolve(outputs: readonly unknown[]) {
      signal.removeEventListener('abort', heard)
      resolve(outputs)
    },
    reject(reason: unknown) {
      signal.removeEventListener('abort', heard)
      reject(reason)
    },
  })
}
