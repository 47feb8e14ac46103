/** Rows of the table as numbers, as pictures side by side, and as a chart. */

import { plural } from '../../core/plural.js'
import { nmseDb } from '../../math/nmse.js'
import { subtract, type Tensor } from '../../math/tensor.js'
import { errorMap, round8 } from '../../pictures/pixels.js'
import type { ContactSheetCell, Host } from '../host.js'
import type { Leg } from '../inverting/legs.js'
import { schedulerSolver } from '../recipes/recipe.js'
import { noiseCell, shown } from '../reports/cells.js'
import { errorDecibels, percent } from '../reports/labels.js'
import { rootsNumbers, solvedNumbers } from '../reports/numbers.js'
import { type Compared, spacingOf } from './pairs.js'
import type { Comparison } from './walks.js'

/** Equal tensors have an error of −∞ dB, which no axis has. */
const leastDb = -320
/** What an inverter says of itself is believed where its noise makes the latent again, to this. */
const claimedDb = -40

function legReport(one: Leg | undefined, steps: number, noiseFile: string | undefined) {
  if (!one) return null
  const { inversion, again, seconds, noiseNmseDb, latentNmseDb } = one
  const { denoises, pullbacks } = inversion.evaluations
  const latentAgainNmseDb = Math.max(leastDb, nmseDb(again.latent, inversion.latent))
  return {
    evaluations: denoises + pullbacks,
    evaluationsPerStep: (denoises + pullbacks) / steps,
    seconds: seconds.inversion - seconds.decoder,
    noiseNmseDb: noiseNmseDb ?? null,
    latentNmseDb: latentNmseDb ?? null,
    exact: latentAgainNmseDb <= claimedDb ? inversion.noiseExact : ('no' as const),
    latentAgainNmseDb,
    outcome: inversion.outcome,
    remedy: inversion.remedy ?? null,
    ...solvedNumbers(inversion),
    roots: rootsNumbers(inversion),
    equalValuesShare: again.match.equalValues ?? 0,
    psnrDb: again.match.psnrDb ?? 0,
    noiseFile: noiseFile ?? null,
  }
}

/** The solver that was walked, by its own name: `flow-euler` of `scheduler`. Null of rows that were not. */
const walkedBy = ({ legs }: Pick<Compared, 'legs'>): string | null =>
  (legs?.latent ?? legs?.picture)?.inversion.solver ?? null

/** `scheduler (flow-euler, 30 steps)`: a scheduler's name alone tells neither. */
export const walkedSolver = (solver: string, solverName: string | null, steps: number): string =>
  !solver.startsWith(schedulerSolver) || solverName === null
    ? solver
    : `${solver} (${solverName}, ${plural(steps, 'step')})`

export function rowReport({ pair, refusal, standsIn, steps = 0, legs, noiseFiles }: Compared) {
  return {
    solver: pair.solver,
    solverName: walkedBy(legs ? { legs } : {}),
    spacing: spacingOf(pair.solver),
    inverter: pair.inverter.text,
    steps,
    refusal: refusal ?? null,
    standsIn: standsIn ?? false,
    fromLatent: legReport(legs?.latent, steps, noiseFiles?.latent),
    fromPicture: legReport(legs?.picture, steps, noiseFiles?.picture),
  }
}

export type ComparisonRow = ReturnType<typeof rowReport>

/** The largest power of two by which the largest of these errors still fits into a picture; undefined where there is none. */
export function gainFor(a: Tensor, b: Tensor): number | undefined {
  const largest = subtract(a, b).data.reduce((most, one) => Math.max(most, Math.abs(one)), 0)
  return largest === 0 ? undefined : 2 ** Math.max(0, Math.floor(Math.log2(2 / largest)))
}

/** What came back given the latent or the picture, where that differs from the solver's picture, and how far the noise is. */
function cellsOf({ pair, legs, image, steps = 0 }: Compared): readonly ContactSheetCell[] {
  return (['latent', 'picture'] as const).flatMap((given) => {
    const one = legs?.[given]
    if (!one || !image) return []
    const share = percent(one.again.match.equalValues ?? 0)
    const error = one.noiseNmseDb === undefined ? 'unknown' : errorDecibels(one.noiseNmseDb)
    const name = `${pair.inverter.text}\n${walkedSolver(pair.solver, one.inversion.solver, steps)}`
    const again = round8(one.again.image)
    const gain = gainFor(again, image)
    const label = gain === undefined ? 'no error in 8 bits' : `its error × ${gain}`
    return [
      { image: one.again.image, label: `${name}\ngiven the ${given}, noise error ${error}` },
      { image: errorMap(again, image, gain), label: `${label}\n${share} of values equal` },
    ]
  })
}

