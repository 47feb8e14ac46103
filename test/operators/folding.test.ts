/** What the builder evaluates while a graph is written against the reference runtime. */
import { describe, expect, it } from 'vitest'
import { referenceRuntime } from '../../src/runtimes/reference/reference.js'
import { caseGraph } from './case.js'
import { cases } from './cases/index.js'

const fixed = cases.map((each) => caseGraph(each, 'float64', { fixed: true }))
const folded = fixed.filter(({ graph, known }) => graph.outputs.some(({ name }) => known(name)))

describe('numbers known while building are those of a run', () => {
  it.each(folded.map((each) => [each.graph.name, each] as const))('%s', async (_, { graph, known }) => {
    const session = await referenceRuntime().open(graph)
    const results = await session.run({})
    for (const { name } of graph.outputs) {
      const numbers = known(name)
      if (numbers) expect([...results[name]!.data]).toEqual(numbers)
    }
  })

  it('some are known', () => {
    expect(folded.length).toBeGreaterThan(0)
  })
})
