/** What every runtime checks before it runs a graph: that the feeds are the graph's inputs, by name and shape. */
import { expected } from '../../core/errors.js'
import type { Graph, Value } from '../../graph/graph.js'
import { type Feeds, type Held, tensorOf } from '../../graph/runtime.js'
import { formatShape, sameShape, type Tensor } from '../../math/tensor.js'

export interface Fed {
  readonly input: Value
  readonly feed: Tensor
  /** Where the feed is a value that the runtime holds. */
  readonly held: Held | undefined
}

/**
 * Each input of the graph with what it is fed; `bad-shape` names the one that is missing, unknown or of another shape.
 *
 * @example
 * for (const { input, feed } of matchFeeds(graph, { latent })) values.set(input.name, feed.data)
 */
export function matchFeeds(graph: Graph, feeds: Feeds): readonly Fed[] {
  const names = new Set(graph.inputs.map(({ name }) => name))
  const unknown = Object.keys(feeds).find((name) => !names.has(name))
  if (unknown !== undefined) {
    throw expected(
      'bad-shape',
      `the inputs ${[...names].join(', ')}`,
      `\`${graph.name}\``,
      `\`${unknown}\``,
      'Leave it out.',
    )
  }
  return graph.inputs.map((input) => {
    const { name, shape } = input
    const given = feeds[name]
    const held = given && 'release' in given ? given : undefined
    const feed = given && tensorOf(given)
    if (feed && sameShape(feed.shape, shape)) return { input, feed, held }
    const where = `input \`${name}\` of \`${graph.name}\``
    const got = feed ? formatShape(feed.shape) : 'nothing'
    throw expected('bad-shape', `a tensor of shape ${formatShape(shape)}`, where, got, 'Shapes are fixed in the graph.')
  })
}
