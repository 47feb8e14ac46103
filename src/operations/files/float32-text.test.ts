import { tensor, torchNoise } from 'undiffuse'
import { expect, it } from 'vitest'
import { float32Tensor, float32Text } from './float32-text.js'

const shape = [4, 3, 2]

it('keeps float32 numbers to the last bit, in the order of their bytes on every machine', () => {
  const noise = torchNoise(1, shape)
  expect(float32Tensor(float32Text(noise), shape, 'a cell').data).toEqual(
    Float64Array.from(Float32Array.from(noise.data)),
  )
  expect(float32Text(tensor([1], [1]))).toBe('AACAPw==')
})

it.each([float32Text(torchNoise(1, [4, 3])), `${float32Text(torchNoise(1, shape))}AACAPw==`, '', undefined, 7])(
  'refuses invalid text and other counts: %j',
  (text) => {
    expect(() => float32Tensor(text, shape, '`a.part`')).toThrow(/noise of 4×3×2 for `a\.part`.*remove it/)
  },
)
