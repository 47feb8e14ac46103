/** `undiffuse compare`: several inverters and solvers on one picture, in one table. */
import {
  type ComparisonReport,
  type ComparisonRow,
  compareOperation,
  errorDecibels,
  percent,
  promptText,
} from 'undiffuse/operations'
import type { OperationCommand } from '../operation-command.js'
import { costLines, wroteLines } from '../words.js'

const details = `
A prompt is made into a picture first, once for each solver, so that its noise is known. Each inverter then goes back to the
noise twice: from the exact latent, and from the 8-bit picture alone. From the noise that was found the picture is made again.
Of a picture file nobody knows the noise: only the pixels that come back are told.

The columns are evaluations of the network, evaluations for each step, seconds, what the noise is exact given, how many steps
were undone, and their largest residual. They are those from the latent, or from a picture file. With guidance the network is
asked twice, and both are counted: \`naive\` has 2.0 a step. Then come the error of the noise in dB and the share of 8-bit
values that come back, from the latent and from the picture. "Exact" is to the tolerance of the inverter: where a loose one
stops early, the noise error says more.

An inverter that does not take a solver is told with its reason. A row of \`automatic\` is added then: it shows that solver undone.

With \`--output\` the noise of every row goes to a folder, a file each, for \`undiffuse generate --noise\`. With \`--report\` the table, a chart of error against cost and a sheet of pictures go to a folder.`

const examples = [
  'compare "a large red ball at the top, on blue stripes"',
  'compare "a small green star at the top" --inverters naive implicit --solvers ddim bdia --report out',
  'compare photo.png --inverters naive implicit --steps 20 --json',
] as const

const heads = [
  'solver',
  'inverter',
  'evaluations',
  'a step',
  'seconds',
  'exact',
  'solved',
  'residual',
  'noise, latent',
  'pixels, latent',
  'noise, picture',
  'pixels, picture',
]

function cellsOf({ solver, inverter, steps, fromLatent, fromPicture }: ComparisonRow): readonly string[] {
  const cost = fromLatent ?? fromPicture
  const error = (leg: ComparisonRow['fromLatent']) =>
    leg === null || leg.noiseNmseDb === null ? '–' : errorDecibels(leg.noiseNmseDb)
  const pixels = (leg: ComparisonRow['fromLatent']) => (leg === null ? '–' : percent(leg.equalValuesShare))
  return [
    solver,
    inverter,
    cost ? `${cost.evaluations}` : '–',
    cost ? cost.evaluationsPerStep.toFixed(1) : '–',
    cost ? cost.seconds.toFixed(1) : '–',
    cost ? cost.exact : '–',
    cost ? `${cost.convergedSteps}/${steps}` : '–',
    cost && Number.isFinite(cost.largestResidual) ? cost.largestResidual.toExponential(1) : '–',
    error(fromLatent),
    pixels(fromLatent),
    error(fromPicture),
    pixels(fromPicture),
  ]
}

/** Whether another noise may lead to the same latent, as far as the inversion says. */
const rootsLine = (roots: string | null | undefined, row: string): readonly string[] =>
  roots
    ? [
        `  roots of ${row}: ${roots}${mayBeAnother.includes(roots) ? ', another noise may lead to the same latent' : ''}`,
      ]
    : []

const mayBeAnother = ['several roots', 'not tried']

function words(report: ComparisonReport): readonly string[] {
  const { model, picture, prompt, seed, guidance, rows, decoder } = report
  const walked = [heads, ...rows.filter(({ refusal }) => refusal === null).map(cellsOf)]
  const widths = heads.map((_, i) => Math.max(...walked.map((cells) => cells[i]!.length)))
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => (i < 2 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ')
  return [
    picture === null ? `${promptText(prompt)}, seed ${seed}` : `${picture}, ${promptText(prompt)}`,
    `  by           ${model}, guidance ${guidance}, decoder inversion by ${decoder}`,
    '',
    ...walked.map((cells) => `  ${line(cells)}`),
    ...rows.flatMap(({ solver, inverter, refusal, standsIn, fromLatent, fromPicture }) => [
      ...rootsLine((fromLatent ?? fromPicture)?.roots, `${inverter} on ${solver}`),
      ...(refusal === null ? [] : [`  ${inverter} does not take ${solver}: ${refusal}`]),
      ...(standsIn && refusal === null ? [`  ${inverter} was added for ${solver}, to show it undone.`] : []),
    ]),
    '',
    ...costLines(report),
    ...wroteLines({ ...report.outputs }),
  ]
}

export const command: OperationCommand<typeof compareOperation.fields, ComparisonReport> = {
  operation: compareOperation,
  details,
  examples,
  words,
}
