/** Charts of a decoder benchmark: error against seconds, memory and evaluations, with the frontier of each. */
import { type PlotAxis, type PlotSeries, scatterPlot } from 'undiffuse/node'
import type { DecoderBenchResult } from './decoder.js'
import { frontier } from './frontier.js'
import type { Row } from './sweep.js'

const costs = {
  seconds: { axis: { title: 'Seconds for one picture (median)', log: true }, of: (row: Row) => row.seconds },
  memory: {
    axis: { title: 'Peak memory of the process (MiB)' },
    of: (row: Row) => row.peakMemoryBytes / 2 ** 20,
  },
  evaluations: {
    axis: { title: 'Evaluations: round trips or pullbacks', log: true },
    of: (row: Row) => row.evaluations,
  },
} as const satisfies Readonly<Record<string, { readonly axis: PlotAxis; of(row: Row): number }>>

export type Cost = keyof typeof costs

const nameOf = ({ method, precisionBits }: Row) => `${method}, ${precisionBits} bit`

/**
 * The chart of NMSE against a cost as an SVG: a series for each method and precision, one point for each budget, error
 * bars of 95 %, and the frontier as a line. Rows without an error (all runs failed) or without a cost are left out.
 */
export async function decoderPlot(result: DecoderBenchResult, cost: Cost): Promise<string> {
  const { axis, of } = costs[cost]
  const points = result.rows
    .filter((row) => Number.isFinite(row.nmseDb.mean) && of(row) > 0)
    .map((row) => {
      const { mean, halfWidth } = row.nmseDb
      const bar = Number.isFinite(halfWidth) ? { low: mean - halfWidth, high: mean + halfWidth } : {}
      return { name: nameOf(row), x: of(row), y: mean, cost: of(row), error: mean, ...bar }
    })
  const best = frontier(points)
  const series: PlotSeries[] = [
    { name: 'frontier', line: true, points: best.map(({ x, y }) => ({ x, y })) },
    ...[...new Set(points.map(({ name }) => name))].map((name) => ({
      name,
      points: points.filter((point) => point.name === name).map(({ name: _, cost: __, error: ___, ...point }) => point),
    })),
  ]
  return await scatterPlot({
    title: `Error of the latent against ${cost === 'memory' ? 'peak memory' : cost}, ${result.model}`,
    x: axis,
    y: { title: 'NMSE of the latent (dB)' },
    series,
  })
}

export const plottedCosts = Object.keys(costs) as readonly Cost[]
