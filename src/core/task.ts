/**
 * Long work as its callers hold it: await it for the result, iterate it for progress, leave it to stop it.
 * Not a scheduler: work runs only while somebody awaits or iterates.
 */
import type { Progress, Signal, Steps } from './progress.js'

/** What a task that was left is rejected with; the name is the one that the web platform gives aborted work. */
function abandoned(): Error {
  const error = new Error('The task was left before it finished.')
  error.name = 'AbortError'
  return error
}

/** Stacks as they were thrown: of tasks in tasks the outermost tells who called. */
const thrownStacks = new WeakMap<Error, string>()

/** Adds to an error's stack who made the task: steps run later, when nothing of the caller is on the stack any more. */
function tellCaller(error: unknown, made: Error): void {
  if (!(error instanceof Error) || typeof error.stack !== 'string') return
  const thrown = thrownStacks.get(error) ?? error.stack
  thrownStacks.set(error, thrown)
  const frames = made.stack?.split('\n') ?? []
  const callers = frames.slice(frames.findLastIndex((frame) => frame.includes('new Task')) + 1)
  error.stack = [thrown, ...callers].join('\n')
}

/**
 * Drives one run of a generator of steps, once, however many await or iterate it.
 *
 * `await task` gives the result. `for await (const progress of task)` gives progress and ends; `await task` then gives
 * the result at once. Reading progress while another awaits is allowed: a slow reader misses steps, never the end.
 * An abort takes effect before the next step (algorithms check the signal before each network evaluation too): the
 * generator's `finally` blocks run, and awaiting or iterating rejects with the signal's reason. Breaking out of the
 * loop does the same with an error named AbortError. The stack of an error ends with who made the task.
 *
 * @example
 * const task = new Task(inverter.invert(image, autoencoder, signal), signal)
 * for await (const { done, total } of task) bar.update(done, total)
 * const { value } = await task
 */
export class Task<T, P extends Progress = Progress> implements PromiseLike<T>, AsyncIterable<P> {
  readonly #steps: Steps<T, P>
  readonly #signal: Signal | undefined
  /** Its stack is the caller's. */
  readonly #made = new Error('made here')
  /** The step under way, shared by all who wait for it; for ever the last one once there is no next. */
  #step: Promise<IteratorResult<P, T>> | undefined
  #finished = false
  #result: Promise<T> | undefined

  constructor(steps: Steps<T, P>, signal?: Signal) {
    this.#steps = steps
    this.#signal = signal
  }

  // biome-ignore lint/suspicious/noThenProperty: a task is awaited like a promise.
  then<Fulfilled = T, Rejected = never>(
    onFulfilled?: ((value: T) => Fulfilled | PromiseLike<Fulfilled>) | null,
    onRejected?: ((reason: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Fulfilled | Rejected> {
    this.#result ??= this.#run()
    return this.#result.then(onFulfilled, onRejected)
  }

  [Symbol.asyncIterator](): AsyncIterator<P, undefined> {
    return {
      next: async () => {
        const step = await this.#advance()
        return step.done ? { done: true, value: undefined } : step
      },
      return: async () => {
        await this.#leave()
        return { done: true, value: undefined }
      },
    }
  }

  async #run(): Promise<T> {
    while (true) {
      const step = await this.#advance()
      if (step.done) return step.value
    }
  }

  #advance(): Promise<IteratorResult<P, T>> {
    if (this.#step) return this.#step
    const step = this.#next()
    this.#step = step
    step.then(
      ({ done }) => {
        if (done) this.#finished = true
        else if (this.#step === step) this.#step = undefined
      },
      () => {
        this.#finished = true
      },
    )
    return step
  }

  async #next(): Promise<IteratorResult<P, T>> {
    if (this.#signal?.aborted) {
      await this.#close()
      throw this.#signal.reason
    }
    try {
      return await this.#steps.next()
    } catch (error) {
      tellCaller(error, this.#made)
      throw error
    }
  }

  /** Runs the generator's `finally` blocks; what it would have returned is nobody's. */
  async #close(): Promise<void> {
    await this.#steps.return(undefined as never)
  }

  async #leave(): Promise<void> {
    if (this.#finished) return
    this.#finished = true
    const closed = this.#close()
    this.#step = closed.then(() => Promise.reject(this.#signal?.aborted ? this.#signal.reason : abandoned()))
    // Nobody may be waiting: the loop was left.
    this.#step.catch(() => {})
    await closed
  }
}