/** The picture of each solver, at most as many as there is room for beside the noise; then the rows. */
export function sheetOf({ noise, rows }: Comparison, title: string, host: Host): Promise<Uint8Array> {
  const walked = rows.filter(({ legs }) => legs !== undefined)
  const begun = walked.filter(({ image }, i) => image && image !== walked[i - 1]?.image).slice(0, mostPictures)
  const first = [
    // A picture file may be made otherwise than rows go back.
    ...begun.map(({ image, pair, legs }) => ({
      image: image!,
      label: legs?.latent || begun.length > 1 ? `picture\n${pair.solver}` : 'picture',
    })),
    ...(noise ? [noiseCell(noise, begun.length > 1 ? 'their noise' : 'its noise')] : []),
  ]
  const some = shown(walked, mostRows)
  const counted = some.length < walked.length ? `${title}: ${some.length} of ${walked.length} rows` : title
  return host.pictures.sheet([first, ...some.map(cellsOf)], { title: counted, cellSize: 256 })
}

const mostPictures = 3
/** All that anybody compares; a sheet of more says that rows are left out. */
const mostRows = 32
/** In a chart: what is found to rounding would press all else together. */
const chartFloorDb = -150

/** `ddim` of `ddim:steps=20`: a solver's text without what those of the same name share, to tell it from the others. */
export function shortNames(solvers: readonly string[]): readonly string[] {
  const parts = solvers.map((text) => {
    const [id = '', options = ''] = text.split(/:(.*)/s)
    return { id, options: options.split(',').filter((option) => option !== '') }
  })
  return parts.map(({ id, options }) => {
    const alike = parts.filter((one) => one.id === id)
    const own = options.filter((option) => !alike.every((one) => one.options.includes(option)))
    return own.length > 0 ? `${id}:${own.join(',')}` : id
  })
}

/** Points with names beside them, at most: the labels of more are numbers, which the subtitle explains. */
const mostNamed = 10

/** Error against cost, a series for each solver and what was given; undefined where no noise is known. */
export async function chartOf(
  rows: readonly ComparisonRow[],
  subject: string,
  { pictures }: Host,
): Promise<string | undefined> {
  const solvers = [...new Set(rows.map(({ solver }) => solver))]
  const names = shortNames(solvers)
  const series = solvers.flatMap((solver, i) =>
    (['fromLatent', 'fromPicture'] as const).map((from) => {
      const points = rows.flatMap((row) => {
        const one = row.solver === solver ? row[from] : null
        if (one === null || one.noiseNmseDb === null || one.evaluations === 0) return []
        return [{ x: one.evaluations, y: Math.max(chartFloorDb, one.noiseNmseDb), label: row.inverter }]
      })
      const hasMemory = rows.some((row) => row.solver === solver && row[from]?.exact === 'given-memory')
      const given = `given the ${from === 'fromPicture' ? 'picture' : hasMemory ? 'latent and its memory' : 'latent'}`
      return { name: solvers.length === 1 ? given : `${names[i]}, ${given}`, hollow: from === 'fromPicture', points }
    }),
  )
  const drawn = series.flatMap(({ points }) => points)
  if (drawn.length === 0) return undefined
  const named = [...new Set(drawn.map(({ label }) => label))]
  const isCrowded = drawn.length > mostNamed && named.length > 1
  const numberOf = (label: string) => `${named.indexOf(label) + 1}`
  const key = isCrowded ? `. ${named.map((label) => `${numberOf(label)}:\u00a0${label}`).join('; ')}` : ''
  const lowest = drawn.some(({ y }) => y === chartFloorDb) ? `. Errors below ${chartFloorDb} dB are drawn there.` : ''
  return await pictures.chart({
    title: 'Error of the noise against cost',
    subtitle: `${subject}, ${solvers.join('; ')}${key}${lowest}`,
    x: { title: 'Evaluations of the network', log: true },
    y: { title: 'Noise error (NMSE) in dB, lower is better' },
    series: isCrowded
      ? series.map((one) => ({
          ...one,
          points: one.points.map((point) => ({ ...point, label: numberOf(point.label) })),
        }))
      : series,
  })
}
