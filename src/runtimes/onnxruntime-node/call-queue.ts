/** Calls performed one after another; each can be cancelled, while it waits or while it is performed. */

export interface Call<T> {
  readonly result: Promise<T>
  /** Rejects the result with this reason at once; a call that waits is then never performed. */
  cancel(reason: unknown): void
}

export interface CallQueue {
  /** `proceed` throws when the call was cancelled meanwhile: ask between the parts of a long call. */
  add<T>(perform: (proceed: () => void) => Promise<T>): Call<T>
}

/** `interrupt` is asked to end the call that is being performed; the next one starts when it has ended. */
export function createCallQueue(interrupt: () => void): CallQueue {
  let last: Promise<void> = Promise.resolve()
  return {
    add<T>(perform: (proceed: () => void) => Promise<T>): Call<T> {
      let state: 'waiting' | 'performed' | 'done' | 'cancelled' = 'waiting'
      let cancel: (reason: unknown) => void = () => {}
      const result = new Promise<T>((resolve, reject) => {
        let why: unknown
        const proceed = () => {
          if (state === 'cancelled') throw why
        }
        cancel = (reason) => {
          if (state === 'done' || state === 'cancelled') return
          const performed = state === 'performed'
          state = 'cancelled'
          why = reason
          reject(reason)
          if (performed) interrupt()
        }
        last = last.then(async () => {
          if (state === 'cancelled') return
          state = 'performed'
          try {
            resolve(await perform(proceed))
          } catch (error) {
            reject(error)
          }
          if (state === 'performed') state = 'done'
        })
      })
      return { result, cancel }
    },
  }
}
