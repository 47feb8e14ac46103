/** The tables that schedulers of tabulated noise have: betas, their products ᾱ and √((1 − ᾱ)/ᾱ), in float32 as there. */
import { expected, type UndiffuseError } from '../../../core/errors.js'
import { type NoiseLevel, noiseLevel, type Schedule } from '../../../diffusion/level.js'
import { type BetaKind, betas, variancePreserving } from '../../../diffusion/schedules.js'
import type { ConfigReader } from '../../../nn/parameters.js'
import { choice, integer, number, numbers, optional, refusedValue } from './fields.js'
import { float32, interpolated, linspace32, log32 } from './reference-arithmetic.js'

const betaKinds: Readonly<Record<string, BetaKind>> = {
  scaled_linear: 'scaled-linear',
  linear: 'linear',
  squaredcos_cap_v2: 'cosine',
}

/** What float32 can tell from 0 and from 1 in 1 − beta. */
const beta = { minimum: 1e-7, maximum: 0.999999 }

/** The fields of all classes with a table; the range of betas is the class's own. */
export const tableFields = (start: number, end: number, more: readonly 'exp'[] = []) =>
  ({
    num_train_timesteps: integer(1000, { minimum: 1, maximum: 100_000 }),
    beta_start: number(start, beta),
    beta_end: number(end, beta),
    beta_schedule: choice(['linear', 'scaled_linear', 'squaredcos_cap_v2', ...more], 'linear'),
    trained_betas: optional(numbers),
  }) as const

export interface TableValues {
  readonly num_train_timesteps: number
  readonly beta_start: number
  readonly beta_end: number
  readonly beta_schedule: string
  readonly trained_betas: readonly number[] | undefined
}

export interface BetaTable {
  /** How many times the network was trained at, which spacings divide. */
  readonly count: number
  /** ᾱ, √((1 − ᾱ)/ᾱ) and its logarithm at each time, in float32. */
  readonly products: readonly number[]
  readonly sigmas: readonly number[]
  readonly logSigmas: readonly number[]
  readonly schedule: Schedule
}

/** What the last ᾱ is where the betas are rescaled to end without signal: 0, or so little that its noise is finite. */
export type ZeroTerminal = 'none' | 'exact' | 'finite'

/** 2⁻²⁴, which float16 still has. */
const smallest = 2 ** -24

export function betaTable(values: TableValues, zeroTerminal: ZeroTerminal, config: ConfigReader): BetaTable {
  const { num_train_timesteps: count, trained_betas: trained } = values
  if (trained && !(trained.length > 0 && trained.every((value) => value > 0 && value < 1))) {
    throw refusedValue(config, 'trained_betas', 'numbers between 0 and 1', trained, 'Check the schedule.')
  }
  if (trained && trained.length !== count) {
    const what = `as many as num_train_timesteps, ${count},`
    throw refusedValue(config, 'trained_betas', what, trained, 'Check the schedule.')
  }
  const products = productsOf(betasOf(values), zeroTerminal)
  if (!products.every((value, t) => value > 0 || (zeroTerminal === 'exact' && t === products.length - 1))) {
    const field = trained ? 'trained_betas' : 'beta_end'
    throw refusedValue(config, field, 'betas that leave some signal', trained ?? values.beta_end, 'Check the schedule.')
  }
  const sigmas = products.map((product) => float32(Math.sqrt(float32(float32(1 - product) / product))))
  const plain = zeroTerminal === 'none' && !trained ? betaKinds[values.beta_schedule] : undefined
  return {
    count,
    products,
    sigmas,
    logSigmas: sigmas.map(log32),
    schedule: variancePreserving(
      plain && plain !== 'cosine'
        ? betas(plain, { start: values.beta_start, end: values.beta_end, count })
        : // The last of a finite terminal may have more signal than the one before it.
          products.map((product, t) => Math.max(1 - product / (t === 0 ? 1 : products[t - 1]!), Number.EPSILON)),
    ),
  }
}

