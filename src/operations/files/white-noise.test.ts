/** Noise is told from latents by its numbers. */
import { describe, expect, it } from 'vitest'
import { torchNoise } from '../../math/noise.js'
import { map, type Tensor } from '../../math/tensor.js'
import { looksWhite } from './white-noise.js'

const shape = [4, 16, 16]
const noise = torchNoise(1, shape)

/** Each number the mean of itself and the next along a row: neighbours share half of what they are. */
const blurred: Tensor = map(noise, (value, i) => (value + noise.data[(i + 1) % noise.data.length]!) / Math.SQRT2)

describe('looks white', () => {
  it.each(
    [shape, [16, 3, 8, 8], [4, 64, 64]].flatMap((one) => [1, 2, 3].map((seed) => [one.join('×'), seed, one] as const)),
  )('%s of seed %d', (_, seed, of) => {
    expect(looksWhite(torchNoise(seed, of))).toBe(true)
  })
})

describe('does not look white', () => {
  it.each([
    ['another mean', map(noise, (value) => value + 0.3)],
    ['another variance', map(noise, (value) => 1.3 * value)],
    ['neighbours in a row that are alike', blurred],
    ['neighbours in a column that are alike', transposed(blurred)],
    ['the same number everywhere', map(noise, () => 0)],
    ['one number', { shape: [1, 1, 1], data: Float64Array.of(0) }],
  ])('%s', (_, x) => {
    expect(looksWhite(x)).toBe(false)
  })
})

function transposed({ data }: Tensor): Tensor {
  const [, height, width] = shape as [number, number, number]
  const at = (i: number) => {
    const [row, column] = [Math.floor(i / width) % height, i % width]
    return i - row * width - column + column * width + row
  }
  return { shape, data: data.map((_, i) => data[at(i)]!) }
}
