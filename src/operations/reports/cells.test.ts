/** How cells are put in rows. */
import { expect, it } from 'vitest'
import { inRows } from './cells.js'

it.each([
  [1, 4, [1]],
  [4, 4, [4]],
  [5, 4, [3, 2]],
  [6, 4, [3, 3]],
  [7, 4, [4, 3]],
  [8, 4, [4, 4]],
  [9, 4, [3, 3, 3]],
  [3, 3, [3]],
  [4, 3, [2, 2]],
])('%i cells in rows of at most %i leave little of the last one empty', (count, most, lengths) => {
  const cells = Array.from({ length: count }, (_, i) => i)
  expect(inRows(cells, most).map(({ length }) => length)).toEqual(lengths)
  expect(inRows(cells, most).flat()).toEqual(cells)
})
