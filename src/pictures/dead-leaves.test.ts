import { describe, expect, it } from 'vitest'
import { fft2 } from '../math/fft.js'
import { fitLine, mean } from '../math/statistics.js'
import { tensor } from '../math/tensor.js'
import { deadLeaves } from './dead-leaves.js'

const side = 128
const pictures = [0, 1, 2, 3, 4, 5].map((seed) => deadLeaves(seed, side, side))

/** The mean power at each whole frequency below half the highest, over all pictures and channels. */
function radialPower(): number[] {
  const rings: number[][] = Array.from({ length: side / 4 }, () => [])
  for (const { data } of pictures) {
    for (let channel = 0; channel < 3; channel++) {
      const plane = data.subarray(channel * side * side, (channel + 1) * side * side)
      const { real, imaginary } = fft2(tensor([side, side], plane))
      for (let y = 0; y < side; y++) {
        for (let x = 0; x < side; x++) {
          const frequency = Math.round(Math.hypot(Math.min(y, side - y), Math.min(x, side - x)))
          rings[frequency]?.push(real.data[y * side + x]! ** 2 + imaginary.data[y * side + x]! ** 2)
        }
      }
    }
  }
  return rings.map(mean)
}

describe('deadLeaves', () => {
  it('is the same for a seed and another for another', () => {
    expect(deadLeaves(3, side, side)).toEqual(pictures[3])
    expect(deadLeaves(4, side, side)).not.toEqual(pictures[3])
  })

  it('is a picture', () => {
    for (const { shape, data } of pictures) {
      expect(shape).toEqual([3, side, side])
      expect(data.every((value) => value >= -1 && value <= 1)).toBe(true)
      // Neither one colour nor noise: there are many values, and neighbours are mostly alike.
      expect(new Set(data).size).toBeGreaterThan(1000)
      const jumps = [...data.subarray(1)].map((value, i) => Math.abs(value - data[i]!))
      expect(mean(jumps)).toBeLessThan(0.15)
    }
  })

  it.each([
    [1, 1],
    [8, 40],
    [64, 16],
  ])('is drawn at %i × %i pixels', (height, width) => {
    const { shape, data } = deadLeaves(1, height, width)
    expect(shape).toEqual([3, height, width])
    expect(data.every(Number.isFinite)).toBe(true)
  })

  it('has the power spectrum of photographs: power falls with about the square of the frequency', () => {
    const power = radialPower()
    const frequencies = power.map((_, i) => i).slice(2)
    const line = fitLine(
      frequencies.map((frequency) => Math.log(frequency)),
      frequencies.map((frequency) => Math.log(power[frequency]!)),
    )
    // About 2 for photographs, 3 for edges alone, 0 for noise.
    expect(-line.slope).toBeGreaterThan(1.5)
    expect(-line.slope).toBeLessThan(3)
  })
})
