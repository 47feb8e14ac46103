/** A border in one colour, as cropping in place leaves it: filled with what is next to it. */
import { define } from '../core/define.js'
import type { Tensor } from '../math/tensor.js'
import { region, type Window } from '../pictures/pixels.js'
import { planesOf } from '../pictures/planes.js'
import { hasSize, type Restoration, sameSize } from './parts/restoration.js'

/**
 * Fills a border in one colour by repeating the edge of what it surrounds.
 *
 * A row of pixels (a column likewise) belongs to the border if the mean of |x − c| over it is at most `tolerance`, c
 * the mean colour of the outermost row. `trim` more are dropped, where blur and compression mix the two. What follows
 * must then differ by twice the tolerance: a border ends at once, and a sky does not. Cost: one candidate, none without
 * a border. Exact: no; what the border covers is lost. It is the border that breaks a mark, and not the loss of what it
 * covers. The decoder never made such a picture, and its latent is far from all others. Errors: none. Source: ours.
 *
 * @example const [detection] = await detectAll([{ image }], { model, keys: [{ key }], undo: [undoBorder()] })
 */
export const undoBorder = define({
  id: 'border',
  title: 'Border filled',
  source: 'ours',
  also: {
    borders: 'border',
    frame: 'border',
    framed: 'border',
    margin: 'border',
    pad: 'border',
    padded: 'border',
    padding: 'border',
    letterbox: 'border',
  },
  fields: {
    tolerance: {
      type: 'number',
      minimum: 0,
      maximum: 2,
      default: 0.1,
      unit: 'pixels span 2',
      description: 'How much a border may vary.',
    },
    trim: { type: 'integer', minimum: 0, default: 2, unit: 'pixels', description: 'What is dropped inside it.' },
  },
  make: ({ tolerance, trim }): Restoration => ({
    name: 'border',
    takes: sameSize,
    candidates(image, size) {
      if (!hasSize(image, size)) return []
      const window = withoutBorder(image, tolerance, trim)
      return window ? [{ undone: 'border filled', picture: () => extended(image, window) }] : []
    },
  }),
})

/** What a border surrounds; undefined without one, or where nothing would be left. */
function withoutBorder(image: Tensor, tolerance: number, trim: number): Window | undefined {
  const { height: fullHeight, width: fullWidth } = planesOf(image.shape)
  const all = { top: 0, left: 0, height: fullHeight, width: fullWidth }
  const rows = (y: number) => ({ ...all, top: y, height: 1 })
  const depths = sidesOf(image, tolerance, trim)
  const [top, bottom] = depths(fullHeight, rows)
  if (top + bottom >= fullHeight) return undefined
  const between = { ...all, top, height: fullHeight - top - bottom }
  const [left, right] = depths(fullWidth, (x) => ({ ...between, left: x, width: 1 }))
  if (top + bottom + left + right === 0) return undefined
  const trimmed = (side: number) => (side === 0 ? 0 : side + trim)
  const [above, before] = [trimmed(top), trimmed(left)]
  const height = fullHeight - above - trimmed(bottom)
  const width = fullWidth - before - trimmed(right)
  return height > 0 && width > 0 ? { top: above, left: before, height, width } : undefined
}

/** How many of `count` lines belong to a border at either end. */
const sidesOf =
  (image: Tensor, tolerance: number, trim: number) =>
  (count: number, line: (i: number) => Window): readonly [first: number, last: number] => {
    const depth = (order: (i: number) => number): number => {
      const colour = coloursOf(image, line(order(0))).map((values) => sum(values) / values.length)
      const differs = (i: number) => variation(coloursOf(image, line(order(i))), colour)
      let i = 0
      while (i < count && differs(i) <= tolerance) i++
      const isAtOnce = i + trim >= count || differs(i + trim) >= 2 * tolerance
      return isAtOnce ? i : 0
    }
    return [depth((i) => i), depth((i) => count - 1 - i)]
  }

const sum = (values: ArrayLike<number>) => Array.from(values).reduce((total, value) => total + value, 0)

/** The pixels of a window, channel by channel. */
function coloursOf(image: Tensor, { top, left, height, width }: Window): readonly Float64Array[] {
  const { data } = region(image, top, left, height, width)
  const area = height * width
  return Array.from({ length: data.length / area }, (_, channel) => data.subarray(channel * area, (channel + 1) * area))
}

/** Mean of |x − c|. */
function variation(channels: readonly Float64Array[], colour: readonly number[]): number {
  const distances = channels.map((values, c) => sum(values.map((value) => Math.abs(value - colour[c]!))))
  return sum(distances) / sum(channels.map(({ length }) => length))
}

/** What is in the window, its edges repeated outwards over the rest of the picture. */
function extended(image: Tensor, { top, left, height, width }: Window): Tensor {
  const { height: fullHeight, width: fullWidth } = planesOf(image.shape)
  return region(region(image, top, left, height, width), -top, -left, fullHeight, fullWidth)
}
