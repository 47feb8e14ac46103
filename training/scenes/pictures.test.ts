import { expect, test } from 'vitest'
import { addOctaves, noiseAt } from './noise.js'
import { proceduralPicture } from './pictures.js'
import { randomFrom } from './random.js'

const bytes = (data: Float32Array) => new Uint8Array(data.buffer)

test('a picture depends on its seed alone, has values in [−1, 1] and shows something', () => {
  const spreads: number[] = []
  for (let seed = 0; seed < 120; seed++) {
    const { data } = proceduralPicture(seed, 40, 24)
    expect(data.length).toBe(3 * 40 * 24)
    expect(data.findIndex((value) => !(value >= -1 && value <= 1))).toBe(-1)
    if (seed < 30) expect(Buffer.compare(bytes(data), bytes(proceduralPicture(seed, 40, 24).data))).toBe(0)
    const mean = data.reduce((total, value) => total + value, 0) / data.length
    spreads.push(Math.sqrt(data.reduce((total, value) => total + (value - mean) ** 2, 0) / data.length))
  }
  // A few pictures may be nearly flat, as in life; most are not.
  expect(spreads.filter((spread) => spread < 0.02).length).toBeLessThan(6)
})

test('noise stays in [−1, 1], is smooth and repeats after 256', () => {
  const random = randomFrom(3)
  for (let i = 0; i < 2000; i++) {
    const [x, y] = [300 * random() - 20, 300 * random() - 20]
    expect(Math.abs(noiseAt(x, y))).toBeLessThanOrEqual(1)
    // The steepest slope of the interpolation is 1.5 times the largest difference, 2.
    expect(Math.abs(noiseAt(x + 1e-4, y) - noiseAt(x, y))).toBeLessThan(3.1e-4)
    expect(noiseAt(x + 256, y - 256)).toBeCloseTo(noiseAt(x, y), 6)
  }
})

test('octaves of equal strength have the 1/f² spectrum of natural images', () => {
  const side = 128
  const low = 2
  const high = 12
  const power = new Float64Array(high + 1)
  for (let seed = 0; seed < 40; seed++) {
    const plane = new Float32Array(side * side)
    addOctaves(plane, 0, side, side, randomFrom(seed), side, 2, 0, 1)
    for (let y = 0; y < side; y += 4) {
      for (let f = low; f <= high; f++) {
        let [re, im] = [0, 0]
        for (let x = 0; x < side; x++) {
          // A Hann window keeps the jump at the border out of the spectrum.
          const value = plane[y * side + x]! * (0.5 - 0.5 * Math.cos((2 * Math.PI * (x + 0.5)) / side))
          re += value * Math.cos((2 * Math.PI * f * x) / side)
          im += value * Math.sin((2 * Math.PI * f * x) / side)
        }
        power[f]! += re * re + im * im
      }
    }
  }
  // Least squares of log power against log f. 1/f² in two dimensions is 1/f along a line.
  const points = Array.from(
    { length: high - low + 1 },
    (_, i) => [Math.log(low + i), Math.log(power[low + i]!)] as const,
  )
  const mean = (of: (point: readonly [number, number]) => number) =>
    points.reduce((total, point) => total + of(point), 0) / points.length
  const [mx, my] = [mean(([x]) => x), mean(([, y]) => y)]
  const slope = mean(([x, y]) => (x - mx) * (y - my)) / mean(([x]) => (x - mx) ** 2)
  // Photographs scatter by ±0.43 (van der Schaaf and van Hateren, 1996); white noise has 0, a random walk −2.
  const scatterOfPhotographs = 0.43
  expect(Math.abs(slope + 1)).toBeLessThan(scatterOfPhotographs)
})
