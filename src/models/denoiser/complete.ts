/** Whether weights are all of a network. */
import type { Weights } from '../../checkpoints/weights.js'
import { expected } from '../../core/errors.js'
import type { Graph } from '../../graph/graph.js'

/** Throws `bad-model` where the weights hold tensors that the network of the configuration does not have. */
export function checkComplete(folder: string, { names }: Weights, graph: Graph, known = (_: string) => true): void {
  const more = names.filter((name) => known(name) && !graph.initializers.has(name))
  if (more.length === 0) return
  throw expected(
    'bad-model',
    `the ${graph.initializers.size} tensors of the configuration`,
    `the weights in \`${folder}\``,
    `${more.length} more, such as ${more[0]}`,
    'The configuration and the weights do not belong together; fetch the model folder again.',
  )
}
