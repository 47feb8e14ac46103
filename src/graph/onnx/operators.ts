/** Which operators of a file are known: asked once for the whole file, before its nodes are looked at. */
import { expected } from '../../core/errors.js'
import { compositeOf } from '../composites/index.js'
import { operatorOf } from '../ops/index.js'
import { shortDomain, type VersionedNode } from './functions.js'
import { describeNode } from './rewrites.js'
import { isUpgraded } from './upgrade.js'

/** How many operators a message names. */
const NAMED = 20

const isKnown = (op: string, domain: string): boolean =>
  (domain === '' || domain === 'com.microsoft') &&
  (isUpgraded(op, domain) || compositeOf(op, domain) !== undefined || operatorOf(op, domain) !== undefined)

/** Operators of quantised models: integers with scales, or weights of a few bits. */
const isQuantised = (op: string): boolean =>
  /Quantize|Integer(ToFloat)?$|^Q(Linear|Gemm|Attention|MoE|OrderedMatMul)|NBits$|Bnb4$/.test(op)

/**
 * Throws `unsupported` for operators that are not known, naming each with its domain, its first node and how many nodes
 * it has. The same for files with fixed and with symbolic sizes: an operator that is not known has no shapes and no
 * gradient.
 */
export function checkOperators(nodes: readonly VersionedNode[]): void {
  const found = new Map<string, { readonly first: string; readonly op: string; count: number }>()
  for (const { node } of nodes) {
    const domain = shortDomain(node.domain)
    if (isKnown(node.opType, domain)) continue
    const key = `${domain}.${node.opType}`
    const before = found.get(key)
    if (before) before.count++
    else {
      const first = describeNode({ op: node.opType, domain, name: node.name, outputs: node.output })
      found.set(key, { first, op: node.opType, count: 1 })
    }
  }
  if (found.size === 0) return
  const all = [...found.values()]
  const named = all
    .slice(0, NAMED)
    .map(({ first, count }) => (count === 1 ? first : first.replace(/\)$/, ` and ${count - 1} more)`)))
  const got = all.length > NAMED ? [...named, `${all.length - NAMED} more operators`] : named
  if (all.some(({ op }) => isQuantised(op))) {
    const remedy = 'Use the model as it was before it was quantised.'
    throw expected('unsupported', 'a model that is not quantised', 'the file', got.join(', '), remedy)
  }
  throw expected(
    'unsupported',
    'operators that this library knows',
    'the file',
    got.join(', '),
    'Export the model with standard operators of set 21 or earlier, and without optimisations for a device.',
  )
}
