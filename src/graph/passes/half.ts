/**
 * The 16-bit version of a graph. Inputs and outputs keep their types and weights stay where they lie; whatever depends
 * on a floating-point input is computed in float16. Not quantization: no scales, no calibration.
 */
import { roundHalf, toHalfBits } from '../../math/half.js'
import { sizeOf } from '../../math/tensor.js'
import { inferTypes } from '../builder.js'
import type { DataType, Graph, Initializer, Node } from '../graph.js'
import { freshNames, valueNames } from '../names.js'
import { dataTypeCode, singleScope } from '../ops/common.js'
import { prune } from './prune.js'

export interface HalfOptions {
  /** Operators that are computed in float32, with casts around them. Default none. */
  readonly keep?: readonly string[]
}

/** Not defined for float16 (Range), with a type of their own, or sums that ONNX Runtime does not have in float16. */
const withoutHalf = ['Range', 'RandomNormalLike', 'RandomUniformLike', 'ScatterElements', 'ScatterND']

/** Inputs and outputs that are float32 whatever the type of the others: a resize's region and scales, for instance. */
const singleInputs: ReadonlyMap<string, readonly number[]> = new Map([['Resize', [1, 2]]])
const singleOutputs: ReadonlyMap<string, readonly number[]> = new Map([['LayerNormalization', [1, 2]]])

/** The numbers of a float32 constant that is held as bytes. */
function numbersOf({ shape, storage }: Initializer): Float64Array | undefined {
  if (!('bytes' in storage)) return undefined
  const view = new DataView(storage.bytes.buffer, storage.bytes.byteOffset, storage.bytes.byteLength)
  return Float64Array.from({ length: sizeOf(shape) }, (_, i) => view.getFloat32(4 * i, true))
}

/** Whether float16 has no use for a constant: a number becomes infinite, or the only one becomes zero. */
function overflows(initializer: Initializer): boolean {
  const values = initializer.dtype === 'float32' ? numbersOf(initializer) : undefined
  if (!values) return false
  return values.some((value) => {
    const rounded = roundHalf(value)
    return (
      Number.isFinite(value) !== Number.isFinite(rounded) || (values.length === 1 && (value === 0) !== (rounded === 0))
    )
  })
}

/**
 * The same function in half precision, behind a float32 interface.
 *
 * Every operator that depends on a floating-point input computes in float16, with a cast at the graph's inputs and
 * outputs. What depends on integers and weights alone (sizes, timesteps, masks) stays in float32 until it meets such a
 * value: it is cheap and must be exact. So does an operator with a constant that float16 cannot hold, such as a mask of
 * −3·10³⁸ or a regulariser of 10⁻¹². Weights in files get a cast to float16, directly also where they are stored as
 * bfloat16 and widened by the graph; weights stored as float16 are used as they are. What is one kernel on a device stays
 * in float32 inside (`singleScope`): the gradients of normalisations and of softmax, and the loss. Relative rounding 2⁻¹¹ per
 * operator; numbers beyond ±65504 become infinite.
 *
 * Errors: `unsupported` for a graph with operators of unknown types.
 *
 * @example
 * const small = half(decoder, { keep: ['Softmax'] })
 */
export function half(graph: Graph, options: HalfOptions = {}): Graph {
  const { types } = inferTypes(graph)
  const keep = new Set([...withoutHalf, ...(options.keep ?? [])])
  const fresh = freshNames([...valueNames(graph), ...graph.nodes.map(({ name }) => name)])
  const nodes: Node[] = []
  const initializers = new Map(graph.initializers)
  const isSingle = (name: string) => types.get(name)?.dtype === 'float32'

  /** Float32 values of the graph that exist in float32, under their own names, and the names of those in float16. */
  const singles = new Set([...graph.inputs.map(({ name }) => name), ...initializers.keys()].filter(isSingle))
  const halves = new Map<string, string>()
  /** Float32 values of the graph that are 16-bit ones widened, and which. */
  const widened = new Map<string, string>()
  /** Values that depend on a floating-point input. */
  const data = new Set(graph.inputs.filter(({ dtype }) => /float/.test(dtype)).map(({ name }) => name))
  const tooLarge = new Set([...initializers].filter(([, initializer]) => overflows(initializer)).map(([name]) => name))

  const cast = (from: string, to: string, dtype: DataType): void => {
    nodes.push({
      op: 'Cast',
      domain: '',
      name: fresh(`Cast/${to}`),
      inputs: [from],
      outputs: [to],
      attributes: { to: { type: 'int', value: dataTypeCode[dtype] } },
    })
  }
  const asHalf = (name: string): string => {
    const found = halves.get(name)
    if (found !== undefined) return found
    const halved = fresh(`${name}/half`)
    halves.set(name, halved)
    const initializer = graph.initializers.get(name)
    const values = initializer && numbersOf(initializer)
    if (values) {
      const bytes = new Uint8Array(toHalfBits(values).buffer)
      initializers.set(halved, { dtype: 'float16', shape: initializer.shape, storage: { bytes } })
    } else cast(widened.get(name) ?? name, halved, 'float16')
    return halved
  }
  const asSingle = (name: string): string => {
    if (!singles.has(name)) cast(widened.get(name) ?? halves.get(name)!, name, 'float32')
    singles.add(name)
    return name
  }

  /** Leaves out the widening of a 16-bit weight, unless something wants float32 after all. */
  function skipsWidening({ op, inputs: [from = ''], outputs: [to = ''] }: Node): boolean {
    const source = types.get(from)?.dtype
    const isWidening = source === 'float16' || (source === 'bfloat16' && graph.initializers.has(from))
    if (op !== 'Cast' || !isSingle(to) || !isWidening) return false
    widened.set(to, from)
    if (source === 'float16') halves.set(to, from)
    if (data.has(from)) data.add(to)
    return true
  }

  for (const node of graph.nodes) {
    if (skipsWidening(node)) continue
    const isData = node.inputs.some((name) => data.has(name))
    const isHalf =
      !keep.has(node.op) &&
      !node.name.startsWith(`${singleScope}/`) &&
      node.inputs.some((name) => isSingle(name) && data.has(name)) &&
      !node.inputs.some((name) => tooLarge.has(name))
    const inputs = node.inputs.map((name, slot) => {
      if (!isSingle(name)) return name
      return isHalf && !singleInputs.get(node.op)?.includes(slot) ? asHalf(name) : asSingle(name)
    })
    const outputs = node.outputs.map((name, slot) => {
      if (isData && /float/.test(types.get(name)?.dtype ?? '')) data.add(name)
      if (!isSingle(name)) return name
      if (!isHalf || singleOutputs.get(node.op)?.includes(slot)) {
        singles.add(name)
        return name
      }
      halves.set(name, fresh(`${name}/half`))
      return halves.get(name)!
    })
    // A cast from float16 to itself is a copy; ONNX Runtime's own casts do not survive one.
    const [target = ''] = node.outputs
    const isCopy = isHalf && node.op === 'Cast' && (isSingle(target) || types.get(target)?.dtype === 'float16')
    nodes.push({ ...node, inputs, outputs, ...(isCopy && { op: 'Identity', attributes: {} }) })
  }
  for (const { name } of graph.outputs) if (isSingle(name)) asSingle(name)

  const known = new Map([...types].filter(([name]) => !isSingle(name) || singles.has(name)))
  for (const [name, halved] of halves) known.set(halved, { dtype: 'float16', shape: types.get(name)!.shape })
  return prune({ ...graph, nodes, initializers, types: known })
}
