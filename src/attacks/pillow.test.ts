/** Attacks that other programs have too, against Pillow's pictures: test/golden/pillow-attacks.note.md. */
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { type Tensor, tensor } from '../math/tensor.js'
import { pictureTools } from '../node/picture-tools.js'
import { psnrDb } from '../pictures/pixels.js'
import { attackPicture, parseAttacks } from './index.js'

type ByStrength = Readonly<Record<string, string>>
type Kind =
  | 'brightness'
  | 'contrast'
  | 'saturation'
  | 'rotationNearest'
  | 'rotationLinear'
  | 'blur'
  | 'resizeLinear'
  | 'jpeg'
interface Golden extends Readonly<Record<Kind, ByStrength>> {
  readonly height: number
  readonly width: number
  readonly picture: string
}

const path = new URL('../../test/golden/pillow-attacks.json', import.meta.url)
const golden = JSON.parse(await readFile(path, 'utf8')) as Golden
const { height, width } = golden
const area = height * width

function picture(base64: string): Tensor {
  const bytes = Buffer.from(base64, 'base64')
  const data = Float64Array.from({ length: 3 * area }, (_, i) => bytes[3 * (i % area) + Math.floor(i / area)]!)
  return tensor(
    [3, height, width],
    data.map((byte) => (byte / 255) * 2 - 1),
  )
}

const original = picture(golden.picture)
const attacked = async (text: string): Promise<Tensor> =>
  await attackPicture(original, parseAttacks(text), { pictures: pictureTools })

/** In levels of 0 … 255. */
function largestDifference(a: Tensor, b: Tensor): number {
  return Math.max(...a.data.map((value, i) => Math.abs(value - b.data[i]!))) * 127.5
}

/** Pillow cuts fractions off, in each of up to two steps, where we round. */
const enhancedLevels = 1.001
/** Pillow interpolates in float32 and rounds halves up. */
const interpolatedLevels = 1.001
/** Pillow rounds to bytes after rows and after columns, there and back. */
const resizedLevels = 2.001
/** Rounding of float64 between a byte and a pixel. */
const equalLevels = 1e-6
/** Pillow blurs by three box filters, which come this near to a Gaussian. */
const alikeDb = 40

const cases = (kind: Kind, text: (strength: string) => string) =>
  Object.entries(golden[kind]).map(([strength, made]) => ({ text: text(strength), made: picture(made) }))

describe('within a level', () => {
  it.each([
    ...cases('brightness', (factor) => `brightness:factor=${factor}`),
    ...cases('contrast', (factor) => `contrast:factor=${factor}`),
    ...cases('saturation', (factor) => `saturation:factor=${factor}`),
  ])('$text', async ({ text, made }) => {
    expect(largestDifference(await attacked(text), made)).toBeLessThanOrEqual(enhancedLevels)
  })

  it.each([...cases('rotationLinear', (degrees) => `rotation:degrees=${degrees},filter=linear`)])(
    '$text',
    async ({ text, made }) => {
      expect(largestDifference(await attacked(text), made)).toBeLessThanOrEqual(interpolatedLevels)
    },
  )

  it.each(cases('resizeLinear', (factor) => `resize:factor=${factor}`))('$text, or two', async ({ text, made }) => {
    expect(largestDifference(await attacked(text), made)).toBeLessThanOrEqual(resizedLevels)
  })
})

describe('equal', () => {
  it.each([
    ...cases('rotationNearest', (degrees) => `rotation:degrees=${degrees}`),
    // Both libraries hold the same decisions of libjpeg: tables, subsampling, transforms.
    ...cases('jpeg', (quality) => `jpeg:quality=${quality}`),
  ])('$text', async ({ text, made }) => {
    expect(largestDifference(await attacked(text), made)).toBeLessThan(equalLevels)
  })
})

describe('alike', () => {
  it.each(cases('blur', (sigma) => `blur:sigma=${sigma}`))('$text', async ({ text, made }) => {
    const found = await attacked(text)
    expect(psnrDb(found, made)).toBeGreaterThan(alikeDb)
    expect(psnrDb(found, original)).toBeLessThan(alikeDb - 10)
  })
})
