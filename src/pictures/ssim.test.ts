import { expect, test } from 'vitest'
import { torchNoise } from '../math/noise.js'
import { map, type Tensor, tensor, zeros } from '../math/tensor.js'
import { likenessOutside } from './masked.js'
import { ssimMap } from './ssim.js'

/** Sums of float64 in another order. */
const rounding = 1e-12
const flat = (value: number, size = 24): Tensor => map(zeros([3, size, size]), () => value)
const picture = (seed: number): Tensor => map(torchNoise(seed, [3, 24, 24]), (value) => 0.3 * value)
const [c1, c2] = [0.02 ** 2, 0.06 ** 2]

test('is 1 for equal pictures, and what is left of two constants is their luminance', () => {
  for (const value of ssimMap(picture(1), picture(1)).data) expect(value).toBeCloseTo(1, 12)
  const expected = (2 * 0.5 * -0.2 + c1) / (0.5 ** 2 + 0.2 ** 2 + c1)
  for (const value of ssimMap(flat(0.5), flat(-0.2)).data) expect(Math.abs(value - expected)).toBeLessThan(rounding)
})

test('is the definition, by its two-dimensional window', () => {
  const [a, b] = [picture(3), picture(4)]
  const [y, x] = [11, 13]
  const weight = (dy: number, dx: number) => Math.exp(-(dy * dy + dx * dx) / (2 * 1.5 ** 2))
  const offsets = Array.from({ length: 121 }, (_, k) => [Math.floor(k / 11) - 5, (k % 11) - 5] as const)
  const total = offsets.reduce((sum, [dy, dx]) => sum + weight(dy, dx), 0)
  const channel = (c: number) => {
    const under = (f: (i: number) => number) =>
      offsets.reduce((sum, [dy, dx]) => sum + (weight(dy, dx) / total) * f((c * 24 + y + dy) * 24 + x + dx), 0)
    const [m1, m2] = [under((i) => a.data[i]!), under((i) => b.data[i]!)]
    const v1 = under((i) => (a.data[i]! - m1) ** 2)
    const v2 = under((i) => (b.data[i]! - m2) ** 2)
    const both = under((i) => (a.data[i]! - m1) * (b.data[i]! - m2))
    return ((2 * m1 * m2 + c1) * (2 * both + c2)) / ((m1 ** 2 + m2 ** 2 + c1) * (v1 + v2 + c2))
  }
  const wanted = (channel(0) + channel(1) + channel(2)) / 3
  expect(Math.abs(ssimMap(a, b).data[y * 24 + x]! - wanted)).toBeLessThan(rounding)
})

test('sees a change of structure where luminance and contrast stay', () => {
  const a = map(flat(0.3), (value, i) => ((Math.floor(i / 24) + i) % 2 === 0 ? value : -value))
  const turned = map(a, (value) => -value)
  expect(ssimMap(a, turned).data.reduce((sum, value) => sum + value, 0) / 576).toBeLessThan(-0.5)
})

test('outside a mask: only there, in every measure', () => {
  const reference = flat(0.5)
  const mask = tensor(
    [1, 24, 24],
    Float64Array.from({ length: 576 }, (_, i) => (i % 24 < 6 ? 1 : 0)),
  )
  // 0.1 brighter right of the mask, nonsense inside.
  const x = map(reference, (value, i) => (i % 24 < 6 ? -1 : value + 0.1))
  const found = likenessOutside(mask, x, reference)!
  expect(found.share).toBe(0.75)
  expect(found.nmse).toBeCloseTo(0.01 / 0.25, 12)
  expect(found.psnrDb).toBeCloseTo(10 * Math.log10(4 / 0.01), 10)
  // 0.5 is byte 191, 0.6 byte 204.
  expect(found.largestLevels).toBe(13)
  expect(likenessOutside(mask, reference, reference)).toMatchObject({ nmse: 0, psnrDb: Number.POSITIVE_INFINITY })
  expect(
    likenessOutside(
      map(mask, () => 1),
      x,
      reference,
    ),
  ).toBeUndefined()
  expect(() => likenessOutside(zeros([1, 24, 23]), x, reference)).toThrow('of one size')
})
