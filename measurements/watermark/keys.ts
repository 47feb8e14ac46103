/**
 * `undiffuse bench watermark --table keys`: how often single keys call unmarked pictures marked, as they are drawn and as
 * `keygen --unmarked` keeps them. Result only; words are in keys-text.ts.
 */
import {
  type DiffusionModel,
  expected,
  latentShapeAt,
  mean,
  nominalRates,
  quantile,
  relay,
  type Signal,
  type Steps,
  type Tensor,
  variance,
} from 'undiffuse'
import { float32Tensor, float32Text } from 'undiffuse/operations'
import { type Cells, keptOr } from '../shared/cells.js'
import { type Machine, machine } from '../shared/machine.js'
import { numberedSecret, schemeOf } from './marks.js'
import { type Recovery, unmarkedKinds, unmarkedNoises } from './unmarked-noises.js'

export interface KeysOptions extends Recovery {
  readonly schemes: readonly string[]
  /** Unmarked pictures, half of them generated, half rendered. */
  readonly pictures: number
  /** Keys of each scheme that has a secret. */
  readonly keys: number
  readonly chunk: number
  readonly cells: Cells
  readonly modelVersion: string
  readonly signal?: Signal | undefined
}

/** Rates of single keys at one nominal rate, each of them a share of the pictures. */
export interface KeySpread {
  readonly keys: number
  readonly mean: number
  /** Over the keys. */
  readonly deviation: number
  /** What it would be if the pictures of a key were independent. */
  readonly binomialDeviation: number
  /** Of 100 keys one has a larger rate than this. */
  readonly ninetyNinth: number
  readonly worst: number
}

export interface KeysRow {
  readonly scheme: string
  readonly nominalRate: number
  /** All keys in all pictures. */
  readonly drawn: KeySpread
  /** All keys in every other picture. */
  readonly drawnOnHalf: KeySpread
  /** Those that kept their rate in the other half of the pictures, in the same ones. Absent where none did. */
  readonly kept?: KeySpread
}

export interface KeysResult extends Recovery {
  readonly benchmark: 'watermark-keys'
  readonly model: string
  readonly modelVersion: string
  readonly machine: Machine
  readonly pictures: number
  readonly rows: readonly KeysRow[]
}

/** Read and kept together. */
const perCell = 10
/** Apart from the keys of the other tables. */
const firstKey = 500_000_000

/**
 * Reads `keys` keys of each scheme in the same unmarked pictures, and tells how their rates are spread.
 *
 * A key is kept as `chooseKey` keeps it, by the pictures of even number; how it does in the others is its rate in pictures that
 * it was not chosen by. Schemes without a secret have one key. Cost: an inversion a picture, and a reading for each picture
 * and key.
 */
export async function* benchKeys(model: DiffusionModel, options: KeysOptions): Steps<KeysResult> {
  const { schemes, pictures, keys, chunk, cells, modelVersion, signal } = options
  const { solver, guidance, decoder, inverter } = options
  const recovery = { solver, guidance, decoder, inverter }
  const half = Math.ceil(pictures / 2)
  if (half === 0) throw expected('bad-option', 'unmarked pictures', '`--pictures`', 'none', 'Pass 400, say.')
  const noises: Tensor[] = []
  for (const kind of unmarkedKinds) {
    noises.push(
      ...(yield* unmarkedNoises(model, kind, {
        ...recovery,
        first: 0,
        count: half,
        chunk,
        cells,
        modelVersion,
        signal,
      })),
    )
  }
  const rows: KeysRow[] = []
  for (const specification of schemes) {
    const pValues: Float64Array[] = []
    const count = hasSecret(specification) ? keys : 1
    while (pValues.length < count) {
      const asked = { specification, from: pValues.length, count: Math.min(perCell, count - pValues.length) }
      const key = {
        benchmark: 'keys',
        model: model.name,
        modelVersion,
        ...recovery,
        chunk,
        pictures: 2 * half,
        ...asked,
      }
      const say = () => ({ stage: `reading ${specification}`, done: pValues.length, total: count })
      const texts = yield* relay(
        keptOr(cells, key, () => readUnder(asked, noises, latentShapeAt(model))),
        say,
      )
      pValues.push(...texts.map((text) => float32Tensor(text, [noises.length], 'a finished cell').data))
      signal?.throwIfAborted()
    }
    rows.push(...rowsOf(specification, pValues))
  }
  return {
    benchmark: 'watermark-keys',
    model: model.name,
    modelVersion,
    machine: machine(),
    ...recovery,
    pictures: 2 * half,
    rows,
  }
}

const hasSecret = (specification: string): boolean => !/pattern=(zeros|const)/.test(specification)

interface Asked {
  readonly specification: string
  readonly from: number
  readonly count: number
}

/** The p-values of each key in all noises, as text. */
async function* readUnder(
  { specification, from, count }: Asked,
  noises: readonly Tensor[],
  shape: readonly number[],
): Steps<string[]> {
  const texts: string[] = []
  for (let i = from; i < from + count; i++) {
    const mark = schemeOf(specification).watermark(numberedSecret(firstKey + i), shape, 0)
    const data = Float64Array.from(noises, (noise) => mark.read(noise).pValue)
    texts.push(float32Text({ shape: [data.length], data }))
    yield { stage: specification, done: texts.length, total: count }
  }
  return texts
}

/** The share of every `stride`-th picture from `first` on that each key finds. */
const ratesAt = (pValues: readonly Float64Array[], nominalRate: number, first: number, stride: number): number[] =>
  pValues.map((own) => {
    const some = own.filter((_, i) => i % stride === first % stride)
    return some.filter((p) => p <= nominalRate).length / some.length
  })

function spreadOf(rates: readonly number[], pictures: number): KeySpread {
  const share = mean(rates)
  return {
    keys: rates.length,
    mean: share,
    deviation: rates.length > 1 ? Math.sqrt(variance(rates)) : 0,
    binomialDeviation: Math.sqrt((share * (1 - share)) / pictures),
    ninetyNinth: quantile(rates, 0.99),
    worst: Math.max(...rates),
  }
}

function rowsOf(scheme: string, pValues: readonly Float64Array[]): readonly KeysRow[] {
  const pictures = pValues[0]!.length
  const half = Math.floor(pictures / 2)
  const chosen = pValues.filter((own) => nominalRates.every((rate) => ratesAt([own], rate, 0, 2)[0]! <= rate))
  return nominalRates.map((nominalRate) => ({
    scheme,
    nominalRate,
    drawn: spreadOf(ratesAt(pValues, nominalRate, 0, 1), pictures),
    drawnOnHalf: spreadOf(ratesAt(pValues, nominalRate, 1, 2), half),
    ...(chosen.length > 0 && { kept: spreadOf(ratesAt(chosen, nominalRate, 1, 2), half) }),
  }))
}
