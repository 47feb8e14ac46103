/** Sizes that a file leaves open by name, and that its weights fix all the same. */
import type { GraphProto, NodeProto, TensorProto } from 'onnx-buf'
import type { Declared } from './shapes.js'

/** Operators that keep sizes, whatever else they read. */
const unary: ReadonlySet<string> = new Set(['Identity', 'Cast', 'CastLike', 'Tanh', 'Clip'])
/** Operators that keep sizes if the other input is one number. */
const binary: ReadonlySet<string> = new Set(['Add', 'Sub', 'Mul', 'Div'])

type Dims = readonly number[]

const dimsOf = ({ dims }: TensorProto): Dims => dims.map(Number)

function weightShapes({ initializer, node }: GraphProto): ReadonlyMap<string, Dims> {
  const shapes = new Map(initializer.map((tensor) => [tensor.name, dimsOf(tensor)]))
  for (const { opType, output, attribute } of node) {
    const tensor = opType === 'Constant' ? attribute.find(({ name }) => name === 'value')?.t : undefined
    if (tensor && output[0] !== undefined) shapes.set(output[0], dimsOf(tensor))
  }
  return shapes
}

/** The axis of the first input whose size the node's weights fix, counted from the end if negative. */
function fixedBy({ opType, input, attribute }: NodeProto, weights: ReadonlyMap<string, Dims>) {
  const weight = weights.get(input[1] ?? '')
  if (!weight) return undefined
  const integer = (key: string, fallback: number) => Number(attribute.find(({ name }) => name === key)?.i ?? fallback)
  if (opType === 'Conv' || opType === 'FusedConv') return { axis: 1, size: weight[1]! * integer('group', 1) }
  if (opType === 'MatMul' && weight.length === 2) return { axis: -1, size: weight[0]! }
  if (opType === 'Gemm') return { axis: -1, size: weight[integer('transB', 0) ? 1 : 0]! }
  return undefined
}

/**
 * The inputs with sizes in place of names where the first convolution or product that reads them leaves no choice:
 * the channels of a picture, the width of a text encoder's states.
 */
export function fixedByWeights(inputs: readonly Declared[], graph: GraphProto): Declared[] {
  const weights = weightShapes(graph)
  const readers = new Map<string, NodeProto[]>()
  for (const node of graph.node) {
    for (const name of new Set(node.input)) {
      const found = readers.get(name)
      if (found) found.push(node)
      else readers.set(name, [node])
    }
  }
  const isNumber = (name: string) => weights.get(name)?.every((size) => size === 1) ?? false
  const keepsSizes = ({ opType, input }: NodeProto, name: string) =>
    (unary.has(opType) && input[0] === name) ||
    (binary.has(opType) && input.every((each) => each === name || isNumber(each)))
  return inputs.map((declared) => {
    const dimensions = declared.dimensions && [...declared.dimensions]
    if (!dimensions) return declared
    const names = new Set([declared.name])
    // Names are added while they are walked over: what an operator that keeps sizes makes is read as the input is.
    for (const name of names) {
      for (const node of readers.get(name) ?? []) {
        const found = node.input[0] === name ? fixedBy(node, weights) : undefined
        const axis = found && (found.axis < 0 ? found.axis + dimensions.length : found.axis)
        if (axis !== undefined && axis < dimensions.length && typeof dimensions[axis] !== 'number') {
          dimensions[axis] = found!.size
        }
        const [output = ''] = node.output
        if (keepsSizes(node, name)) names.add(output)
      }
    }
    return { ...declared, dimensions }
  })
}
