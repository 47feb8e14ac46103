/**
 * `undiffuse bench watermark --table null`: how often marks are found where there are none, against the rates that their
 * p-values promise. Result only; words are in watermark-null-text.ts.
 */
import {
  binomialInterval,
  calibratedPValue,
  type DiffusionModel,
  kolmogorovSmirnov,
  latentShapeAt,
  type Reading,
  type Signal,
  type Steps,
  type Tensor,
  torchGenerator,
  type Watermark,
} from 'undiffuse'
import type { Cells } from '../shared/cells.js'
import { type Machine, machine } from '../shared/machine.js'
import { allSchemes, numberedSecret, schemeOf } from './marks.js'
import { type Recovery, unmarkedKinds, unmarkedNoises } from './unmarked-noises.js'

export interface NullOptions extends Recovery {
  /** White Gaussian noises. */
  readonly noises: number
  /** Unmarked pictures that are tested, half of them generated, half rendered. */
  readonly pictures: number
  /** Keys that each picture is read under, where p-values are exact for any picture. */
  readonly keys: number
  readonly chunk: number
  readonly cells: Cells
  readonly modelVersion: string
  readonly signal?: Signal | undefined
}

export const nominalRates = [0.05, 0.01, 0.001] as const
const confidence = 0.99

/** False positives at one nominal rate. */
export interface FalsePositives {
  readonly nominalRate: number
  /** The largest p-value up to the nominal rate that there is: of counts, below it. Its rate is what p promises. */
  readonly attainableRate: number
  readonly found: number
  readonly rate: number
  /** Counts that 99 of 100 such measurements of a true p-value lie within. */
  readonly low: number
  readonly high: number
  readonly isWithin: boolean
}

export interface NullRow {
  readonly scheme: string
  readonly world: 'white noise' | 'pictures'
  /** Where the p-values come from: `reference` is the published formula. */
  readonly pValues: 'exact' | 'white-noise' | 'calibrated' | 'reference'
  readonly trials: number
  readonly falsePositives: readonly FalsePositives[]
  /** Of Kolmogorov and Smirnov's test that p-values are uniform; absent where it means nothing, for counts. */
  readonly uniformPValue?: number
}

export interface NullResult extends Recovery {
  readonly benchmark: 'watermark-null'
  readonly model: string
  readonly modelVersion: string
  readonly machine: Machine
  readonly noises: number
  readonly pictures: number
  readonly keys: number
  readonly rows: readonly NullRow[]
}

/** Keys of a scheme; making one costs more than reading. */
const keysUsed = 500
/** Keys under which a calibration set is read. */
const calibratedKeys = 20
/** Numbers of the keys that pictures are read under: apart from those of white noise, and from each other. */
const [firstPictureKey, keyStride] = [5000, 1_000_000]

interface Counting {
  readonly isDiscrete: boolean
  /** The counts that a true p-value gives; by default binomial at the attainable rate. */
  interval?(nominalRate: number): { readonly low: number; readonly high: number }
}

function rowOf(
  of: Pick<NullRow, 'scheme' | 'world' | 'pValues'>,
  pValues: readonly number[],
  { isDiscrete, interval }: Counting,
): NullRow {
  const trials = pValues.length
  const falsePositives = nominalRates.map((nominalRate): FalsePositives => {
    const below = pValues.filter((p) => p <= nominalRate)
    const found = below.length
    const isCount = isDiscrete && !interval
    const attainableRate = isCount && found > 0 ? below.reduce((a, b) => Math.max(a, b)) : nominalRate
    const { low, high } = interval?.(nominalRate) ?? binomialInterval(trials, attainableRate, confidence)
    const isWithin = low <= found && found <= high
    return { nominalRate, attainableRate, found, rate: found / trials, low, high, isWithin }
  })
  return { ...of, trials, falsePositives, ...(!isDiscrete && { uniformPValue: kolmogorovSmirnov(pValues) }) }
}

/** Counts of signs take few values: their p-values are right at every value they take, P(p ≤ pₖ) = pₖ, and none is between. */
const isDiscrete = (scheme: string): boolean => scheme === 'gaussian-shading' || scheme === 'prc'

interface Read {
  readonly reading: Reading
  readonly mark: Watermark
}

/**
 * Reads marks of many keys in noise that carries none, and counts how often p ≤ 5 %, 1 % and 0.1 %.
 *
 * Worlds: white Gaussian noise; the noise of pictures without a mark, half generated, half rendered. Each picture is read under
 * `keys` keys that no other is read under: whatever the pictures, p-values that are exact over the draw of the key are
 * independent, and their counts binomial. Other p-values are of the first key alone. p-values: the scheme's; the reference formula of tree-ring beside it; of schemes that are exact only
 * given white noise, on pictures, calibrated ones too: each half of the pictures calibrates the other. Counts of halves
 * that calibrate each other depend on each other, so their interval is that of random halves.
 */
