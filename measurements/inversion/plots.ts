/** Charts of an inversion benchmark: the error of the noise as a heat map, and against evaluations. */
import { heatMap, type PlotSeries, scatterPlot } from 'undiffuse/node'
import type { InversionBenchResult, InversionMeasures, InversionRow } from './inversion.js'

type MeasuredRow = InversionRow & { readonly measures: InversionMeasures }

const isMeasured = (row: InversionRow): row is MeasuredRow => row.measures !== undefined

/** Who inverts what, in one line. */
const methodOf = ({ solver, inverter, source, decoder, precisionBits }: InversionRow): string =>
  [
    solver,
    inverter,
    ...(precisionBits === undefined ? [] : [`${precisionBits} bits`]),
    ...(source === 'latent' ? [] : [decoder ?? `given ${source}`]),
  ].join(', ')

/** Beyond these an error is as good as none, or all that there was. */
const shownDb = [-140, 0] as const

/**
 * A heat map as SVG: a row for each method, a column for each guidance, a panel for each number of steps, colour for the
 * NMSE of the noise. Undefined where nothing was measured.
 */
export async function inversionHeatMap({ rows, model }: InversionBenchResult): Promise<string | undefined> {
  const measured = rows.filter(isMeasured)
  if (measured.length === 0) return undefined
  return await heatMap({
    title: `NMSE of the noise, ${model}`,
    x: 'Guidance',
    y: 'Solver, inverter',
    value: { title: 'dB', least: shownDb[0], greatest: shownDb[1] },
    cells: measured.map((row) => ({
      panel: `${row.steps} steps`,
      x: `${row.guidance}`,
      y: methodOf(row),
      value: row.measures.noiseNmseDb.mean,
    })),
  })
}

/** The NMSE of the noise over evaluations for one step as SVG: a series for each method, its points the guidances. */
export async function inversionPlot({ rows, model }: InversionBenchResult): Promise<string | undefined> {
  const measured = rows.filter(isMeasured)
  if (measured.length === 0) return undefined
  const series: PlotSeries[] = [...new Set(measured.map(methodOf))].map((name) => ({
    name,
    points: measured
      .filter((row) => methodOf(row) === name)
      .map(({ measures, guidance, steps }) => ({
        x: measures.evaluationsPerStep,
        y: measures.noiseNmseDb.mean,
        label: `w ${guidance}, ${steps}`,
      })),
  }))
  return await scatterPlot({
    title: `Error of the noise against evaluations, ${model} (w: guidance, then steps)`,
    x: { title: 'Evaluations of the guided network for one step', log: true },
    y: { title: 'NMSE of the noise (dB)' },
    series,
  })
}
