/** The rates of single keys in words. */
import { textTable } from '../shared/text-table.js'
import type { KeySpread, KeysResult, KeysRow } from './keys.js'

const percent = (share: number): string => `${Number((100 * share).toPrecision(3))} %`

const tail = ({ ninetyNinth, worst }: KeySpread): string => `${percent(ninetyNinth)}, ${percent(worst)}`

const cells = ({ scheme, nominalRate, drawn, drawnOnHalf, kept }: KeysRow): string[] => [
  scheme,
  percent(nominalRate),
  `${drawn.keys}`,
  percent(drawn.mean),
  `${percent(drawn.deviation)} (${percent(drawn.binomialDeviation)})`,
  tail(drawn),
  kept ? `1 of ${Number((drawn.keys / kept.keys).toPrecision(3))}` : 'none',
  percent(drawnOnHalf.mean),
  tail(drawnOnHalf),
  kept ? percent(kept.mean) : '–',
  kept ? tail(kept) : '–',
]

/** A row for each scheme and rate: all keys in all pictures, then all and those that were kept in the half that did not choose. */
export function keysText({ model, pictures, rows, solver, decoder, inverter }: KeysResult): string {
  return [
    'Unmarked pictures that single keys find',
    `${pictures} unmarked pictures of ${model}'s size, half of them generated, half rendered; ${decoder}, ${inverter}, ${solver}, no prompt`,
    'in brackets the binomial deviation; kept: keys that keep their rates in the pictures of even number, measured in the others',
    '',
    textTable(
      [
        'scheme',
        'rate',
        'keys',
        'mean',
        'deviation',
        '99 % key, worst',
        'kept',
        'others: mean',
        '99 % key, worst',
        'kept: mean',
        '99 % key, worst',
      ],
      rows.map(cells),
    ),
  ].join('\n')
}
