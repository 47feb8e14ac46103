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
import { basename, extname } from 'node:path'
import { expected, resize, type SpectralMask, spectrumMagnitude, type Tensor, zeros } from 'undiffuse'
import { type ContactSheetCell, contactSheet } from 'undiffuse/node'
import type { DetectRequest, FinishedDetection, Prepared } from './detection.js'
import { type Judged, probability, sheetText, verdictText } from './detection-report.js'
import { noiseCell } from './noise-report.js'
import type { ListedSources, ReadSource } from './noise-sources.js'
import type { Opened } from './survey.js'
import { decibels } from './words.js'

export type SheetRow = readonly ContactSheetCell[]

/** More make a sheet that nobody looks at: it shows the first that can be read. */
export const mostRows = 12
/** A dozen rows say nothing of more pictures than these. */
const mostSources = 1000
const cellSize = 256

/** Throws `bad-option` for a sheet that is no PNG. */
export function checkSheet({ sheet }: Pick<DetectRequest, 'sheet'>): void {
  if (sheet === undefined || extname(sheet).toLowerCase() === '.png') return
  throw expected('bad-option', 'a name that ends in .png', '`--sheet`', `\`${sheet}\``, 'Change the name.')
}

/** Throws `bad-option` for more sources than a sheet is of. */
export function checkSheetSources({ sheet }: Pick<DetectRequest, 'sheet'>, { sources }: ListedSources): void {
  if (sheet === undefined || sources.length <= mostSources) return
  const remedy = 'Make a sheet of some of them, in a run of its own.'
  throw expected('bad-option', `at most ${mostSources} pictures`, '`--sheet`', `${sources.length}`, remedy)
}

/** A picture as given, D(z), its noise and what the surest of the marks reads there; of noise that was given the last two. */
export function rowOf(prepared: Pick<Prepared, 'keys'>, { name, value }: Opened<ReadSource>, judged: Judged): SheetRow {
  const [finding] = judged.findings
  const mask = prepared.keys.find(({ id }) => id === finding!.key)!.mark().spectralMask
  const channel = mask?.channels[0] ?? 0
  const noise = 'noise' in value ? value.noise : judged.inversion!.noise
  const label = `${'noise' in value ? `${basename(name)}\n` : ''}noise, channel ${channel}`
  return [
    ...pictureCells(name, value, judged),
    noiseCell(channelOf(noise, channel), label),
    readCell(prepared, judged, noise, mask),
  ]
}

/** Of a picture in which something was undone, D(z) is of what it may have been. */
function pictureCells(name: string, value: ReadSource, { inversion, findings: [first] }: Judged): SheetRow {
  if ('noise' in value) return []
  const { image, restore } = value.picture
  const { picture, psnrAfterDb } = inversion!.decoder!
  const undone = first?.undone === undefined ? [] : [first.undone]
  return [
    { image: shrunk(restore(image)), label: basename(name) },
    { image: shrunk(restore(picture)), label: ['D(z)', `PSNR ${decibels(psnrAfterDb)}`, ...undone].join('\n') },
  ]
}

/** What the statistic sees, and what it says. */
function readCell(
  { keys }: Pick<Prepared, 'keys'>,
  { findings }: Judged,
  noise: Tensor,
  mask: SpectralMask | undefined,
): ContactSheetCell {
  const { key, scheme, member, verdict, familyPValue, basis } = findings[0]!
  const of = keys.find(({ id }) => id === key)!.members > 1 ? `, member ${member}` : ''
  const lines = [
    `${verdictText[verdict]}, p ${probability(familyPValue)}${basis === 'white-noise' ? ' of white noise' : ''}`,
    mask ? `log |F|, channel ${mask.channels[0]}, and the mask's rim` : 'signs of all channels',
    scheme,
    `key ${key}${of}${keys.length > 1 ? `, the surest of ${keys.length}` : ''}`,
  ]
  return { image: mask ? spectrumPicture(noise, mask) : signsPicture(noise), label: lines.join('\n') }
}

function channelOf({ shape, data }: Tensor, channel: number): Tensor {
  const [, height, width] = shape as [number, number, number]
  const area = height * width
  return { shape: [1, height, width], data: data.slice(channel * area, (channel + 1) * area) }
}

/** The longer side at most a cell's. */
function shrunk(image: Tensor): Tensor {
  const [, height, width] = image.shape as [number, number, number]
  const factor = cellSize / Math.max(height, width)
  return factor >= 1
    ? image
    : resize(image, ...([height, width].map((side) => Math.ceil(factor * side)) as [number, number]))
}

/** What is black and what is white, in decibels: |F| of white noise is mostly between. */
const [darkest, brightest] = [-20, 10]
const rimColour = [0.9, 0.1, -0.8] as const

/** log |F| of the mask's first channel, magnified, and around the mask a line. */
function spectrumPicture(noise: Tensor, { channels, places }: SpectralMask): Tensor {
  const { shape, data } = spectrumMagnitude(noise, channels[0]!)
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
  const [channels, height, width] = shape as [number, number, number]
  const columns = Math.ceil(Math.sqrt(channels))
  const picture = zeros([1, Math.ceil(channels / columns) * height, columns * width])
  data.forEach((value, i) => {
    const [channel, y, x] = [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width]
    const [row, column] = [Math.floor(channel / columns), channel % columns]
    picture.data[((row * height + y) * columns + column) * width + x] = value < 0 ? -1 : 1
  })
  return picture
}

/** A PNG. */
export const detectionSheet = (finished: FinishedDetection): Promise<Uint8Array> =>
  contactSheet(finished.rows, { title: `${finished.model ?? 'noise'}: ${sheetText(finished)}`, cellSize })
