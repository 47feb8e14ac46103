import fc from 'fast-check'
import { expect, test } from 'vitest'
import { frontier, type Tradeoff } from './frontier.js'

const beats = (a: Tradeoff, b: Tradeoff) =>
  a.cost <= b.cost && a.error <= b.error && (a.cost < b.cost || a.error < b.error)

test('a point is on the frontier exactly when no other point beats it', () => {
  const tradeoff = fc.record({ cost: fc.integer({ min: 0, max: 9 }), error: fc.integer({ min: 0, max: 9 }) })
  fc.assert(
    fc.property(fc.array(tradeoff, { maxLength: 12 }), (points) => {
      const found = frontier(points)
      for (const point of points) {
        const beaten = points.some((other) => beats(other, point))
        const listed = found.some(({ cost, error }) => cost === point.cost && error === point.error)
        expect(listed).toBe(!beaten)
      }
    }),
  )
})

test('it runs from the cheapest to the most accurate, each once', () => {
  const points = [
    { cost: 3, error: 1 },
    { cost: 1, error: 3 },
    { cost: 1, error: 3 },
    { cost: 2, error: 3 },
  ]
  expect(frontier(points)).toEqual([points[1], points[0]])
})
