/** Puts the nodes of a file in an order that can be computed: exporters and optimisers do not always. */
import { expected } from '../../core/errors.js'
import { shortDomain, type VersionedNode } from './functions.js'
import { describeNode } from './rewrites.js'
import { damaged } from './tensors.js'

/** How many values of a cycle a message names. */
const NAMED = 5

const describe = ({ node: { opType, domain, name, output } }: VersionedNode): string =>
  describeNode({ op: opType, domain: shortDomain(domain), name, outputs: output })

/**
 * The nodes, each after those whose results it reads; nodes that are in order already stay as they are.
 *
 * Depth first over what each node reads, without recursion. Throws `bad-model` for a cycle, naming a node and a value
 * of it.
 */
export function inOrder(nodes: readonly VersionedNode[]): VersionedNode[] {
  const makers = new Map<string, VersionedNode>()
  for (const each of nodes) for (const name of each.node.output) if (name !== '') makers.set(name, each)
  const sorted: VersionedNode[] = []
  const states = new Map<VersionedNode, 'open' | 'done'>()
  for (const first of nodes) {
    const path: { readonly each: VersionedNode; next: number }[] = [{ each: first, next: 0 }]
    while (path.length > 0) {
      const top = path.at(-1)!
      const { each } = top
      if (top.next === 0 && states.get(each) === 'done') {
        path.pop()
        continue
      }
      states.set(each, 'open')
      const name = each.node.input[top.next++]
      if (name === undefined) {
        states.set(each, 'done')
        sorted.push(each)
        path.pop()
        continue
      }
      const maker = makers.get(name)
      if (!maker || states.get(maker) === 'done') continue
      if (states.get(maker) === 'open') {
        const cycle = path.slice(path.findIndex((one) => one.each === maker))
        const names = cycle.map((one) => `\`${one.each.node.input[one.next - 1]}\``)
        const got = names.length > NAMED ? [...names.slice(0, NAMED), '…'] : names
        throw expected(
          'bad-model',
          'results that do not depend on themselves',
          describe(maker),
          got.join(' ← '),
          damaged,
        )
      }
      path.push({ each: maker, next: 0 })
    }
  }
  return sorted
}
