import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { expect, onTestFinished, test } from 'vitest'
import { tensor } from '../math/tensor.js'
import { backgroundText } from '../operations/reports/background.js'
import { contactSheet, isContactSheet } from './contact-sheet.js'
import { strokeText, textWidth } from './stroke-font.js'
import { encodePng } from './write-image.js'

async function decode(png: Uint8Array) {
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true })
  const at = (x: number, y: number) => [...data.subarray((y * info.width + x) * info.channels).subarray(0, 3)]
  return { ...info, at }
}

/** 2 × 2: red, green, blue, black. */
const picture = tensor([3, 2, 2], [1, -1, -1, -1, -1, 1, -1, -1, -1, -1, 1, -1])
const quarters = [
  [0, 0, 255, 0, 0],
  [1, 0, 0, 255, 0],
  [0, 1, 0, 0, 255],
  [1, 1, 0, 0, 0],
] as const

test('small pictures are magnified pixel by pixel, side by side and row by row', async () => {
  const cell = { image: picture, label: 'a' }
  const sheet = await decode(await contactSheet([[cell, cell], [cell]], { cellSize: 100 }))
  // Margins of 28; each pixel is a square of 50, columns are 20 apart; a label of one line and a gap follow a row.
  for (const [left, top] of [
    [28, 28],
    [28 + 100 + 20, 28],
    [28, 28 + 100 + 18 + 26],
  ] as const) {
    for (const [column, row, ...colour] of quarters) {
      for (const corner of [1, 48]) {
        expect(sheet.at(left + column * 50 + corner, top + row * 50 + corner)).toEqual(colour)
      }
    }
  }
  expect(sheet.at(28 + 100 + 10, 60)).toEqual([255, 255, 255])
  expect(sheet.width).toBe(28 + 100 + 20 + 100 + 28)
})

test('grey pictures and pictures of several sizes share a sheet; large ones keep their size', async () => {
  const grey = tensor([1, 300, 2], new Array(600).fill(-1))
  const sheet = await decode(
    await contactSheet([
      [
        { image: grey, label: '' },
        { image: picture, label: '' },
      ],
    ]),
  )
  expect(sheet.height).toBeGreaterThanOrEqual(300 + 2 * 28)
  expect(sheet.at(28, 28 + 299)).toEqual([0, 0, 0])
})

test('a white picture has a frame, a pixel outside it on every side', async () => {
  const white = tensor([1, 40, 40], new Array(1600).fill(1))
  const sheet = await decode(await contactSheet([[{ image: white, label: '' }]], { cellSize: 40 }))
  for (const [x, y] of [
    [27, 48],
    [68, 48],
    [48, 27],
    [48, 68],
  ] as const) {
    expect(sheet.at(x, y)).not.toEqual([255, 255, 255])
  }
  for (const corner of [28, 67]) expect(sheet.at(corner, corner)).toEqual([255, 255, 255])
})

test('pictures that are too wide for a screen are reduced together with their row', async () => {
  const photograph = tensor([1, 300, 900], new Array(300 * 900).fill(-1))
  const cell = { image: photograph, label: 'a' }
  const sheet = await decode(await contactSheet([[cell, cell, cell, cell]]))
  expect(sheet.width).toBeLessThanOrEqual(1440)
  expect(sheet.width).toBeGreaterThan(1400)
  expect(sheet.at(28, 28)).toEqual([0, 0, 0])
  expect(sheet.at(28, 28 + 120)).not.toEqual([0, 0, 0])
})

test('what operations write on sheets has a glyph for each character', () => {
  const box = strokeText('\u{10ffff}', 0, 0, 9, 'black').replace(/.*<path[^>]* d="([^"]*)".*/, '$1')
  const likeness = { nmse: 1.49e-3, psnrDb: 28.3, ssim: 0.98, largestLevels: 48 }
  const labels = ['difference × 8', 'a → b', 'PSNR −20.5 dB', backgroundText(likeness), 'seed 7, 1.5 %']
  for (const label of labels) expect(strokeText(label, 0, 0, 9, 'black'), label).not.toContain(box)
})

test('labels leave ink below the picture, and a long one makes room for itself', async () => {
  const ink = async (label: string) => {
    const sheet = await decode(await contactSheet([[{ image: picture, label }]], { cellSize: 40 }))
    let dark = 0
    for (let y = 28 + 40; y < sheet.height; y++) {
      for (let x = 0; x < sheet.width; x++) dark += sheet.at(x, y)[0]! < 128 ? 1 : 0
    }
    return { dark, width: sheet.width }
  }
  const [none, short, long] = [await ink(''), await ink('PSNR'), await ink('PSNR of the reconstruction')]
  expect(none.dark).toBe(0)
  expect(short.dark).toBeGreaterThan(20)
  expect(long.dark).toBeGreaterThan(3 * short.dark)
  expect(long.width).toBeGreaterThan(none.width)
})

test('a long title or label takes more lines, and not a wider sheet', async () => {
  const image = tensor([1, 240, 240], new Array(240 * 240).fill(0))
  const words = 'a large red ball in the centre, on blue stripes'
  const sheet = async (label: string, title: string) => {
    const row = [
      { image, label },
      { image, label },
    ]
    return await decode(await contactSheet([row], { title }))
  }
  const [short, long] = [await sheet('a', 'a'), await sheet(`${words}, ${words}`, `${words} → ${words}, ${words}`)]
  expect(long.width).toBe(short.width)
  expect(long.width).toBe(28 + 240 + 20 + 240 + 28)
  expect(long.height).toBe(short.height + 24 * 2 + 18 * 2)
})

test('lettering is paths, not text: no font is asked for', () => {
  const drawn = strokeText('a <b> & "λ" ☃', 0, 20, 10, 'black')
  expect(drawn).not.toMatch(/<text|font|[λ☃&]/)
  expect(drawn.match(/<path/g)).toHaveLength(9)
  expect(textWidth('ab', 14)).toBe(textWidth('a', 14) + textWidth('b', 14))
  expect(textWidth('ab', 28)).toBe(2 * textWidth('ab', 14))
})

test('a sheet without pictures is refused', async () => {
  await expect(contactSheet([])).rejects.toMatchObject({ code: 'bad-option' })
})

test('a sheet is known under any name, and nothing else is taken for one', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'undiffuse-sheets-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const files = {
    'any-name.png': await contactSheet([[{ image: picture, label: 'undiffuse contact sheet' }]]),
    'photo.sheet.png': await encodePng(picture),
    'empty.png': '',
  }
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content)
  const are = await Promise.all(
    [...Object.keys(files), 'none.png', ''].map((name) => isContactSheet(join(folder, name))),
  )
  expect(are).toEqual([true, false, false, false, false])
})
