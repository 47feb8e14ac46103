/** How long an edit will take, told once for all of it, and how far it is by that. */
import { solvers } from '../../catalog.js'
import type { Steps } from '../../core/progress.js'
import type { Told } from '../operation.js'

export interface Forecast {
  /** Seconds of the three parts of an edit. */
  readonly seconds: readonly [latent: number, back: number, drawing: number]
  /** Of finding the latent, what comes before its gradient steps. */
  readonly beforeGradients: number
}

/** What the first network runs took, in seconds. */
export interface Paces {
  readonly decode: number
  /** Of the guided denoiser. */
  readonly evaluation: number
}

/** Evaluations of a step, with guidance, on the way back and in drawing. A gradient counts for three. */
const evaluationsOf: Readonly<Record<string, readonly [back: number, drawing: number]>> = {
  'exact-blending': [5, 1],
  'bdia-round-trip': [1, 1],
  edict: [2, 2],
  'null-text': [36, 1],
  'negative-prompt': [0.5, 1],
  naive: [1, 1],
}

/** A search for the latent takes about as many decodes: 20 round trips. A gradient takes about three. */
const [decodesOfSearch, decodesOfGradient] = [32, 3]

/** What is known of an edit before it begins. */
export interface PlannedEdit {
  readonly method: string
  readonly guidesFromSource: boolean
  readonly steps: number
}

/** The search for the latent: whether it is more than the encoder's, and with how many gradients. */
export interface PlannedSearch {
  readonly searches: boolean
  readonly gradients: number
}

export function forecastOf(
  { method, guidesFromSource, steps, searches, gradients }: PlannedEdit & PlannedSearch,
  paces: Paces,
): Forecast {
  const [back, drawing] = evaluationsOf[method] ?? evaluationsOf['exact-blending']!
  // The way back has no guidance then.
  const share = guidesFromSource ? 0.5 : 1
  const each = steps * paces.evaluation
  const decodes = searches ? decodesOfSearch + decodesOfGradient * gradients : 1
  return {
    seconds: [decodes * paces.decode, share * back * each, drawing * each],
    beforeGradients: gradients > 0 && searches ? decodesOfSearch / decodes : 1,
  }
}

export const secondsOf = ({ seconds }: Forecast): number => seconds.reduce((sum, one) => sum + one, 0)

const parts = 3
/** The second stage of the default search for the latent. */
const gradientStage = 'gradient steps'
const drawn = new Set(solvers.map(({ definition }) => definition.id))

/** The same steps, and how far the whole edit is, once that can be told. Stages of the way back never have a solver's name. */
export async function* inParts<T>(
  steps: Steps<T, Told>,
  { method, solver }: { readonly method: string; readonly solver: string },
  forecast: () => Forecast | undefined,
): Steps<T, Told> {
  let [done, share] = [0, 0]
  try {
    while (true) {
      const step = await steps.next()
      if (step.done) return step.value
      const { stage, total } = step.value
      const begins = done === 0 && stage === method
      const draws = done === 1 && total !== undefined && (stage === solver || drawn.has(stage))
      if (begins || draws) [done, share] = [done + 1, 0]
      const expected = forecast()
      const { beforeGradients: before = 1, seconds: weights } = expected ?? {}
      const [from, to] = done > 0 ? [0, 1] : stage === gradientStage ? [before, 1] : [0, before]
      if (total !== undefined && total > 0) share = Math.max(share, from + ((to - from) * step.value.done) / total)
      const far = weights && { done, total: parts, one: 'part', weights, begun: weights[done]! * share, isTold: true }
      yield far ? { ...step.value, parts: far } : step.value
    }
  } finally {
    await steps.return(undefined as never)
  }
}
