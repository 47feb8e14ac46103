/** What is left of things in a mask, by its place. */
import { expect, it } from 'vitest'
import { map, type Tensor, zeros } from '../../math/tensor.js'
import { leftoversOf } from './leftovers.js'
import { changedOutline, holdsNothing, silhouettesOf } from './silhouettes.js'

const side = 32
type Square = readonly [left: number, top: number, side: number]

const isIn = (i: number, [left, top, size]: Square): boolean => {
  const [x, y] = [i % side, Math.floor(i / side) % side]
  return x >= left && x < left + size && y >= top && y < top + size
}

/** Red squares on blue. */
const picture = (...squares: readonly Square[]): Tensor =>
  map(zeros([3, side, side]), (_, i) => {
    const channel = Math.floor(i / side ** 2)
    return (squares.some((square) => isIn(i, square)) ? [1, -1, -1] : [-1, -1, 1])[channel]!
  })

const old: Square = [8, 12, 8]
const mask = map(zeros([1, side, side]), (_, i) => (isIn(i, [4, 4, 24]) ? 1 : 0))
const leftUnder = (featherPixels: number, ...squares: readonly Square[]) =>
  leftoversOf({ mask, source: picture(old), written: picture(...squares), featherPixels })
const left = (...squares: readonly Square[]) => leftUnder(2, ...squares)

it('says where a piece is left, at the old place and at the edge of the mask', () => {
  expect(left()).toEqual([])
  expect(left([8, 14, 4])).toEqual([
    'a piece of a thing is left at the old place, at pixels 8–11 across and 14–17 down',
  ])
  expect(left([24, 4, 4])).toEqual([
    "a piece of a thing is cut by the mask's edge, at pixels 24–27 across and 4–7 down",
  ])
})

it('says nothing of the thing that moved within the mask, nor of a few pixels', () => {
  expect(left([18, 12, 5])).toEqual([])
  expect(left([8, 14, 3])).toEqual([])
})

it('tells a thing that the seam cuts from one that stands whole beside it', () => {
  expect(leftUnder(8, [17, 12, 6])).toEqual([])
  expect(leftUnder(8, [19, 12, 6]).join()).toContain('cut by')
  // Three pixels of a row beside the edge, and then four.
  expect(leftUnder(8, [16, 12, 7], [23, 14, 1], [23, 15, 1], [23, 16, 1])).toEqual([])
  expect(leftUnder(8, [16, 12, 7], [23, 14, 2], [23, 16, 2]).join()).toContain('cut by')
})

it('an outline that changed is told from one that was kept, whatever its colour', () => {
  const thing: Square = [8, 8, 12]
  const outline = (square: Square) => {
    const green = map(
      picture(square),
      (_, i) => (isIn(i, square) ? [-1, 0.5, -1] : [-1, -1, 1])[Math.floor(i / side ** 2)]!,
    )
    return changedOutline(silhouettesOf({ mask, source: picture(thing), written: green })!)
  }
  expect(outline(thing)).toBeUndefined()
  expect(outline([8, 8, 11])).toBeUndefined()
  expect(outline([8, 8, 10])).toBeCloseTo(100 / 144)
  expect(outline([11, 8, 12])).toBeCloseTo(9 / 15)
  // Most of what is new has a colour of the background: nothing can be told.
  expect(outline([8, 8, 7])).toBeCloseTo(49 / 144)
  expect(outline([8, 8, 6])).toBeUndefined()
  expect(silhouettesOf({ mask: map(mask, () => 1), source: picture(thing), written: picture(thing) })).toBeUndefined()
})

it('tells a mask that lies beside the thing, and one within it', () => {
  const held = (...squares: readonly Square[]) =>
    !holdsNothing(silhouettesOf({ mask, source: picture(...squares), written: picture() })!)
  expect(held([8, 8, 12])).toBe(true)
  expect(held([28, 4, 4])).toBe(false)
  expect(held([0, 0, 30])).toBe(false)
})
