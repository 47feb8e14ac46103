/** Long work inside longer work: its progress in the words of the whole. */
import type { Progress, Steps } from 'undiffuse'

/** The same steps with each progress changed; leaving it leaves them. */
export async function* relay<T>(steps: Steps<T>, change: (progress: Progress) => Progress): Steps<T> {
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
