/** Noise levels between two, as schedulers space them: Karras and colleagues', even in the logarithm, of a beta distribution. */
import { expected } from '../../../core/errors.js'
import { inverseIncompleteBeta } from '../../../math/special.js'
import type { ConfigReader } from '../../../nn/parameters.js'
import { boolean, number, optional, refusedValue } from './fields.js'
import { linspace } from './reference-arithmetic.js'

const ratios = { minimum: 1e-6, maximum: 1e6 }

/** At most one of the three; where their ends are stated, not those of the table. */
export const spacedFields = {
  use_karras_sigmas: boolean(false),
  use_exponential_sigmas: boolean(false),
  use_beta_sigmas: boolean(false),
  sigma_min: optional(number(0, ratios)),
  sigma_max: optional(number(0, ratios)),
} as const

export interface SpacedValues {
  readonly use_karras_sigmas: boolean
  readonly use_exponential_sigmas: boolean
  readonly use_beta_sigmas: boolean
  readonly sigma_min: number | undefined
  readonly sigma_max: number | undefined
}

export type SpacedKind = 'karras' | 'exponential' | 'beta'

/** Which of them is asked for; throws `bad-model` for more than one, as the classes do. */
export function spacedKind(values: SpacedValues, config: ConfigReader): SpacedKind | undefined {
  const kinds = (['karras', 'exponential', 'beta'] as const).filter((kind) => values[`use_${kind}_sigmas`])
  if (kinds.length > 1) {
    throw refusedValue(config, `use_${kinds[1]!}_sigmas`, 'at most one kind of sigmas', true, 'Keep one of them.')
  }
  return kinds[0]
}

/** `count` levels from the first to the last of `ends`, or between the stated ones. Throws `unsupported` for levels that rise. */
export function spacedSigmas(
  kind: SpacedKind,
  [first, last]: readonly [first: number, last: number],
  count: number,
  { sigma_min, sigma_max }: Pick<SpacedValues, 'sigma_min' | 'sigma_max'>,
): number[] {
  const [from, to] = [sigma_max ?? first, sigma_min ?? last]
  if (count > 1 && (sigma_max !== undefined || sigma_min !== undefined) && !(from > to)) {
    const remedy = 'Use the configuration that the model was published with.'
    throw expected(
      'unsupported',
      'noise that falls',
      '`sigma_min` and `sigma_max`',
      `${from} at first, ${to} at last`,
      remedy,
    )
  }
  return spacings[kind](from, to, count)
}

const spacings: Record<SpacedKind, (from: number, to: number, count: number) => number[]> = {
  karras(from, to, count) {
    const rho = 7
    const [start, end] = [from ** (1 / rho), to ** (1 / rho)]
    return linspace(0, 1, count).map((share) => (start + share * (end - start)) ** rho)
  },
  exponential: (from, to, count) => linspace(Math.log(from), Math.log(to), count).map(Math.exp),
  beta: (from, to, count) =>
    linspace(0, 1, count).map((share) => to + inverseIncompleteBeta(1 - share, 0.6, 0.6) * (from - to)),
}
