/** Transparent pictures: what is seen on white is the formula's, and taken off again it is the picture. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { tensor } from '../math/tensor.js'
import { pixelOf } from './pixels.js'
import { laidOn, lifted } from './transparency.js'

/** Red, green, blue and opacity of one place. */
const place = (...bytes: readonly number[]) => tensor([4, 1, 1], Float64Array.from(bytes, pixelOf))
/** Divided by an opacity of 1/255 at least. */
const roundings = 9

it('is seen as α·x + (1 − α)·b', () => {
  const picture = place(255, 0, 0, 51)
  const values = (background: 'white' | 'black') => [...laidOn(picture, background).data]
  expect(values('white').map((value) => value.toFixed(6))).toEqual(['1.000000', '0.600000', '0.600000'])
  expect(values('black').map((value) => value.toFixed(6))).toEqual(['-0.600000', '-1.000000', '-1.000000'])
})

it('comes back from what is seen of it, hidden colours too', () => {
  const byte = fc.integer({ min: 0, max: 255 })
  fc.assert(
    fc.property(byte, byte, byte, byte, (...bytes) => {
      const picture = place(...bytes)
      const again = lifted(laidOn(picture, 'white'), picture)
      again.data.forEach((value, i) => {
        expect(value).toBeCloseTo(picture.data[i]!, roundings)
      })
    }),
  )
})

it('leaves pictures without opacity alone', () => {
  const picture = tensor([3, 1, 1], Float64Array.of(0.1, 0.2, 0.3))
  expect(laidOn(picture, 'black')).toBe(picture)
  expect(lifted(picture, picture)).toBe(picture)
})
