/** The floor benchmark in words: a table for each guidance, a row for each prompt, means below. */
import { mean } from 'undiffuse'
import { decimal, textTable } from '../shared/text-table.js'
import type { FloorBenchResult, FloorRow } from './floor.js'

/** The floor and its interval: `−33.2 (−33.5 … −32.9)`. */
const floorOf = ({ floor: { nmseDb, lowDb, highDb } }: FloorRow): string =>
  lowDb === undefined ? decimal(nmseDb, 1) : `${decimal(nmseDb, 1)} (${decimal(lowDb, 1)} to ${decimal(highDb, 1)})`

function tableOf({ finders }: FloorBenchResult, rows: readonly FloorRow[]): string {
  const column = (of: (row: FloorRow) => number) => mean(rows.map(of))
  const floor = column((row) => row.floor.nmseDb)
  const means = finders.map((_, k) => column(({ found }) => found[k]!.noiseNmseDb))
  return textTable(
    ['noise NMSE dB', 'floor', ...finders.map(({ name }) => name)],
    [
      ...rows.map((row) => [row.prompt, floorOf(row), ...row.found.map(({ noiseNmseDb }) => decimal(noiseNmseDb, 1))]),
      ['mean', decimal(floor, 1), ...means.map((value) => decimal(value, 1))],
      ['above the floor', '', ...means.map((value) => decimal(value - floor, 1))],
      [
        'latent, mean',
        '',
        ...finders.map((_, k) =>
          decimal(
            column(({ found }) => found[k]!.latentNmseDb),
            1,
          ),
        ),
      ],
      [
        'evaluations',
        decimal(
          column(({ floor }) => floor.networkEvaluations),
          0,
        ),
        ...finders.map((_, k) =>
          decimal(
            column(({ found }) => found[k]!.networkEvaluations),
            0,
          ),
        ),
      ],
      [
        'seconds',
        decimal(
          column(({ floor }) => floor.seconds),
          0,
        ),
        ...finders.map((_, k) =>
          decimal(
            column(({ found }) => found[k]!.seconds),
            0,
          ),
        ),
      ],
    ],
  )
}

/** Each guidance under a heading of its own. */
export function floorText(result: FloorBenchResult): string {
  const { model, solver, steps, probes, rows } = result
  const guidances = [...new Set(rows.map(({ guidance }) => guidance))]
  const how = probes === 'whole' ? 'the whole Jacobian' : `${probes} probes`
  return [
    `${model}: noise from the 8-bit picture, ${solver} with ${steps} steps; the floor by ${how}`,
    ...guidances.map(
      (guidance) =>
        `\nguidance ${guidance}\n${tableOf(
          result,
          rows.filter((row) => row.guidance === guidance),
        )}`,
    ),
  ].join('\n')
}
