/**
 * Reads models in bfloat16 as models in float32 with the same weights: no runtime here computes in bfloat16, and float32
 * holds every such number.
 */
import type { Attribute, DataType, Initializer, Node } from '../graph.js'
import type { FreshName } from '../names.js'
import { dataTypeCode } from '../ops/common.js'

/** The type that a file's type is computed in. */
export const computedType = (dtype: DataType): DataType => (dtype === 'bfloat16' ? 'float32' : dtype)

/** A bfloat16 number is the upper half of a float32 number. */
function widened(initializer: Initializer): Initializer {
  const { dtype, shape, storage } = initializer
  if (dtype !== 'bfloat16' || !('bytes' in storage)) return initializer
  const bytes = new Uint8Array(2 * storage.bytes.length)
  for (let i = 0; i < storage.bytes.length; i++) bytes[2 * i + 2 - (i % 2)] = storage.bytes[i]!
  return { dtype: 'float32', shape, storage: { bytes } }
}

const computedAttribute = (key: string, attribute: Attribute): Attribute => {
  if (attribute.type === 'tensor') return { type: 'tensor', value: widened(attribute.value) }
  const isType = (key === 'to' || key === 'dtype') && attribute.type === 'int'
  return isType && attribute.value === dataTypeCode.bfloat16 ? { type: 'int', value: dataTypeCode.float32 } : attribute
}

/** The node with float32 where it names bfloat16. */
export const computedNode = (node: Node): Node => ({
  ...node,
  attributes: Object.fromEntries(
    Object.entries(node.attributes).map(([key, attribute]) => [key, computedAttribute(key, attribute)]),
  ),
})

/**
 * The nodes with casts before those that read weights in bfloat16: nothing is copied, and what lies in other files stays
 * there. Nodes that cast a weight themselves read it as it is.
 */
export function withWidenedWeights(
  nodes: readonly Node[],
  weights: ReadonlyMap<string, Initializer>,
  fresh: FreshName,
): readonly Node[] {
  const singles = new Map<string, string>()
  return nodes.flatMap((node): Node[] => {
    const casts: Node[] = []
    const single = (name: string): string => {
      if (weights.get(name)?.dtype !== 'bfloat16') return name
      const found = singles.get(name)
      if (found !== undefined) return found
      const output = fresh(`${name}/float32`)
      singles.set(name, output)
      const attributes = { to: { type: 'int', value: dataTypeCode.float32 } } as const
      casts.push({ op: 'Cast', domain: '', name: fresh(`${name}/Cast`), inputs: [name], outputs: [output], attributes })
      return output
    }
    if (node.op === 'Cast' && node.domain === '') return [node]
    const inputs = node.inputs.map(single)
    return [...casts, { ...node, inputs }]
  })
}
