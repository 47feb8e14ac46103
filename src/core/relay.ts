/** Long work inside longer work: its progress in the words of the whole. */
import type { Progress, Steps } from './progress.js'

/**
 * The same steps with each progress changed, at once or after a promise; leaving it leaves them.
 *
 * @example const found = yield* relay(work(), (progress) => ({ ...progress, stage: `picture 3: ${progress.stage}` }))
 */
export async function* relay<T, P extends Progress, Q extends Progress>(
  steps: Steps<T, P>,
  change: (progress: P) => Q | Promise<Q>,
): Steps<T, Q> {
  try {
    while (true) {
      const step = await steps.next()
      if (step.done) return step.value
      yield change(step.value)
    }
  } finally {
    await steps.return(undefined as never)
  }
}
