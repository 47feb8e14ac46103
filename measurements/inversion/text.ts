/** The inversion benchmark in words: a table with a row for each case. */
import type { Outcome } from 'undiffuse'
import { decimal, textTable } from '../shared/text-table.js'
import { equalDb, type InversionBenchResult, type InversionRow } from './inversion.js'

const outcomesText = (outcomes: Readonly<Record<Outcome, number>>): string =>
  Object.entries(outcomes)
    .filter(([, count]) => count > 0)
    .map(([outcome, count]) => `${count} ${outcome}`)
    .join(', ')

interface Column {
  readonly heading: string
  of(row: InversionRow): string
}

const columns: readonly Column[] = [
  { heading: 'solver', of: ({ solver }) => solver },
  { heading: 'steps', of: ({ steps }) => `${steps}` },
  { heading: 'guidance', of: ({ guidance }) => `${guidance}` },
  { heading: 'given', of: ({ source }) => source },
  { heading: 'decoder', of: ({ decoder }) => decoder ?? '–' },
  { heading: 'bits', of: ({ precisionBits }) => (precisionBits === undefined ? '–' : `${precisionBits}`) },
  { heading: 'inverter', of: ({ inverter }) => inverter },
  { heading: 'latent dB', of: ({ measures }) => decimal(measures?.latentNmseDb?.mean, 1) },
  { heading: 'noise dB', of: ({ measures }) => decimal(measures?.noiseNmseDb.mean, 1) },
  { heading: 'worst', of: ({ measures }) => decimal(measures?.noiseNmseDb.worst, 1) },
  { heading: 'image dB', of: ({ measures }) => imageText(measures?.imageNmseDb?.worst) },
  { heading: 'equal %', of: ({ measures }) => decimal(percent(measures?.equalValuesShare), 2) },
  { heading: 'evaluations/step', of: ({ measures }) => decimal(measures?.evaluationsPerStep, 2) },
  { heading: 'seconds', of: ({ measures }) => decimal(measures?.secondsPerPicture, 2) },
  {
    heading: 'steps by outcome',
    of: ({ measures, failure }) => (measures ? outcomesText(measures.outcomes) : failure!),
  },
]

/** 8-bit pictures may well be equal, and then have no decibels to average: the worst is told. */
const imageText = (worst: number | undefined): string => (worst === equalDb ? 'equal' : decimal(worst, 1))

const percent = (share: number | undefined): number | undefined => (share === undefined ? undefined : 100 * share)

/** The result as a table; columns that would be empty are left out. */
export function inversionText(result: InversionBenchResult): string {
  const { title, model, precisionBits, prompts, chunk, rows } = result
  const shown = columns.filter(({ of }) => rows.some((row) => of(row) !== '–'))
  return [
    title,
    `${model} in ${precisionBits} bits, ${prompts} prompts, ${chunk} at a time; NMSE of the noise (mean, worst), the latent and the 8-bit picture (worst); evaluations of the guided network`,
    '',
    textTable(
      shown.map(({ heading }) => heading),
      rows.map((row) => shown.map(({ of }) => of(row))),
    ),
  ].join('\n')
}
