import { expect, it } from 'vitest'
import { type LabelledPoint, labelBox, labelPlaces } from './label-places.js'

const plot = { width: 560, height: 360 }

const boxesOf = (points: readonly LabelledPoint[]) =>
  labelPlaces(points, plot).map((place, i) => labelBox(points[i]!, place))

it('labels of points that are close, or one, cover neither each other nor a point', () => {
  const points = [0, 0, 1, 2, 40].map((shift) => ({
    x: 200 + shift,
    y: 100 + shift,
    label: 'implicit:iteration=picard',
  }))
  const boxes = boxesOf(points)
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
