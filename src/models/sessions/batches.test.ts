import fc from 'fast-check'
import { expect, it } from 'vitest'
import { inBatches } from './batches.js'

async function run(count: number) {
  const sizes: number[] = []
  const rows = Array.from({ length: count }, (_, i) => i)
  const results = await inBatches(rows, async (some) => {
    sizes.push(some.length)
    return some.map((row) => row * 10)
  })
  return { sizes, results }
}

it('answers every row, in order, in batches of powers of two that get smaller', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 200 }), async (count) => {
      const { sizes, results } = await run(count)
      expect(results).toEqual(Array.from({ length: count }, (_, i) => i * 10))
      const digits = [...count.toString(2)].reverse().flatMap((digit, i) => (digit === '1' ? [2 ** i] : []))
      expect(sizes).toEqual(count === 0 ? [] : digits.reverse())
    }),
  )
})

it('ends with the first batch that fails', async () => {
  const fail = inBatches([1, 2, 3], async (some) => {
    if (some.length === 1) throw new RangeError('the last one')
    return some
  })
  await expect(fail).rejects.toThrow('the last one')
})
