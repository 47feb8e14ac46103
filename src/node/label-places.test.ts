import { expect, it } from 'vitest'
import { type LabelledPoint, labelBox, labelPlaces } from './label-places.js'

const plot = { width: 560, height: 360 }

const boxesOf = (points: readonly LabelledPoint[]) =>
  labelPlaces(points, plot).flatMap((place, i) => (place ? [labelBox(points[i]!, place)] : []))

it.each([
  [
    'of points that are close, or one',
    [0, 0, 1, 2, 40].map((shift, i) => ({ x: 200 + shift, y: 100 + shift, label: `implicit:restarts=${i}` })),
  ],
  [
    'of 28 numbered points in two rows',
    Array.from({ length: 28 }, (_, i) => ({ x: 60 + 16 * i, y: 120 + 200 * (i % 2), label: `${1 + (i >> 1)}` })),
  ],
])('labels %s cover neither each other nor a point', (_, points) => {
  const boxes = boxesOf(points)
  expect(boxes).toHaveLength(points.length)
  for (const [i, one] of boxes.entries()) {
    for (const other of boxes.slice(i + 1)) {
      const isApart =
        one.right <= other.left || other.right <= one.left || one.bottom <= other.top || other.bottom <= one.top
      expect(isApart, `${JSON.stringify(one)} and ${JSON.stringify(other)}`).toBe(true)
    }
    for (const { x, y } of points) expect(x > one.left && x < one.right && y > one.top && y < one.bottom).toBe(false)
  }
})

it('labels stay inside the plot, in its corners too', () => {
  const corners = [0, plot.width].flatMap((x) => [0, plot.height].map((y) => ({ x, y, label: 'automatic' })))
  for (const { left, right, top, bottom } of boxesOf(corners)) {
    expect([left >= 0, top >= 0, right <= plot.width, bottom <= plot.height]).toEqual([true, true, true, true])
  }
})

it('a label stands beside its mark where there is room, and is tied to it where it had to move', () => {
  const crowd = Array.from({ length: 12 }, (_, i) => ({ x: 280 + i, y: 180, label: `automatic:iterations=${i}` }))
  const [alone, ...others] = labelPlaces([{ x: 100, y: 50, label: 'naive' }, ...crowd], plot)
  expect(alone).toEqual({ dx: 8, dy: 0, align: 'left' })
  const tied = others.filter((place) => place!.leader)
  expect(tied.length).toBeGreaterThan(0)
  for (const { dx, dy, leader } of tied.map((place) => place!)) {
    expect(Math.hypot(leader!.dx - dx, leader!.dy - dy)).toBeLessThan(3)
  }
})

it('two marks at one place with one label have it once; other labels stay', () => {
  const at = (x: number, label: string) => ({ x, y: 100, label })
  const places = labelPlaces([at(100, 'naive'), at(101, 'naive'), at(102, 'sweep'), at(300, 'naive')], plot)
  expect(places.map((place) => place !== undefined)).toEqual([true, false, true, true])
})
