import { describe, expect, it } from 'vitest'
import { combine, dot, norm, subtract, type Tensor, tensor, torchGenerator, zeros } from '../../math/index.js'
import { type Difference, nearest } from './differences.js'

const [rows, columns] = [20, 4]
const random = torchGenerator(1)
const pairs: Difference[] = Array.from({ length: columns }, (_, i) => ({
  step: tensor(
    [columns],
    Array.from({ length: columns }, (_, j) => Number(i === j)),
  ),
  change: random.noise([rows]),
}))
const target = random.noise([rows])

/** Solves the normal equations by Gaussian elimination with pivots. */
function leastSquares(changes: readonly Tensor[], target: Tensor): number[] {
  const system = changes.map((row) => [...changes.map((column) => dot(row, column)), dot(row, target)])
  for (let k = 0; k < system.length; k++) {
    const pivot = system.reduce(
      (best, row, i) => (i >= k && Math.abs(row[k]!) > Math.abs(system[best]![k]!) ? i : best),
      k,
    )
    ;[system[k], system[pivot]] = [system[pivot]!, system[k]!]
    for (const [i, row] of system.entries()) {
      if (i === k) continue
      const factor = row[k]! / system[k]![k]!
      for (let j = k; j < row.length; j++) row[j]! -= factor * system[k]![j]!
    }
  }
  return system.map((row, k) => row.at(-1)! / row[k]!)
}

/** Rounding, magnified by the square of the columns' condition, which is about 3. */
const rounding = 1e-12

describe('nearest', () => {
  it('is the least-squares fit', () => {
    const shares = leastSquares(
      pairs.map(({ change }) => change),
      target,
    )
    const { step, change } = nearest(target, pairs)
    expect(norm(subtract(step, tensor([columns], shares)))).toBeLessThan(rounding)
    const fitted = combine(...pairs.map(({ change }, i) => [shares[i]!, change] as const))
    expect(norm(subtract(change, fitted))).toBeLessThan(rounding)
    for (const pair of pairs) expect(Math.abs(dot(subtract(target, change), pair.change))).toBeLessThan(rounding)
  })

  it('leaves out columns that depend on others, and zeros', () => {
    const double = {
      step: tensor([columns], [9, 9, 9, 9]),
      change: combine([2, pairs[0]!.change], [-1, pairs[1]!.change]),
    }
    const nothing = { step: tensor([columns], [7, 7, 7, 7]), change: zeros([rows]) }
    expect(nearest(target, [...pairs, double, nothing])).toEqual(nearest(target, pairs))
  })

  it('is zero without differences', () => {
    expect(nearest(target, [])).toEqual({ step: zeros([rows]), change: zeros([rows]) })
  })
})
