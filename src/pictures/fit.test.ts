import fc from 'fast-check'
import { expect, test } from 'vitest'
import { tensor } from '../math/tensor.js'
import { fitToMultiple } from './fit.js'

const picture = (height: number, width: number) =>
  tensor(
    [3, height, width],
    Array.from({ length: 3 * height * width }, (_, i) => Math.sin(i)),
  )

test('a picture that fits stays as it is', () => {
  const image = picture(8, 16)
  for (const fit of ['refuse', 'pad', 'crop', 'resize'] as const) expect(fitToMultiple(image, 8, fit).image).toBe(image)
})

test('padding keeps the picture in the corner, repeats its edge, and is cut off again', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20 }), (height, width) => {
      const image = picture(height, width)
      const fitted = fitToMultiple(image, 8, 'pad')
      expect(fitted.image.shape).toEqual([3, Math.ceil(height / 8) * 8, Math.ceil(width / 8) * 8])
      expect(fitted.image.data.at(-1)).toBe(image.data.at(-1))
      expect(fitted.restore(fitted.image)).toEqual(image)
    }),
  )
})

test('cropping cuts around the centre', () => {
  const { image, restore } = fitToMultiple(tensor([1, 1, 5], [1, 2, 3, 4, 5]), 1, 'crop')
  expect(image.data).toHaveLength(5)
  const cropped = fitToMultiple(tensor([1, 2, 5], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]), 2, 'crop')
  expect(cropped.image).toEqual(tensor([1, 2, 4], [1, 2, 3, 4, 6, 7, 8, 9]))
  expect(restore(image)).toBe(image)
})

test('resizing goes to the nearest multiple, at least one, and back to the size before', () => {
  const fitted = fitToMultiple(picture(3, 19), 8, 'resize')
  expect(fitted.image.shape).toEqual([3, 8, 16])
  expect(fitted.restore(fitted.image).shape).toEqual([3, 3, 19])
})

test('refusing says what was expected and what to do', () => {
  expect(() => fitToMultiple(picture(9, 8), 8, 'refuse')).toThrow(
    expect.objectContaining({
      code: 'bad-shape',
      message: expect.stringMatching(/multiples of 8.*got 8×9\. Pad to 8×16/),
    }),
  )
  expect(() => fitToMultiple(picture(5, 20), 8, 'crop')).toThrow(/too small to crop/)
})
