/**
 * Calls of several participants, run as batches. Counts who has asked and waits for no clock: the same calls make the
 * same batches every time.
 */
import type { Signal } from './progress.js'

/** Answers several calls at once, in their order. */
export type BatchRun<Input, Output> = (inputs: readonly Input[], signal?: Signal) => Promise<readonly Output[]>

export type Ask<Input, Output> = (input: Input, signal?: Signal) => Promise<Output>

export interface Coalescer {
  /** The call of one kind, for each participant. */
  calls<Input, Output>(run: BatchRun<Input, Output>): (participant: number) => Ask<Input, Output>
  /** Says that a participant will ask no more; the others no longer wait for it. */
  leave(participant: number): void
  /** Rejects calls that wait and calls to come; batches under way end by themselves. */
  close(reason: unknown): void
}

interface Request<Input, Output> {
  readonly input: Input
  readonly signal: Signal | undefined
  resolve(output: Output): void
  reject(reason: unknown): void
}

interface Queue {
  flush(): Promise<void>
  refuse(reason: unknown): void
}

/** Calls of one kind that wait for their batch. */
function queue<Input, Output>(run: BatchRun<Input, Output>): Queue & { ask: Ask<Input, Output> } {
  let waiting: Request<Input, Output>[] = []
  const take = () => {
    const taken = waiting
    waiting = []
    return taken
  }
  return {
    ask: (input, signal) => new Promise((resolve, reject) => waiting.push({ input, signal, resolve, reject })),
    async flush() {
      const requests = take()
      if (requests.length === 0) return
      try {
        const outputs = await run(
          requests.map(({ input }) => input),
          requests[0]!.signal,
        )
        requests.forEach(({ resolve }, i) => {
          resolve(outputs[i]!)
        })
      } catch (error) {
        for (const { reject } of requests) reject(error)
      }
    },
    refuse(reason) {
      for (const { reject } of take()) reject(reason)
    },
  }
}

/**
 * Makes batches of what several participants ask for at the same time.
 *
 * A batch runs as soon as every participant that has not left waits for an answer, so a participant must not wait for
 * another one, and must leave when it has finished. Cost: one batched run for each kind of call in a round. A batch takes
 * the signal of its first call; when it fails, all its calls reject with the same error.
 *
 * @example
 * const { calls } = coalescer(2)
 * const decode = calls(batched.decode)
 * await Promise.all([decode(0)(first), decode(1)(second)])   // one run of two latents
 */
export function coalescer(participants: number): Coalescer {
  const queues: Queue[] = []
  const active = new Set(Array.from({ length: participants }, (_, i) => i))
  const asking = new Set<number>()
  let closed: { readonly reason: unknown } | undefined

  function runWhenAllAsk() {
    if (asking.size < active.size) return
    asking.clear()
    for (const { flush } of queues) void flush()
  }

  return {
    calls(run) {
      const kind = queue(run)
      queues.push(kind)
      return (participant) => (input, signal) => {
        if (closed) return Promise.reject(closed.reason)
        const answer = kind.ask(input, signal)
        asking.add(participant)
        runWhenAllAsk()
        return answer
      }
    },
    leave(participant) {
      active.delete(participant)
      asking.delete(participant)
      runWhenAllAsk()
    },
    close(reason) {
      closed = { reason }
      for (const { refuse } of queues) refuse(reason)
    },
  }
}
