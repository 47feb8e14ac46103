/** What questions would need of memory: from the graphs that would answer them, which are not opened. */
import type { Graph } from '../../graph/graph.js'
import { formatShape, type Shape } from '../../math/tensor.js'
import type { Model } from '../../model/model.js'
import type { Kind } from '../../model/questions.js'
import { largestBatch } from './batches.js'
import type { SessionPool } from './pool.js'

/** The graph that answers so many questions of a kind at once; nothing for kinds that are somebody else's. */
export type GraphFor = (kind: Kind, latent: Shape, batch: number) => Graph | undefined

/**
 * How a model says what it would need. A graph is made once for each kind, shape and batch.
 *
 * @example const model = { …, memoryFor: memoryOf(pool, autoencoderGraphs(networks, 32)) }
 */
export function memoryOf(pool: SessionPool, ...makers: readonly GraphFor[]): NonNullable<Model['memoryFor']> {
  const known = new Map<string, ReturnType<SessionPool['memory']>>()
  return (kind, latent, count) => {
    const batch = largestBatch(count)
    const key = `${kind} ${batch} ${formatShape(latent)}`
    if (known.has(key)) return known.get(key)
    const graph = makers.map((graphFor) => graphFor(kind, latent, batch)).find((found) => found !== undefined)
    const need = graph && pool.memory(graph)
    known.set(key, need)
    return need
  }
}
