/** Whether weights are all of a network. */
import type { Weights } from '../checkpoints/weights.js'
import { expected } from '../core/errors.js'
import type { Graph } from '../graph/graph.js'

/** Throws `bad-model` where the weights hold tensors that the network of the configuration does not have. */
export function checkComplete(
  folder: string,
  { names }: Weights,
  graphs: readonly Graph[],
  known = (_: string) => true,
): void {
  const read = new Set(graphs.flatMap(({ initializers }) => [...initializers.keys()]))
  const more = names.filter((name) => known(name) && !read.has(name))
  if (more.length === 0) return
  throw expected(
    'bad-model',
    `the ${names.length - more.length} tensors that the configuration reads`,
    `the weights in \`${folder}\``,
    `${more.length} more, such as ${more[0]}`,
    'The configuration and the weights do not belong together; fetch the model folder again.',
  )
}
