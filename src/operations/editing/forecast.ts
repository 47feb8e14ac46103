/** How long an edit will take, told once for all of it, and how far it is by that. */
import { solvers } from '../../catalog.js'
import type { Steps } from '../../core/progress.js'
import type { Host } from '../host.js'
import type { Parts, Told } from '../operation.js'

/** The parts of an edit, in their order. */
type PartName = 'search' | 'gradients' | 'back' | 'mask' | 'drawing'

/** Those that an edit has, and the seconds that each is expected to take. */
export type Forecast = readonly { readonly name: PartName; readonly seconds: number }[]

/** What the first network runs took, in seconds. */
export interface Paces {
  readonly decode: number
  /** Of the guided denoiser. */
  readonly evaluation: number
}

/**
 * Attention takes time by the square of the pixels: a network's seconds go by n·(1 + share·n), n pixels against the model's own. The
 * bundled model's networks took 1.4, 2.2 and 6.4 µs a pixel for an evaluation and 2.2, 2.3 and 3.4 for a decode, at 128×128,
 * 272×184 and 600×400.
 */
const attentionShares = { decode: 0.05, evaluation: 0.36 } as const satisfies Readonly<Record<keyof Paces, number>>

/** Paces at so many pixels, from those at others, both against the pixels of the model's own pictures. */
export function pacesAt(paces: Paces, { from, to }: { readonly from: number; readonly to: number }): Paces {
  const at = (name: keyof Paces) => {
    const cost = (pixels: number) => pixels * (1 + attentionShares[name] * pixels)
    return (paces[name] * cost(to)) / cost(from)
  }
  return { decode: at('decode'), evaluation: at('evaluation') }
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

/** Evaluations that find a mask: attention takes two in three of them, the difference of the prompts the rest. */
const evaluationsOfMask = 18
const shareOfAttention = 2 / 3

/** What is known of an edit before it begins. */
export interface PlannedEdit {
  readonly method: string
  readonly guidesFromSource: boolean
  /** Whether a mask is looked for. */
  readonly findsMask: boolean
  readonly steps: number
}

/** The search for the latent: whether it is more than the encoder's, and with how many gradients. */
export interface PlannedSearch {
  readonly searches: boolean
  readonly gradients: number
}

export function forecastOf(
  { method, guidesFromSource, findsMask, steps, searches, gradients }: PlannedEdit & PlannedSearch,
  { decode, evaluation }: Paces,
): Forecast {
  const [back, drawing] = evaluationsOf[method] ?? evaluationsOf['exact-blending']!
  // The way back has no guidance then.
  const share = guidesFromSource ? 0.5 : 1
  const each = steps * evaluation
  const seconds: Readonly<Record<PartName, number>> = {
    search: (searches ? decodesOfSearch : 1) * decode,
    gradients: searches ? decodesOfGradient * gradients * decode : 0,
    back: share * back * each,
    mask: findsMask ? evaluationsOfMask * evaluation : 0,
    drawing: drawing * each + decode,
  }
  const names = Object.keys(seconds) as PartName[]
  const hasPart = (name: PartName) => name === 'search' || seconds[name] > 0
  return names.filter(hasPart).map((name) => ({ name, seconds: seconds[name] }))
}

export const secondsOf = (forecast: Forecast): number => forecast.reduce((sum, { seconds }) => sum + seconds, 0)

const drawn = new Set(solvers.map(({ definition }) => definition.id))

interface StageNames {
  readonly method: string
  readonly solver: string
}

/** Where in an edit a stage is: its part, and from which share of that to which. */
type Place = readonly [name: PartName, from: number, to: number]

/** Undefined for a stage that goes on with the part before it. Stages of the way back never have a solver's name. */
function placeOf({ stage, total }: Told, { method, solver }: StageNames, last: PartName): Place | undefined {
  // The second stage of the default search for the latent.
  if (stage === 'gradient steps') return ['gradients', 0, 1]
  if (last === 'search' || last === 'gradients') return stage === method ? ['back', 0, 1] : undefined
  if (stage === 'attention') return ['mask', 0, shareOfAttention]
  if (stage === 'difference') return ['mask', shareOfAttention, 1]
  const draws = total !== undefined && (stage === solver || drawn.has(stage))
  return draws ? ['drawing', 0, 1] : undefined
}

/** Parts that were foreseen to be shorter say little of the pace. */
const tellingSeconds = 1

/** Seconds that parts took, and those that were foreseen of them. */
interface Spent {
  readonly took: number
  readonly foreseen: number
}

/** A forecast by what parts that are over took: first runs are timed one by one, and the edit may go slower than they did. */
const inPace = (forecast: Forecast, { took, foreseen }: Spent): Forecast =>
  foreseen === 0 ? forecast : forecast.map((part) => ({ ...part, seconds: (part.seconds * took) / foreseen }))

/**
 * The same steps, and how far the whole edit is, once that can be told. A part that was not foreseen counts as the end of the one
 * before it. Once a part is over, the others are expected in its pace.
 */
export async function* inParts<T>(
  steps: Steps<T, Told>,
  names: StageNames,
  forecast: () => Forecast | undefined,
  { now }: Pick<Host, 'now'>,
): Steps<T, Told> {
  let [name, from, to]: Place = ['search', 0, 1]
  let share = 0
  let begin: number | undefined
  let spent: Spent = { took: 0, foreseen: 0 }
  const spend = (over: PartName, at: number) => {
    const foreseen = forecast()?.find((part) => part.name === over)?.seconds ?? 0
    if (begin !== undefined && foreseen >= tellingSeconds)
      spent = { took: spent.took + at - begin, foreseen: spent.foreseen + foreseen }
    begin = at
    share = 0
  }
  try {
    while (true) {
      const step = await steps.next()
      if (step.done) return step.value
      const { done, total } = step.value
      const place = placeOf(step.value, names, name)
      if (place && place[0] !== name) spend(name, now())
      if (place) [name, from, to] = place
      if (total !== undefined && total > 0) share = Math.max(share, from + ((to - from) * done) / total)
      const expected = forecast()
      // What came before it is told opened the networks.
      if (expected) begin ??= now()
      yield expected ? { ...step.value, parts: partsOf(inPace(expected, spent), { name, share }) } : step.value
    }
  } finally {
    await steps.return(undefined as never)
  }
}

const order: readonly PartName[] = ['search', 'gradients', 'back', 'mask', 'drawing']

function partsOf(forecast: Forecast, { name, share }: { readonly name: PartName; readonly share: number }): Parts {
  const done = forecast.findLastIndex((part) => order.indexOf(part.name) <= order.indexOf(name))
  const { name: known, seconds } = forecast[done]!
  const begun = seconds * (known === name ? share : 1)
  return { done, total: forecast.length, begun, one: 'part', seconds: forecast.map((one) => one.seconds), isTold: true }
}
