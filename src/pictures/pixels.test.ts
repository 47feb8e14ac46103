import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { tensor } from '../math/tensor.js'
import { byteOf, errorMap, pixelOf, psnrDb, region, resize, round8 } from './pixels.js'

const line = (...pixels: number[]) => tensor([1, 1, pixels.length], pixels)
/** Sums of a few products of numbers below 2: a few units in the last place. */
const rounding = 1e-14
const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!)))

describe('rounding to 8 bits', () => {
  test('every byte stands for a pixel and back', () => {
    for (let byte = 0; byte < 256; byte++) expect(byteOf(pixelOf(byte))).toBe(byte)
  })

  test('halves go to the even byte, as NumPy rounds; outside is clamped', () => {
    // (x + 1)/2·255 is 127.5 at 0. At x = 2·k/255 − 1 for k = 0.5, 1.5, … the tie is exact only up to rounding.
    expect(byteOf(0)).toBe(128)
    expect([-1.0001, -7, Number.NEGATIVE_INFINITY].map(byteOf)).toEqual([0, 0, 0])
    expect([1.0001, 7, Number.POSITIVE_INFINITY].map(byteOf)).toEqual([255, 255, 255])
    expect(byteOf(Number.NaN)).toBeNaN()
  })

  test('is idempotent and moves no pixel by more than half a step', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 1 }), (pixels) => {
        const once = round8(line(...pixels))
        expect(round8(once)).toEqual(once)
        expect(largestDifference(pixels, once.data)).toBeLessThanOrEqual(1 / 255 + rounding)
      }),
    )
  })
})

test('PSNR of a constant difference d is 20·log₁₀(2/d); equal pictures are infinitely close', () => {
  const zero = line(0, 0, 0)
  expect(psnrDb(zero, line(0.2, -0.2, 0.2))).toBeCloseTo(20, 10)
  expect(psnrDb(zero, zero)).toBe(Number.POSITIVE_INFINITY)
  expect(() => psnrDb(zero, line(0))).toThrow('one shape')
})

test('an error map is black where pictures agree and saturates at the full range', () => {
  expect([...errorMap(line(0, 0, 1), line(0, 0.5, -1)).data]).toEqual([-1, -0.5, 1])
  expect([...errorMap(line(0, 0, 1), line(0, 0.5, -1), 4).data]).toEqual([-1, 1, 1])
})

test('a region repeats the edge outside the picture', () => {
  const picture = tensor([1, 2, 2], [1, 2, 3, 4])
  expect(region(picture, -1, 0, 4, 3)).toEqual(tensor([1, 4, 3], [1, 2, 2, 1, 2, 2, 3, 4, 4, 3, 4, 4]))
  expect(region(picture, 1, 1, 1, 1)).toEqual(tensor([1, 1, 1], [4]))
})

describe('resizing', () => {
  test('doubling and halving give what a triangle filter gives by hand', () => {
    // Enlarged places lie at −0.25, 0.25, 0.75, 1.25 of the old; halved ones see four pixels with weights 1:3:3:1.
    expect([...resize(line(0, 1), 1, 4).data]).toEqual([0, 0.25, 0.75, 1])
    const halved = resize(line(1, 0, 0, 0, 0, 1), 1, 3).data
    expect(halved[0]).toBeCloseTo(3 / 7, 12)
    expect(halved[1]).toBe(0)
    expect(halved[2]).toBeCloseTo(3 / 7, 12)
  })

  test('a constant stays constant, and rows and columns are treated alike', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 4, maxLength: 4 }),
        fc.double({ min: -1, max: 1, noNaN: true }),
        ([height, width, newHeight, newWidth], value) => {
          const picture = tensor(
            [1, height!, width!],
            Array.from({ length: height! * width! }, (_, i) => Math.sin(i)),
          )
          const constant = tensor(
            [1, height!, width!],
            picture.data.map(() => value),
          )
          for (const pixel of resize(constant, newHeight!, newWidth!).data)
            expect(Math.abs(pixel - value)).toBeLessThan(rounding)
          const transposed = resize(transpose(resize(picture, newHeight!, newWidth!)), width!, height!)
          const other = resize(resize(transpose(picture), newWidth!, newHeight!), width!, height!)
          expect(largestDifference(transposed.data, other.data)).toBeLessThan(rounding)
        },
      ),
    )
  })

  test('the same size is the same picture', () => {
    const picture = tensor([2, 1, 2], [1, 2, 3, 4])
    expect(resize(picture, 1, 2)).toEqual(picture)
  })
})

function transpose(picture: { shape: readonly number[]; data: Float64Array }) {
  const [, height, width] = picture.shape as [number, number, number]
  const values = Array.from(
    { length: height * width },
    (_, i) => picture.data[(i % height) * width + Math.floor(i / height)]!,
  )
  return tensor([1, width, height], values)
}
