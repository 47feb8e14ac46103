import { tensor } from 'undiffuse'
import { expect, it } from 'vitest'
import { adamW, type Trained } from './adamw.js'

const options = { betas: [0.9, 0.99], epsilon: 1e-8, weightDecay: 0.1, clip: 1, averageDecay: 0.5 } as const
const stateOf = (weight: number[], bias: number[]): Trained => {
  const make = (values: readonly [number[], number[]]) =>
    new Map([
      ['weight', tensor([1, 2], values[0])],
      ['bias', tensor([2], values[1])],
    ])
  return {
    weights: make([weight, bias]),
    first: make([
      [0, 0],
      [0, 0],
    ]),
    second: make([
      [0, 0],
      [0, 0],
    ]),
    average: make([weight, bias]),
  }
}
const gradientsOf = (weight: number[], bias: number[]) =>
  new Map([
    ['weight', tensor([1, 2], weight)],
    ['bias', tensor([2], bias)],
  ])

it('moves by the learning rate against the sign of the first gradient, and decays matrices only', () => {
  const state = stateOf([1, -1], [1, -1])
  const length = adamW(state, gradientsOf([3, 0], [0, -4]), 0, 0.01, options)
  expect(length).toBe(5)
  const [a, b] = state.weights.get('weight')!.data
  // m̂/√v̂ is ±1 after one step, whatever clipping did; decay takes 0.01·0.1 of the weight.
  expect(a).toBeCloseTo(1 - 0.01 - 0.001, 9)
  expect(b).toBeCloseTo(-1 + 0.001, 9)
  expect(state.weights.get('bias')!.data[0]).toBe(1)
  expect(state.weights.get('bias')!.data[1]).toBeCloseTo(-1 + 0.01, 9)
})

it('skips a gradient that is not finite', () => {
  const state = stateOf([1, 2], [3, 4])
  expect(adamW(state, gradientsOf([Number.NaN, 0], [0, 0]), 0, 0.01, options)).toBeNaN()
  expect([...state.weights.get('weight')!.data, ...state.average.get('bias')!.data]).toEqual([1, 2, 3, 4])
})

it('finds the minimum of a quadratic', () => {
  const state = stateOf([2, -3], [0, 0])
  for (let step = 0; step < 2000; step++) {
    const [x, y] = state.weights.get('weight')!.data as unknown as [number, number]
    adamW(state, gradientsOf([x - 1, y + 0.5], [0, 0]), step, 0.01 * (1 - step / 2000), { ...options, weightDecay: 0 })
  }
  expect(state.weights.get('weight')!.data[0]).toBeCloseTo(1, 3)
  expect(state.weights.get('weight')!.data[1]).toBeCloseTo(-0.5, 3)
})