function betasOf({ beta_schedule, beta_start, beta_end, num_train_timesteps: count, trained_betas }: TableValues) {
  if (trained_betas) return trained_betas.map(float32)
  if (beta_schedule === 'linear') return linspace32(beta_start, beta_end, count)
  if (beta_schedule === 'scaled_linear') {
    return linspace32(Math.sqrt(beta_start), Math.sqrt(beta_end), count).map((root) => float32(root ** 2))
  }
  const bar = (share: number) =>
    beta_schedule === 'exp' ? Math.exp(-12 * share) : Math.cos((((share + 0.008) / 1.008) * Math.PI) / 2) ** 2
  return Array.from({ length: count }, (_, t) => float32(Math.min(1 - bar((t + 1) / count) / bar(t / count), 0.999)))
}

/** ᾱ of betas; products are accumulated in float64 and kept in float32. */
function productsOf(table: readonly number[], zeroTerminal: ZeroTerminal): readonly number[] {
  const cumulative = (factors: readonly number[]) => {
    let product = 1
    return factors.map((factor) => {
      product *= factor
      return float32(product)
    })
  }
  const products = cumulative(table.map((value) => float32(1 - value)))
  if (zeroTerminal === 'none') return products
  // Lin et al. 2024, Algorithm 1: √ᾱ is shifted to end at 0 and scaled to start where it did.
  const roots = products.map((product) => float32(Math.sqrt(product)))
  const [first, last] = [roots[0]!, roots.at(-1)!]
  const scale = float32(first / float32(first - last))
  const squares = roots.map((root) => float32(float32(float32(root - last) * scale) ** 2))
  const factors = squares.map((square, t) => (t === 0 ? square : float32(square / squares[t - 1]!)))
  const rescaled = cumulative(factors.map((factor) => float32(1 - float32(1 - factor))))
  return zeroTerminal === 'finite' ? [...rescaled.slice(0, -1), smallest] : rescaled
}

/** The level of a noise-to-signal ratio, told `t`: alpha = 1/√(1 + s²), sigma = s·alpha. */
export function ratioLevel(t: number, ratio: number): NoiseLevel {
  const alpha = 1 / Math.sqrt(1 + ratio ** 2)
  return noiseLevel(t, alpha, ratio * alpha)
}

/** The noise-to-signal ratio of a time, fractions between the table's. */
export const ratioAt = ({ sigmas }: BetaTable, t: number): number => interpolated(sigmas, t)

/**
 * Refuses told times where several lie beyond the table: all of them have its last level, and steps between them have no length.
 * One such time is what diffusers makes of small tables, and has a level of its own.
 */
export function checkWithin({ count }: BetaTable, told: readonly number[]): void {
  if (told.filter((time) => time > count - 1).length > 1) throw beyondTable(count, Math.max(...told))
}

/** A time that the table does not have. */
export const beyondTable = (count: number, time: number): UndiffuseError =>
  expected(
    'bad-option',
    `times from 0 to ${count - 1}`,
    'the grid of `num_train_timesteps` and `steps_offset`',
    `${time}`,
    'Use fewer steps, or an offset within a step.',
  )

/** The time of a noise-to-signal ratio: even in its logarithm between the table's, at most its ends. */
export function timeOfRatio({ logSigmas }: BetaTable, ratio: number): number {
  const own = Math.log(Math.max(ratio, 1e-10))
  // As there: the first of the largest counts of entries below, and the last interval at most.
  let low = 0
  for (let t = 0; t < logSigmas.length; t++) if (own >= logSigmas[t]!) low = t
  low = Math.min(low, logSigmas.length - 2)
  if (low < 0) return 0
  const [below, above] = [logSigmas[low]!, logSigmas[low + 1]!]
  const share = Math.min(Math.max((below - own) / (below - above), 0), 1)
  return (1 - share) * low + share * (low + 1)
}
