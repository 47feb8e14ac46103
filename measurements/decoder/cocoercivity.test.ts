import fc from 'fast-check'
import { forwardStep, map, Task, type Tensor, tensor } from 'undiffuse'
import { expect, test } from 'vitest'
import { linearAutoencoder } from '../../test/linear-autoencoder.js'
import { cocoercivity, visit } from './cocoercivity.js'

/** float64 arithmetic of a few operations. */
const rounding = 9

const vector = (...values: number[]): Tensor => tensor([values.length], values)
const numbers = fc.array(fc.double({ min: -9, max: 9, noNaN: true }), { minLength: 3, maxLength: 3 })

/** Points under the map diag(factors). */
const visited = (latent: Tensor, factors: readonly number[]) => ({
  latent,
  again: map(latent, (value, i) => value * factors[i]!),
})

test('a scaling by s is 1/s-cocoercive everywhere', () => {
  fc.assert(
    fc.property(fc.double({ min: 0.1, max: 3, noNaN: true }), fc.array(numbers, { minLength: 1 }), (s, points) => {
      const far = vector(20, 20, 20)
      const all = points.map((values) => visited(vector(...values), [s, s, s]))
      expect(cocoercivity(all, visited(far, [s, s, s]))).toBeCloseTo(1 / s, rounding)
    }),
  )
})

test('a diagonal map is 1/factor-cocoercive along each axis, and the least one counts', () => {
  const factors = [0.5, 1, 2]
  const origin = visited(vector(0, 0, 0), factors)
  const axes = [vector(1, 0, 0), vector(0, 1, 0), vector(0, 0, 1)].map((axis) => visited(axis, factors))
  expect(axes.map((point) => cocoercivity([point], origin))).toEqual([2, 1, 0.5])
  expect(cocoercivity(axes, origin)).toBe(0.5)
})

test('a rotation by a right angle is on the border, a reflection beyond it', () => {
  const origin = { latent: vector(0, 0), again: vector(0, 0) }
  expect(cocoercivity([{ latent: vector(1, 0), again: vector(0, 1) }], origin)).toBeCloseTo(0, rounding)
  expect(cocoercivity([{ latent: vector(1, 0), again: vector(-1, 0) }], origin)).toBe(-1)
})

test('points that equal the last one bound nothing', () => {
  const last = { latent: vector(1, 2), again: vector(3, 4) }
  expect(cocoercivity([last, { ...last, latent: vector(9, 9) }], last)).toBe(Number.POSITIVE_INFINITY)
})

test('a run visits its points with what the encoder makes of them', async () => {
  const [gain, rho] = [0.5, 0.4]
  const image = vector(1, -1)
  const points = await new Task(visit(linearAutoencoder(gain), image, forwardStep({ rho }), 4))
  expect(points).toHaveLength(4)
  for (const [k, { latent, again }] of points.entries()) {
    const error = (1 - gain) * (1 - rho * gain) ** k
    expect(latent.data[0]).toBeCloseTo(1 - error, rounding)
    expect(again.data[0]).toBeCloseTo(gain * (1 - error), rounding)
  }
})
