/** The null benchmark in words. */
import { textTable } from '../shared/text-table.js'
import type { FalsePositives, NullResult, NullRow } from './null.js'

const percent = (share: number): string => `${Number((100 * share).toPrecision(3))} %`

const cell = ({ found, rate, low, high, isWithin }: FalsePositives): string =>
  `${percent(rate)} (${found}, ${low}…${high})${isWithin ? '' : ' !'}`

const uniform = ({ uniformPValue }: NullRow): string =>
  uniformPValue === undefined ? '–' : uniformPValue < 0.001 ? uniformPValue.toExponential(0) : uniformPValue.toFixed(3)

/** A row for each scheme, world and way to a p-value; rates with counts and the interval that holds 99 of 100. */
export function nullText({ model, noises, pictures, keys, rows, ...recovery }: NullResult): string {
  const { solver, decoder, inverter } = recovery
  return [
    'False positives where there is no mark',
    `${noises} white noises; ${pictures} unmarked pictures of ${model}'s size, half of them generated, half rendered`,
    `pictures: exact p-values under ${keys} keys each, others under one; calibrated: each half by the other`,
    `${decoder}, ${inverter}, ${solver}, no prompt; count and 99 % interval in brackets; ! outside of it`,
    'p-values of counts take few values: their interval is that of the largest one up to the rate',
    '',
    textTable(
      ['scheme', 'world', 'p-values', 'at 5 %', 'at 1 %', 'at 0.1 %', 'uniform (KS)'],
      rows.map((row) => [row.scheme, row.world, row.pValues, ...row.falsePositives.map(cell), uniform(row)]),
    ),
  ].join('\n')
}
