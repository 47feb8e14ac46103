/** The tools that attacks ask for, against sharp itself and against what a blur is. */
import sharp from 'sharp'
import { expect, it } from 'vitest'
import { map, type Tensor, torchNoise, zeros } from '../math/index.js'
import { byteOf, pixelOf, round8 } from '../pictures/pixels.js'
import { pictureTools } from './picture-tools.js'

const [height, width] = [19, 27]
const area = height * width
const picture = round8(map(torchNoise(2, [3, height, width]), (value) => 0.4 * value))

/** Rows of pixels, channels interleaved. */
const interleaved = Uint8Array.from({ length: 3 * area }, (_, i) =>
  byteOf(picture.data[(i % 3) * area + Math.floor(i / 3)]!),
)
const source = () => sharp(interleaved, { raw: { width, height, channels: 3 } })

async function expectSame(found: Tensor, file: Buffer) {
  const decoded = await sharp(file).removeAlpha().raw().toBuffer()
  expect(found.shape).toEqual([3, height, width])
  expect([...found.data]).toEqual(
    Array.from({ length: 3 * area }, (_, i) => pixelOf(decoded[3 * (i % area) + Math.floor(i / area)]!)),
  )
}

it.each([5, 25, 90])('compresses as JPEG of quality %d', async (quality) => {
  await expectSame(await pictureTools.jpeg(picture, quality, '4:2:0'), await source().jpeg({ quality }).toBuffer())
  const full = await source().jpeg({ quality, chromaSubsampling: '4:4:4' }).toBuffer()
  await expectSame(await pictureTools.jpeg(picture, quality, '4:4:4'), full)
})

it.each([5, 50])('compresses as WebP of quality %d', async (quality) => {
  await expectSame(await pictureTools.webp(picture, quality), await source().webp({ quality }).toBuffer())
})

/** The library's cut-off of the tail, a thousandth, and its rounding. */
const blurLevels = 1.01

it.each([1, 2, 3.5, 8])('blurs an edge to the sum of a Gaussian of deviation %f', async (sigma) => {
  const [size, edge] = [41, 20]
  const half = map(zeros([3, size, size]), (_, i) => (Math.floor(i / size) % size < edge ? -1 : 1))
  const { data } = await pictureTools.blur(half, sigma)
  const weight = (k: number) => Math.exp(-(k ** 2) / (2 * sigma ** 2))
  const places = Array.from({ length: 20 * Math.ceil(sigma) + 1 }, (_, k) => k - 10 * Math.ceil(sigma))
  const total = places.reduce((sum, k) => sum + weight(k), 0)
  for (let y = 0; y < size; y++) {
    const bright = places.reduce((sum, k) => sum + (y + k >= edge ? weight(k) : 0), 0) / total
    expect(Math.abs(byteOf(data[y * size + 7]!) - 255 * bright), `row ${y}`).toBeLessThan(blurLevels)
  }
})
