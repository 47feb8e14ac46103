/** Several pictures with labels on one sheet, for people to compare by eye. Measures nothing. */
import { open, stat } from 'node:fs/promises'
import sharp, { type OverlayOptions } from 'sharp'
import { expected } from '../core/errors.js'
import type { ContactSheetCell, ContactSheetOptions } from '../operations/host.js'
import { strokeText, textWidth } from './stroke-font.js'
import { type Picture, quantize } from './write-image.js'

const margin = 28
const columnGap = 20
const rowGap = 26
const labelHeight = 9
const labelLead = 18
const [titleHeight, titleLead] = [13, 24]
/** Labels go on below where their picture is narrower than they are, but for pictures too narrow for words; the title likewise. */
const [leastLabel, leastTitle] = [200, 400]
const dark = '#1f2328'
const grey = '#6e7781'
const frame = '#c8cfd6'

/** Sheets are looked at on a screen: wider pictures are reduced until a row fits it. */
const screenWidth = 1440

interface Placed {
  readonly picture: Picture
  /** Of what is drawn, in pixels of the sheet. */
  readonly width: number
  readonly height: number
  readonly lines: readonly string[]
}

/**
 * A PNG of rows of labelled pictures, each 3 × height × width (or 1 × …) with pixels in [−1, 1]. Small pictures are
 * magnified by nearest neighbour, so that their pixels stay what they are; pictures that a screen is too narrow for are reduced.
 * Columns align, labels stand below, long ones and the title in several lines, thin frames show where white pictures end.
 *
 * Labels are drawn with built-in lettering and need no fonts. The file says that it is a sheet (EXIF, Software), so that
 * `isContactSheet` knows it under any name. Throws `bad-shape` and `not-finite` as `quantize` does, `bad-option` when there
 * is no picture.
 *
 * @example await contactSheet([[{ image, label: 'original' }, { image: decoded, label: 'decoded\n32.1 dB' }]])
 */
export async function contactSheet(
  rows: readonly (readonly ContactSheetCell[])[],
  { title, cellSize = 224 }: ContactSheetOptions = {},
): Promise<Uint8Array> {
  const columns = Math.max(0, ...rows.map((row) => row.length))
  const widest = Math.floor((screenWidth - 2 * margin - (columns - 1) * columnGap) / columns)
  const placed = rows.map((row) => row.map((cell) => place(cell, cellSize, widest)))
  if (columns === 0) {
    throw expected('bad-option', 'at least one picture', 'a contact sheet', 'none', 'Pass rows of { image, label }.')
  }
  const widths = Array.from({ length: columns }, (_, i) => Math.max(...placed.map((row) => widthOf(row[i]))))
  const rowWidth = widths.reduce((sum, one) => sum + one + columnGap, -columnGap)
  const titles = title === undefined ? [] : wrapped(title, titleHeight, Math.max(rowWidth, leastTitle))
  const pictures: OverlayOptions[] = []
  const texts: string[] = []
  const frames: string[] = []
  let y = margin
  for (const [line, text] of titles.entries()) {
    texts.push(strokeText(text, margin, y + titleHeight + line * titleLead, titleHeight, dark))
  }
  if (titles.length > 0) y += titleHeight + (titles.length - 1) * titleLead + rowGap
  for (const row of placed) {
    const height = Math.max(...row.map((one) => one.height))
    let x = margin
    for (const [column, { lines, ...one }] of row.entries()) {
      pictures.push({ input: await drawn(one), left: x, top: y })
      frames.push(frameOf(one, x, y))
      for (const [line, text] of lines.entries()) {
        texts.push(strokeText(text, x, y + height + (line + 1) * labelLead, labelHeight, line === 0 ? dark : grey))
      }
      x += widths[column]! + columnGap
    }
    y += height + labelLead * Math.max(...row.map(({ lines }) => lines.length)) + rowGap
  }
  const width = 2 * margin + Math.max(rowWidth, ...titles.map((text) => Math.ceil(textWidth(text, titleHeight))))
  const height = y - rowGap + margin
  const lettering = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${frames.join('')}${texts.join('')}</svg>`
  return await sharp({ create: { width, height, channels: 3, background: '#ffffff' } })
    .composite([...pictures, { input: Buffer.from(lettering), left: 0, top: 0 }])
    .withExif({ IFD0: { Software: mark } })
    .png({ compressionLevel: 9 })
    .toBuffer()
}

/** Around a picture, a pixel outside it: a white one would have no edge. */
const frameOf = ({ width, height }: Omit<Placed, 'lines'>, x: number, y: number): string =>
  `<rect x="${x - 0.5}" y="${y - 0.5}" width="${width + 1}" height="${height + 1}" fill="none" stroke="${frame}"/>`

const mark = 'undiffuse contact sheet'
/** The mark stands before the pixels. */
const headBytes = 1024

/**
 * Whether a file is a sheet that `contactSheet` made. Reads its first kilobyte; false for what cannot be read.
 *
 * @example await isContactSheet('out/found.sheet.png') // true
 */
export async function isContactSheet(path: string): Promise<boolean> {
  // Opening a pipe would wait for somebody who writes.
  if (!(await stat(path).catch(() => undefined))?.isFile()) return false
  const file = await open(path).catch(() => undefined)
  if (!file) return false
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0)
    return buffer.subarray(0, bytesRead).includes(mark)
  } catch {
    return false
  } finally {
    await file.close()
  }
}

/** Whole factors while there is room, up to the cell; a share where the picture is wider than its column may be. */
function place({ image, label }: ContactSheetCell, cellSize: number, widest: number): Placed {
  const picture = quantize(image)
  const whole = Math.max(1, Math.floor(cellSize / Math.max(picture.width, picture.height)))
  const scale = picture.width > widest ? widest / picture.width : whole
  const [width, height] = [picture.width, picture.height].map((side) => Math.max(1, Math.round(side * scale)))
  const lines = label.split('\n').flatMap((line) => wrapped(line, labelHeight, Math.max(width!, leastLabel)))
  return { picture, width: width!, height: height!, lines }
}

/** Lines of at most so many pixels, broken between words; one word may be longer. */
function wrapped(text: string, height: number, width: number): readonly string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const longer = lines.length === 0 ? word : `${lines.at(-1)} ${word}`
    if (lines.length > 0 && textWidth(longer, height) <= width) lines[lines.length - 1] = longer
    else lines.push(word)
  }
  return lines
}

function widthOf(placed: Placed | undefined): number {
  if (!placed) return 0
  const { width, lines } = placed
  return Math.max(width, ...lines.map((line) => Math.ceil(textWidth(line, labelHeight))))
}

const drawn = ({ picture, width, height }: Omit<Placed, 'lines'>): Promise<Buffer> =>
  sharp(picture.data, { raw: { width: picture.width, height: picture.height, channels: picture.channels } })
    .resize(width, height, { kernel: width < picture.width ? 'lanczos3' : 'nearest' })
    .toColourspace('srgb')
    .png({ compressionLevel: 1 })
    .toBuffer()
