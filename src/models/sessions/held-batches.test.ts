import { expect, it } from 'vitest'
import { builder } from '../../graph/builder.js'
import { scale } from '../../graph/ops/common.js'
import type { Feeds, Held, Runtime } from '../../graph/runtime.js'
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

it('frees nothing that a waiting run is fed: more conditions at once than are held', async () => {
  const plain = referenceRuntime()
  const [released, early] = [new Set<Held>(), [] as Held[]]
  const runtime: Runtime = {
    ...plain,
    hold: (value) => {
      const held = plain.hold(value)
      const noting = { ...held, release: () => released.add(noting) }
      return noting
    },
    async open(graph, options) {
      const session = await plain.open(graph, options)
      const run: typeof session.run = (feeds, signal) => {
        early.push(...Object.values(feeds).filter((one): one is Held => released.has(one as Held)))
        return session.run(feeds, signal)
      }
      return { ...session, run }
    },
  }
  const pool = sessionPool(runtime, 'model', { sessions: 1 })
  const feeds = heldBatches(pool, 2)
  const graph = () => {
    const b = builder()
    b.output(scale(b, b.input('x', 'float32', [1]), 2), 'out')
    return b.finish('doubled')
  }
  const numbers = [1, 2, 3, 4, 5, 6, 7, 8]
  const told: Feeds[] = []
  const results = await Promise.all(
    numbers.map((n) => {
      told.push(feeds([{}], () => ({ x: tensor([1], [n]) })))
      return pool.run('doubled', graph, told.at(-1)!)
    }),
  )
  expect(results.map(({ out }) => out!.data[0])).toEqual(numbers.map((n) => 2 * n))
  expect(early).toEqual([])
  // Those that are not among the two asked for last are gone once their runs have ended.
  expect(released).toEqual(new Set(told.slice(0, -2).map((one) => one.x)))
  await pool.close()
  expect(released.size).toBe(numbers.length)
})
