import { expect, test } from 'vitest'
import { tensor } from '../../math/tensor.js'
import { averageLooks } from './average-looks.js'

test('coarser layers are repeated, and every place still looks once', () => {
  // Two tokens, 2 × 4 places: a fine layer, and one of 1 × 2.
  const share = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
  const fine = tensor([2, 2, 4], [...share, ...share.map((value) => 1 - value)])
  const coarse = tensor([2, 1, 2], [0.9, 0.3, 0.1, 0.7])
  const [looks] = averageLooks([[fine], [coarse]], [2, 4])
  const wanted = share.map((value, i) => (value + (i % 4 < 2 ? 0.9 : 0.3)) / 2)
  expect(looks!.shape).toEqual([2, 2, 4])
  looks!.data.forEach((value, i) => {
    expect(value).toBeCloseTo(i < 8 ? wanted[i]! : 1 - wanted[i - 8]!, 12)
  })
})

test('a place of a layer that was halved twice stands for four, and the last for what is left of an odd side', () => {
  // 17 places are halved to 9 and 5: place i of the layer lies over 4i … 4i + 3.
  const layer = tensor([1, 5, 1], [0, 1, 2, 3, 4])
  const [looks] = averageLooks([[layer]], [17, 1])
  expect([...looks!.data]).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4])
})

test('questions are answered in their order', () => {
  const of = (value: number) => tensor([1, 1, 1], [value])
  expect(averageLooks([[of(1), of(2)]], [1, 1]).map(({ data }) => data[0])).toEqual([1, 2])
})
