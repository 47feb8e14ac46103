/**
 * Detections for people who would rather look than read: of each picture a row, with what its latent decodes to, the noise
 * that was recovered, and what the mark's statistic reads there.
 *
 * Of the key there is the rim of its mask, which follows from the scheme's options, and what the report says: verdict,
 * p-value, id. All else is the same whatever the key. The noise of a marked picture holds its mark, as the picture does:
 * a sheet tells no more than the picture and the prompt, and of a noise file no more than the file.
 *
 * A map of the signs that agree with a message is not drawn, although people would like to see it. Beside the noise's own
 * signs it is the signs that the key writes: of Gaussian Shading they are the same in every picture of a message, and who
 * has them can forge and remove the mark; of PRC they are a codeword, and enough of those are the code. That holds for
 * unmarked pictures too, so that whoever may ask could choose what to learn.
 */
import { type Tensor, zeros } from '../../math/tensor.js'
import { filmstrip } from '../../pictures/frames.js'
import { resize } from '../../pictures/pixels.js'
import { planesOf } from '../../pictures/planes.js'
import type { NoiseInversion } from '../../verbs/invert.js'
import type { WatermarkKey } from '../../watermark/key.js'
import type { Finding, Verdict } from '../../watermark/reading/detect.js'
import { type SpectralMask, spectrumMagnitude } from '../../watermark/schemes/index.js'
import type { ReadSource } from '../files/noise-sources.js'
import { lastName } from '../files/paths.js'
import type { ContactSheetCell } from '../host.js'
import type { Opened } from '../runs/survey.js'
import { noiseCell } from './cells.js'
import { decibels, plural, probability } from './labels.js'

/** What is found in one source. */
export interface Judged {
  readonly name: string
  readonly findings: readonly Finding[]
  /** Pictures that were read, the one that came among them. Absent where the noise was given. */
  readonly candidates?: number
  /** Absent where the noise was given. */
  readonly inversion?: NoiseInversion
  readonly notes: readonly string[]
  /** A source's share of the time of its chunk. */
  readonly seconds: number
}

export const verdictText: Readonly<Record<Verdict, string>> = {
  marked: 'marked',
  unmarked: 'not marked',
  undecided: 'undecided',
}

/** How much of the run a sheet shows, and what of the rest. */
export function sheetText(rows: number, pictures: number): string {
  const all = plural(pictures, 'picture')
  if (rows === 0) return `none: this run read none of ${all}`
  return rows === pictures ? all : `the first ${rows} that this run read, of ${all}`
}

export type SheetRow = readonly ContactSheetCell[]

/** More make a sheet that nobody looks at: it shows the first that can be read. */
export const mostRows = 12
/** A dozen rows say nothing of more pictures than these. */
export const mostSources = 1000
const cellSize = 256

/** A picture as given, D(z), its noise and what the surest of the marks reads there; of noise that was given the last two. */
export function detectionRow(
  keys: readonly WatermarkKey[],
  { name, value }: Opened<ReadSource>,
  judged: Judged,
): SheetRow {
  const [finding] = judged.findings
  const mask = keys.find(({ id }) => id === finding!.key)!.mark().spectralMask
  const plane = mask?.planes[0] ?? 0
  const noise = 'noise' in value ? value.noise : judged.inversion!.noise
  const label = `${'noise' in value ? `${lastName(name)}\n` : ''}noise, ${planeText(noise, plane)}`
  return [
    ...pictureCells(name, value, judged),
    noiseCell(oneOf(noise, plane), label),
    readCell(keys, judged, noise, mask),
  ]
}

/** Of a picture in which something was undone, D(z) is of what it may have been. */
function pictureCells(name: string, value: ReadSource, { inversion, findings: [first] }: Judged): SheetRow {
  if ('noise' in value) return []
  const { image, restore } = value.picture
  const { picture, psnrAfterDb } = inversion!.decoder!
  const undone = first?.undone === undefined ? [] : [first.undone]
  return [
    { image: shrunk(filmstrip(restore(image))), label: lastName(name) },
    {
      image: shrunk(filmstrip(restore(picture))),
      label: ['D(z)', `PSNR ${decibels(psnrAfterDb)}`, ...undone].join('\n'),
    },
  ]
}

