import { expect, it } from 'vitest'
import type { Held } from '../../graph/runtime.js'
import { tensor } from '../../math/tensor.js'
import { referenceRuntime } from '../../runtimes/reference/reference.js'
import { heldBatches } from './held-batches.js'
import { sessionPool } from './pool.js'

it('holds what the same objects stand for once, in their order, and releases what was used longest ago', () => {
  const released: Held[] = []
  const pool = sessionPool(referenceRuntime(), 'model', { sessions: 1 })
  const feeds = heldBatches({ ...pool, release: (value) => released.push(value) }, 2)
  const [a, b] = [{}, {}]
  let made = 0
  const of = (...objects: readonly object[]) => feeds(objects, () => ({ key: tensor([1], [++made]) }))

  const first = of(a, b)
  expect(of(a, b)).toBe(first)
  const turned = of(b, a)
  expect(turned).not.toBe(first)
  expect(of(a, b)).toBe(first)
  expect(released).toEqual([])
  of(a)
  expect(released).toEqual([turned.key])
  expect(made).toBe(3)
})