export async function* benchNull(model: DiffusionModel, options: NullOptions): Steps<NullResult> {
  const { noises, pictures, keys, cells, chunk, modelVersion, signal } = options
  const { solver, guidance, decoder, inverter } = options
  const recovery = { solver, guidance, decoder, inverter }
  const half = Math.floor(pictures / 2)
  const tested: Tensor[] = []
  for (const kind of half > 0 ? unmarkedKinds : []) {
    const asked = { ...recovery, first: 0, count: half, chunk, cells, modelVersion, signal }
    const all = yield* unmarkedNoises(model, kind, asked)
    tested.push(...all)
  }

  const rows: NullRow[] = []
  const shape = latentShapeAt(model)
  for (const [s, specification] of allSchemes.entries()) {
    const scheme = schemeOf(specification)
    const markOf = (number: number) => scheme.watermark(numberedSecret(1000 * s + number), shape, 0)
    const marks = Array.from({ length: Math.min(keysUsed, noises) }, (_, i) => markOf(i))
    const say = (done: number) => ({ stage: `reading ${specification}`, done, total: noises })

    const random = torchGenerator(s)
    const white: Read[] = []
    for (let i = 0; i < noises; i++) {
      const mark = marks[i % marks.length]!
      white.push({ reading: mark.read(random.noise(shape)), mark })
      if (i % 500 === 0) yield say(i)
      signal?.throwIfAborted()
    }
    rows.push(...rowsOf(specification, 'white noise', white))

    if (tested.length === 0) continue
    const needsCalibration = white[0]?.reading.exactGiven === 'white-noise'
    const read: Read[] = []
    const underOthers: number[] = []
    for (const [i, noise] of tested.entries()) {
      const mark = needsCalibration ? marks[i % Math.min(calibratedKeys, marks.length)]! : markOf(firstPictureKey + i)
      read.push({ reading: mark.read(noise), mark })
      for (let k = 1; !needsCalibration && k < keys; k++) {
        underOthers.push(markOf(firstPictureKey + i + k * keyStride).read(noise).pValue)
      }
      if (i % 25 === 0) yield { stage: `reading ${specification} in pictures`, done: i, total: tested.length }
      signal?.throwIfAborted()
    }
    rows.push(...rowsOf(specification, 'pictures', read, underOthers, needsCalibration ? tested : undefined))
  }
  return {
    benchmark: 'watermark-null',
    model: model.name,
    modelVersion,
    machine: machine(),
    ...recovery,
    noises,
    pictures: 2 * half,
    keys,
    rows,
  }
}

function rowsOf(
  scheme: string,
  world: NullRow['world'],
  read: readonly Read[],
  underOtherKeys: readonly number[] = [],
  calibration?: readonly Tensor[],
): readonly NullRow[] {
  const continuous = { isDiscrete: isDiscrete(scheme) }
  const own = [...read.map(({ reading }) => reading.pValue), ...underOtherKeys]
  const isExact = read[0]?.reading.exactGiven === 'any-picture'
  const reference = read.flatMap(({ reading }) => reading.distance?.().referencePValue ?? [])
  const distance = read.flatMap(({ reading }) => reading.distance?.().pValue ?? [])
  return [
    rowOf({ scheme, world, pValues: isExact ? 'exact' : 'white-noise' }, own, continuous),
    ...(isExact && distance.length > 0 ? [rowOf({ scheme, world, pValues: 'white-noise' }, distance, continuous)] : []),
    ...(reference.length > 0 ? [rowOf({ scheme, world, pValues: 'reference' }, reference, continuous)] : []),
    ...(calibration && calibration.length > 0 ? [calibrated(scheme, world, read, calibration)] : []),
  ]
}

function calibrated(
  scheme: string,
  world: NullRow['world'],
  read: readonly Read[],
  noises: readonly Tensor[],
): NullRow {
  const halves = [0, 1].map((half) => ({ noises: noises.filter((_, i) => i % 2 !== half) }))
  const pValues = read.map(({ reading, mark }, i) => calibratedPValue(mark, reading.score, halves[i % 2]!).pValue)
  // Ranks in a set take no more values than it has members.
  return rowOf({ scheme, world, pValues: 'calibrated' }, pValues, {
    isDiscrete: true,
    interval: rankInterval(noises.length),
  })
}

/** Random halves that are enough for 99 % intervals. */
const drawnHalves = 4000

/**
 * The interval of how many of n values have a rank p ≤ rate in the half that they are not in, where all are alike: halves
 * are drawn, and nothing else matters.
 */
export function rankInterval(count: number): (rate: number) => { readonly low: number; readonly high: number } {
  const random = torchGenerator(1)
  const draws = Array.from({ length: drawnHalves }, () => {
    const order = Array.from({ length: count }, (_, i) => ({ half: i % 2, at: random.uniform() }))
    return order.sort((a, b) => b.at - a.at).map(({ half }) => half)
  })
  return (rate) => {
    const counts = draws.map((halves) => countAtMost(halves, rate)).sort((a, b) => a - b)
    const tail = Math.floor(((1 - confidence) / 2) * drawnHalves)
    return { low: counts[tail]!, high: counts[drawnHalves - 1 - tail]! }
  }
}

/** Members, the largest score first, given by their halves: how many have (1 + larger ones of the other half)/(m + 1) ≤ rate. */
function countAtMost(halves: readonly number[], rate: number): number {
  const sizes = [0, 1].map((half) => halves.filter((one) => one === half).length)
  const larger = [0, 0]
  let count = 0
  for (const half of halves) {
    const other = 1 - half
    if ((1 + larger[other]!) / (sizes[other]! + 1) <= rate) count++
    larger[half]!++
  }
  return count
}