/** What the statistic sees, and what it says. */
function readCell(
  keys: readonly WatermarkKey[],
  { findings }: Judged,
  noise: Tensor,
  mask: SpectralMask | undefined,
): ContactSheetCell {
  const { key, scheme, member, verdict, familyPValue, basis } = findings[0]!
  const of = keys.find(({ id }) => id === key)!.members > 1 ? `, member ${member}` : ''
  const lines = [
    `${verdictText[verdict]}, p ${probability(familyPValue)}${basis === 'white-noise' ? ' of white noise' : ''}`,
    mask ? `log |F|, ${planeText(noise, mask.planes[0]!)}, and the mask's rim` : 'signs of all channels',
    scheme,
    `key ${key}${of}${keys.length > 1 ? `, the surest of ${keys.length}` : ''}`,
  ]
  return { image: mask ? spectrumPicture(noise, mask) : signsPicture(noise), label: lines.join('\n') }
}

function oneOf({ shape, data }: Tensor, plane: number): Tensor {
  const { height, width } = planesOf(shape)
  const area = height * width
  return { shape: [1, height, width], data: data.slice(plane * area, (plane + 1) * area) }
}

/** Which channel a plane is, or of a clip which frame of it. */
function planeText({ shape }: Tensor, plane: number): string {
  const frames = shape.length === 4 ? shape[1]! : 1
  return `channel ${Math.floor(plane / frames)}${frames > 1 ? `, frame ${(plane % frames) + 1}` : ''}`
}

/** The longer side at most a cell's. */
function shrunk(image: Tensor): Tensor {
  const { height, width } = planesOf(image.shape)
  const factor = cellSize / Math.max(height, width)
  return factor >= 1
    ? image
    : resize(image, ...([height, width].map((side) => Math.ceil(factor * side)) as [number, number]))
}

/** What is black and what is white, in decibels: |F| of white noise is mostly between. */
const [darkest, brightest] = [-20, 10]
const rimColour = [0.9, 0.1, -0.8] as const

/** log |F| of the mask's first plane, magnified, and around the mask a line. */
function spectrumPicture(noise: Tensor, { planes, places }: SpectralMask): Tensor {
  const { shape, data } = spectrumMagnitude(noise, planes[0]!)
  const [height, width] = shape as [number, number]
  const scale = Math.max(2, Math.floor(cellSize / Math.max(height, width)))
  const line = Math.max(1, Math.floor(scale / 6))
  const masked = new Set(places)
  const placeAt = (y: number, x: number) => Math.floor(y / scale) * width + Math.floor(x / scale)
  const isMasked = (y: number, x: number) => x >= 0 && x < scale * width && masked.has(placeAt(y, x))
  const isRim = (y: number, x: number) =>
    isMasked(y, x) &&
    ![isMasked(y - line, x), isMasked(y + line, x), isMasked(y, x - line), isMasked(y, x + line)].every(Boolean)
  const grey = (place: number) => (2 * (20 * Math.log10(data[place]!) - darkest)) / (brightest - darkest) - 1
  const picture = zeros([3, scale * height, scale * width])
  const area = picture.data.length / 3
  for (let i = 0; i < area; i++) {
    const [y, x] = [Math.floor(i / (scale * width)), i % (scale * width)]
    const rim = isRim(y, x)
    const value = Math.min(Math.max(grey(placeAt(y, x)), -1), 1)
    rimColour.forEach((part, colour) => {
      picture.data[colour * area + i] = rim ? part : value
    })
  }
  return picture
}

/** The signs of all channels side by side, white above 0, in a square as nearly as they make one. */
function signsPicture({ shape, data }: Tensor): Tensor {
  const { count: channels, height, width } = planesOf(shape)
  const columns = Math.ceil(Math.sqrt(channels))
  const picture = zeros([1, Math.ceil(channels / columns) * height, columns * width])
  data.forEach((value, i) => {
    const [channel, y, x] = [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width]
    const [row, column] = [Math.floor(channel / columns), channel % columns]
    picture.data[((row * height + y) * columns + column) * width + x] = value < 0 ? -1 : 1
  })
  return picture
}
