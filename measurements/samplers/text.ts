/** The sampler benchmark in words and charts. */
import { type PlotSeries, scatterPlot } from 'undiffuse/node'
import { decimal, textTable } from '../shared/text-table.js'
import type { SampledScenes } from './sampled-scenes.js'
import { gammas, type SamplersResult } from './samplers.js'

/** Distances as a table, a column for each number of steps, with the observed orders. */
export function samplersText(result: SamplersResult): string {
  const { model, guidance, prompts, grid, reference, rows, orders } = result
  const steps = [...new Set(rows.map((row) => row.steps))]
  const solvers = [...new Set(rows.map((row) => row.solver))]
  const lines = solvers.map((solver) => {
    const own = rows.filter((row) => row.solver === solver)
    const found = orders.find((order) => order.solver === solver)
    const distances = steps.map((number) => decimal(own.find((row) => row.steps === number)?.nmseDb, 1))
    const order = found ? [decimal(found.order, 2), `${found.steps.join(', ')}`] : ['–', '–']
    return [solver, decimal(own[0]!.evaluations / own[0]!.steps, 1), ...distances, ...order]
  })
  return [
    `${model}, guidance ${guidance}, ${prompts} prompts: distance of the latent from ${reference.solver} with ${reference.steps} steps, NMSE in dB`,
    `Grids: ${grid}. The reference is ${decimal(reference.nmseDb, 1)} dB from itself with half the steps. BDIA with gamma 0 is DDIM.`,
    '',
    textTable(
      ['solver', 'evaluations/step', ...steps.map((number) => `${number} steps`), 'order', 'fitted over steps'],
      lines,
    ),
  ].join('\n')
}

/** Fréchet distances as a table, and each difference in a sentence. */
export function scenesText({
  against,
  guidance,
  count,
  referenceCount,
  floor,
  rows,
  differences,
}: SampledScenes): string {
  const table = textTable(
    ['solver', 'steps', 'evaluations', 'Fréchet', 'shape and colour %'],
    rows.map((row) => [
      row.solver,
      `${row.steps}`,
      decimal(row.evaluations, 0),
      decimal(row.frechet, 3),
      decimal(100 * row.shapeAndColour.share, 1),
    ]),
  )
  return [
    `Fréchet distance of ${count} generated scenes from ${referenceCount} rendered ones, guidance ${guidance}, features of the scene reader; ${count} other rendered scenes: ${decimal(floor, 3)}`,
    '',
    table,
    '',
    ...differences.map(
      ({ solver, steps, difference, low, high }) =>
        `${solver} against ${against}, ${steps} steps: ${signed(difference)}, 95 % of resamples ${signed(low)} … ${signed(high)}: ${verdict(low, high)}`,
    ),
  ].join('\n')
}

const signed = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}`
const verdict = (low: number, high: number): string =>
  high < 0 ? 'nearer' : low > 0 ? 'farther' : 'no difference shown'

/** Distance over evaluations as SVG: all solvers but the sweep of gamma, or that sweep and DDIM. */
export async function samplersPlot(result: SamplersResult, what: 'solvers' | 'gamma'): Promise<string | undefined> {
  const isGamma = (solver: string) => gammas.includes(solver)
  const shown = result.rows.filter(({ solver }) =>
    what === 'gamma' ? isGamma(solver) || solver === 'ddim' : !isGamma(solver),
  )
  if (shown.length === 0) return undefined
  const series: PlotSeries[] = [...new Set(shown.map(({ solver }) => solver))].map((name) => ({
    name,
    line: true,
    points: shown
      .filter(({ solver }) => solver === name)
      .map(({ evaluations, nmseDb }) => ({ x: evaluations, y: nmseDb })),
  }))
  const { model, guidance, reference } = result
  return await scatterPlot({
    title: `Distance from the ${reference.steps}-step solution, ${model}, guidance ${guidance}`,
    x: { title: 'Evaluations of the guided network', log: true },
    y: { title: 'NMSE of the latent (dB)' },
    series,
  })
}

/** Fréchet distance over steps as SVG, with the floor. */
export async function scenesPlot({ rows, floor, guidance, count }: SampledScenes): Promise<string> {
  const steps = rows.map((row) => row.steps)
  const series: PlotSeries[] = [...new Set(rows.map(({ solver }) => solver))].map((name) => ({
    name,
    line: true,
    points: rows.filter(({ solver }) => solver === name).map((row) => ({ x: row.steps, y: row.frechet })),
  }))
  const ends = [Math.min(...steps), Math.max(...steps)]
  return await scatterPlot({
    title: `Fréchet distance from rendered scenes, ${count} each, guidance ${guidance}`,
    x: { title: 'Steps', log: true },
    y: { title: 'Fréchet distance, features of the scene reader' },
    series: [...series, { name: 'other rendered scenes', line: true, points: ends.map((x) => ({ x, y: floor })) }],
  })
}
