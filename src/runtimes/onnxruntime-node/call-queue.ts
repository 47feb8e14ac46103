/** Calls performed one after another; each can be cancelled, while it waits or while it is performed. */

export interface Call<T> {
  readonly result: Promise<T>
  /** Rejects the result with this reason at once; a call that waits is then never performed. */
  cancel(reason: unknown): void
}

export interface CallOptions {
  /** Whether a cancelled call may go on while this one waits for its end, rather than be interrupted. Default true. */
  readonly patient?: boolean
}

export interface CallQueue {
  /** `proceed` throws when the call was cancelled meanwhile: ask between the parts of a long call. */
  add<T>(perform: (proceed: () => void) => Promise<T>, options?: CallOptions): Call<T>
}

interface Entry {
  state: 'waiting' | 'performed' | 'done' | 'cancelled'
}

/** How long after a cancellation it is decided: whoever was next may only now ask. */
const GRACE_MILLISECONDS = 20
/** How long a cancelled call may go on for the sake of others: about what they lose when it is interrupted. */
const PATIENCE_MILLISECONDS = 5000

/**
 * `interrupt` is asked to end a cancelled call that is being performed, which costs what is shared with others. So it is
 * asked at once only if no patient call waits; otherwise the cancelled call may come to its end, within five seconds. The
 * next one starts when it has ended.
 */
export function createCallQueue(interrupt: () => void): CallQueue {
  let last: Promise<void> = Promise.resolve()
  let current: Entry | undefined
  const waiting = new Set<Entry>()

  /** After a while, if the call that is performed now is still performed, and was cancelled. */
  function interruptAfter(milliseconds: number, unless: () => boolean): void {
    const entry = current
    if (entry?.state !== 'cancelled') return
    const look = () => {
      if (current === entry && !unless()) interrupt()
    }
    // What is performed keeps the host alive, not what waits for it.
    setTimeout(look, milliseconds).unref()
  }

  return {
    add<T>(perform: (proceed: () => void) => Promise<T>, { patient = true }: CallOptions = {}): Call<T> {
      const entry: Entry = { state: 'waiting' }
      if (patient) waiting.add(entry)
      let cancel: (reason: unknown) => void = () => {}
      const result = new Promise<T>((resolve, reject) => {
        let why: unknown
        const proceed = () => {
          if (entry.state === 'cancelled') throw why
        }
        cancel = (reason) => {
          if (entry.state === 'done' || entry.state === 'cancelled') return
          entry.state = 'cancelled'
          waiting.delete(entry)
          why = reason
          reject(reason)
          interruptAfter(GRACE_MILLISECONDS, () => waiting.size > 0)
          if (current === entry) interruptAfter(PATIENCE_MILLISECONDS, () => false)
        }
        last = last.then(async () => {
          waiting.delete(entry)
          if (entry.state === 'cancelled') return
          entry.state = 'performed'
          current = entry
          try {
            resolve(await perform(proceed))
          } catch (error) {
            reject(error)
          }
          current = undefined
          if (entry.state === 'performed') entry.state = 'done'
        })
      })
      return { result, cancel }
    },
  }
}
