/** Latents, noise and errors as pictures for people, and the rows of sheets that are made of them. */
import { map, norm, type Tensor } from '../../math/tensor.js'
import type { Fitted } from '../../pictures/fit.js'
import { filmstrip } from '../../pictures/frames.js'
import { errorMap } from '../../pictures/pixels.js'
import { planesOf } from '../../pictures/planes.js'
import type { NoiseInversion } from '../../verbs/invert.js'
import type { LatentInversion } from '../../verbs/invert-decoder.js'
import type { ContactSheetCell, HostPictures } from '../host.js'
import { decibels } from './labels.js'
import { momentsOf } from './numbers.js'

export const errorGain = 8
const mostRows = 8

/** Most entries of a normal distribution lie within as many deviations. */
const shownDeviations = 2.5

/**
 * Channels × … × height × width → 3 × height × width in [−1, 1], the deviation scaled to a fixed share of the range; with
 * `like`, as that tensor is scaled. Of a clip it is the first frame.
 */
export function tensorPicture(x: Tensor, like = x): Tensor {
  const channels = x.shape[0]!
  const { height, width } = planesOf(x.shape)
  const area = height * width
  const each = x.data.length / channels
  const scale = shownDeviations * (norm(like) / Math.sqrt(like.data.length) || 1)
  const data = new Float64Array(3 * area)
  for (let colour = 0; colour < 3; colour++) {
    const channel = Math.min(colour, channels - 1)
    data.set(x.data.subarray(channel * each, channel * each + area), colour * area)
  }
  return map({ shape: [3, height, width], data }, (value) => Math.min(Math.max(value / scale, -1), 1))
}

/** More rows than these make a sheet that nobody looks at: they are shown evenly spaced. */
export function shown<T>(rows: readonly T[], most = mostRows): readonly T[] {
  if (rows.length <= most) return rows
  const spacing = (rows.length - 1) / (most - 1)
  return Array.from({ length: most }, (_, i) => rows[Math.round(i * spacing)]!)
}

/** Cells in rows of at most so many, or of one less where the last row is then fuller. */
export function inRows<T>(cells: readonly T[], most: number): readonly (readonly T[])[] {
  const missing = (columns: number) => Math.ceil(cells.length / columns) * columns - cells.length
  const columns = cells.length > most && missing(most - 1) < missing(most) ? most - 1 : most
  return Array.from({ length: Math.ceil(cells.length / columns) }, (_, i) =>
    cells.slice(i * columns, (i + 1) * columns),
  )
}

/** The picture, what comes back of it by the encoder alone and inverted, and where both differ from it. */
export function latentCells(
  name: string,
  { restore, image }: Fitted,
  { picture, encodedPicture, psnrBeforeDb, psnrAfterDb }: LatentInversion,
): readonly ContactSheetCell[] {
  const shown = (picture: Tensor) => filmstrip(restore(picture))
  return [
    { image: shown(image), label: name },
    { image: shown(encodedPicture), label: `encoder alone\n${decibels(psnrBeforeDb)}` },
    { image: shown(picture), label: `inverted\n${decibels(psnrAfterDb)}` },
    { image: shown(errorMap(encodedPicture, image, errorGain)), label: `error, encoder alone\n× ${errorGain}` },
    { image: shown(errorMap(picture, image, errorGain)), label: `error, inverted\n× ${errorGain}` },
  ]
}

/** The noise as colours, with its moments. */
export function noiseCell(noise: Tensor, label: string): ContactSheetCell {
  const { mean: centre, deviation } = momentsOf(noise)
  return {
    image: tensorPicture(noise),
    label: `${label}\nmean ${centre.toFixed(2)}, deviation ${deviation.toFixed(2)}`,
  }
}

/** The residual of each step against what the network is told; undefined where none is known and above 0. */
export async function residualChart(
  named: readonly { readonly name: string; readonly inversion: NoiseInversion }[],
  { chart }: Pick<HostPictures, 'chart'>,
): Promise<string | undefined> {
  const series = shown(named).map(({ name, inversion: { steps } }) => ({
    name,
    line: true,
    points: steps.flatMap(({ fromTime, residual }) =>
      residual > 0 && Number.isFinite(residual) ? [{ x: fromTime, y: residual }] : [],
    ),
  }))
  if (series.every(({ points }) => points.length === 0)) return undefined
  return await chart({
    title: 'Residual of each step',
    x: { title: 'Time that the network is told: the noisiest is on the right' },
    y: { title: 'Residual, share of the noise', log: true },
    series,
  })
}
