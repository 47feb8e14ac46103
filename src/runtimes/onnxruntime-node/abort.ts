/** Hearing of an abort from a `Signal`, which promises no events. */
import type { Signal } from '../../core/progress.js'

/** How often a signal without events is looked at. */
const POLL_MILLISECONDS = 50

type EventSignal = Signal & Pick<AbortSignal, 'addEventListener' | 'removeEventListener'>

const hasEvents = (signal: Signal): signal is EventSignal =>
  'addEventListener' in signal && typeof signal.addEventListener === 'function'

/**
 * Calls `listener` once with the signal's reason when it aborts; returns how to stop listening.
 *
 * @example
 * const stop = onAbort(signal, (reason) => call.cancel(reason))
 */
export function onAbort(signal: Signal | undefined, listener: (reason: unknown) => void): () => void {
  if (!signal) return () => {}
  const heard = () => listener(signal.reason)
  if (hasEvents(signal)) {
    signal.addEventListener('abort', heard, { once: true })
    return () => signal.removeEventListener('abort', heard)
  }
  const timer = setInterval(() => {
    if (!signal.aborted) return
    clearInterval(timer)
    heard()
  }, POLL_MILLISECONDS)
  return () => clearInterval(timer)
}
