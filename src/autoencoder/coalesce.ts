/**
 * Several algorithms that each see an autoencoder of their own, run as batches of one. Counts who has asked and waits for
 * no clock: the same calls make the same batches every time.
 */
import type { Signal } from '../core/progress.js'
import type { Tensor } from '../math/tensor.js'
import type { Autoencoder, BatchedAutoencoder } from './autoencoder.js'

export interface Coalesced {
  /** One for each participant. */
  readonly autoencoders: readonly Autoencoder[]
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

/** Calls of one kind that wait for their batch. */
function queue<Input, Output>(run: (inputs: readonly Input[], signal?: Signal) => Promise<readonly Output[]>) {
  let waiting: Request<Input, Output>[] = []
  const take = () => {
    const taken = waiting
    waiting = []
    return taken
  }
  return {
    ask: (input: Input, signal: Signal | undefined) =>
      new Promise<Output>((resolve, reject) => waiting.push({ input, signal, resolve, reject })),
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
    refuse(reason: unknown) {
      for (const { reject } of take()) reject(reason)
    },
  }
}

/**
 * One autoencoder for each of several participants; what all of them have asked for runs as one batch of each kind.
 *
 * A batch runs as soon as every participant that has not left waits for an answer, so a participant must not wait for
 * another one, and must leave when it has finished. Cost: one batched network run for each kind of call in a round. A
 * batch takes the signal of its first call; when it fails, all its calls reject with the same error.
 *
 * @example
 * const { autoencoders, leave } = coalesce(batched, 2)
 * await Promise.all(autoencoders.map((autoencoder, i) => autoencoder.encode(images[i])))   // one run of two pictures
 */
export function coalesce(batched: BatchedAutoencoder, participants: number): Coalesced {
  const encodes = queue(batched.encode.bind(batched))
  const decodes = queue(batched.decode.bind(batched))
  const roundTrips = queue(batched.roundTrip.bind(batched))
  const { pullback } = batched
  const pullbacks =
    pullback &&
    queue((inputs: readonly (readonly [latent: Tensor, image: Tensor])[], signal) =>
      pullback.call(
        batched,
        inputs.map(([latent]) => latent),
        inputs.map(([, image]) => image),
        signal,
      ),
    )
  const queues = [encodes, decodes, roundTrips, ...(pullbacks ? [pullbacks] : [])]

  const active = new Set(Array.from({ length: participants }, (_, i) => i))
  const asking = new Set<number>()
  let closed: { readonly reason: unknown } | undefined

  function runWhenAllAsk() {
    if (asking.size < active.size) return
    asking.clear()
    for (const { flush } of queues) void flush()
  }

  /** Makes a participant's call out of a queue's. */
  const asked =
    <Input, Output>(participant: number, { ask }: { ask(input: Input, signal?: Signal): Promise<Output> }) =>
    (input: Input, signal?: Signal): Promise<Output> => {
      if (closed) return Promise.reject(closed.reason)
      const answer = ask(input, signal)
      asking.add(participant)
      runWhenAllAsk()
      return answer
    }

  const autoencoderOf = (participant: number): Autoencoder => {
    const pull = pullbacks && asked(participant, pullbacks)
    return {
      latentShape: (shape) => batched.latentShape(shape),
      encode: asked(participant, encodes),
      decode: asked(participant, decodes),
      roundTrip: asked(participant, roundTrips),
      ...(pull && { pullback: (latent, image, signal) => pull([latent, image], signal) }),
    }
  }

  return {
    autoencoders: [...active].map(autoencoderOf),
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
