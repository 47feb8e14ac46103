import { expect, test } from 'vitest'
import { between, randomFrom } from './random.js'
import { describeScene, shapes } from './scene.js'
import { boundingRadius, distances, orientation } from './shapes.js'

const rounding = 1e-9

test.each(shapes)('%s: the distance changes by no more than the point moves, so rays never step through', (shape) => {
  const distance = distances[shape]
  const random = randomFrom(1)
  const coordinate = () => between(random, -1.6, 1.6)
  for (let i = 0; i < 3000; i++) {
    const [x, y, z] = [coordinate(), coordinate(), coordinate()]
    const step = [between(random, -0.1, 0.1), between(random, -0.1, 0.1), between(random, -0.1, 0.1)] as const
    const change = Math.abs(distance(x + step[0], y + step[1], z + step[2]) - distance(x, y, z))
    expect(change).toBeLessThanOrEqual(Math.hypot(...step) + rounding)
  }
})

test.each(shapes)('%s: the solid is inside the bounding ball and not empty', (shape) => {
  const random = randomFrom(2)
  let inside = 0
  for (let i = 0; i < 3000; i++) {
    const [x, y, z] = [between(random, -1.6, 1.6), between(random, -1.6, 1.6), between(random, -1.6, 1.6)]
    if (distances[shape](x, y, z) >= 0) continue
    inside++
    expect(Math.hypot(x, y, z)).toBeLessThanOrEqual(boundingRadius)
  }
  expect(inside).toBeGreaterThan(0)
})

test('the ball’s distance is exact', () => {
  expect(distances.ball(3, 0, 4)).toBeCloseTo(5 - 0.88, 12)
})

test.each(shapes)('%s: the orientation is a rotation', (shape) => {
  for (let seed = 0; seed < 20; seed++) {
    const m = orientation(shape, describeScene(seed).variation)
    for (let row = 0; row < 3; row++) {
      for (let other = 0; other < 3; other++) {
        const product = [0, 1, 2].reduce((sum, k) => sum + m[3 * row + k]! * m[3 * other + k]!, 0)
        expect(product).toBeCloseTo(row === other ? 1 : 0, 12)
      }
    }
    const [a, b, c, d, e, f, g, h, i] = m as [number, number, number, number, number, number, number, number, number]
    expect(a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)).toBeCloseTo(1, 12)
  }
})
