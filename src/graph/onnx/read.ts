/**
 * Reads an ONNX model of any exporter as a graph: one operator set, static shapes, constants among the weights, no
 * functions, every value defined once and before it is read. Writing is onnx.ts; nothing here touches a file.
 */
import { fromBinary } from '@bufbuild/protobuf'
import { type GraphProto, type ModelProto, ModelProtoSchema, type ValueInfoProto } from 'onnx-buf'
import { expected, isUndiffuseError } from '../../core/errors.js'
import { inferTypes } from '../builder.js'
import { withoutComposites } from '../composites/index.js'
import type { DataType, Graph, Initializer, Node, Value, ValueType } from '../graph.js'
import { freshNames } from '../names.js'
import { encodeNumbers } from '../numbers.js'
import { dataTypeOfCode } from '../ops/common.js'
import { computedNode, computedType, withWidenedWeights } from './bfloat16.js'
import { fixedByWeights } from './channels.js'
import { inlineFunctions, operatorSet, type VersionedNode } from './functions.js'
import { constantOf, readNode } from './nodes.js'
import { checkOperators } from './operators.js'
import { inOrder } from './order.js'
import { describeNode, type Surroundings } from './rewrites.js'
import { type Declared, givenShape, readDeclared, type Shapes, specialise, staticShape } from './shapes.js'
import { damaged, type Resolve, readTensor } from './tensors.js'
import { upgrade } from './upgrade.js'

export interface DecodeOptions {
  /** From an external tensor's location, as the model states it, to the file it lies in. */
  readonly resolve?: Resolve
  /** Sizes of symbolic dimensions by their names, or whole shapes by the names of inputs and outputs. */
  readonly shapes?: Shapes
}

function parse(bytes: Uint8Array): { model: ModelProto; graph: GraphProto } {
  let model: ModelProto
  try {
    model = fromBinary(ModelProtoSchema, bytes)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw expected(
      'bad-model',
      'an ONNX model',
      'the file',
      `${bytes.length} bytes that are not one (${reason})`,
      damaged,
    )
  }
  if (!model.graph)
    throw expected('bad-model', 'an ONNX model', 'the file', `${bytes.length} bytes without a graph`, damaged)
  return { model, graph: model.graph }
}

/** Most characters of one quoted name, of what stands between two of them, and of a part of a message. */
const LONGEST = { name: 100, between: 400, part: 480 }

const shortened = (text: string, length: number): string => (text.length > length ? `${text.slice(0, length)}…` : text)

/**
 * A part of a message that is fit for one line of a terminal: backticks quote every other piece of it. Long names and
 * characters that cannot be printed are cut out, and a part that is long all the same loses its middle.
 */
function printable(part: string): string {
  const pieces = part
    .split('`')
    .map((piece, i) => shortened(piece, i % 2 === 1 ? LONGEST.name : LONGEST.between))
    .join('`')
  const end = LONGEST.part / 4
  const whole = pieces.length > LONGEST.part ? `${pieces.slice(0, LONGEST.part - end)} … ${pieces.slice(-end)}` : pieces
  return whole.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '·')
}

/**
 * Runs `read`; what its errors quote of the file becomes fit for one line of a terminal: names may hold anything, line
 * breaks, control sequences and megabytes.
 */
function printably<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!isUndiffuseError(error)) throw error
    const { code, expected: what, subject, got, remedy } = error
    throw expected(code, printable(what), printable(subject), printable(got), printable(remedy), { cause: error })
  }
}

function readInitializers(graph: GraphProto, resolve: Resolve | undefined): Map<string, Initializer> {
  if (graph.sparseInitializer.length > 0) {
    throw expected(
      'unsupported',
      'dense weights',
      `\`${graph.sparseInitializer[0]!.values?.name}\``,
      'a sparse tensor',
      'Export the model with dense weights.',
    )
  }
  const initializers = new Map<string, Initializer>()
  for (const tensor of graph.initializer) {
    if (tensor.name === '' || initializers.has(tensor.name)) {
      throw expected('bad-model', 'one name for each weight', 'the model', `\`${tensor.name}\` again`, damaged)
    }
    initializers.set(tensor.name, readTensor(tensor, `\`${tensor.name}\``, resolve))
  }
  return initializers
}

/** An input or output as it is declared, in the type that it is computed in. */
const readComputed = (proto: ValueInfoProto): Declared => {
  const declared = readDeclared(proto)
  return { ...declared, dtype: computedType(declared.dtype) }
}

/** Old files list weights among the inputs, as defaults that may be replaced. */
function fedInputs({ input, initializer }: GraphProto): Declared[] {
  const weights = new Set(initializer.map(({ name }) => name))
  return input.filter(({ name }) => !weights.has(name)).map(readComputed)
}

/**
 * What a model must be fed, as the file declares it or its weights fix it: what one needs to know to give `decodeOnnx`
 * its shapes.
 *
 * Errors: `bad-model` for damaged files; `unsupported` for inputs that are not tensors.
 *
 * @example const [input] = onnxInputs(bytes) // { name: 'sample', dtype: 'float32', dimensions: ['batch_size', 3, ...] }
 */
export const onnxInputs = (bytes: Uint8Array): readonly Declared[] =>
  printably(() => {
    const { graph } = parse(bytes)
    return fixedByWeights(fedInputs(graph), graph)
  })

/** What is known of the values defined so far. */
interface Scope {
  /** Throws `bad-model` when there is a value of that name. */
  define(name: string, type?: { readonly dtype: DataType; readonly shape?: readonly number[] }): void
  has(name: string): boolean
  rank(name: string): number | undefined
  floatType(name: string): DataType | undefined
}

function openScope(): Scope {
  const names = new Set([''])
  const ranks = new Map<string, number>()
  const floats = new Map<string, DataType>()
  return {
    define(name, type) {
      if (name === '') return
      if (names.has(name))
        throw expected('bad-model', 'each value to be defined once', 'the model', `\`${name}\` twice`, damaged)
      names.add(name)
      if (type?.shape) ranks.set(name, type.shape.length)
      if (type && /float/.test(type.dtype)) floats.set(name, type.dtype)
    },
    has: (name) => names.has(name),
    rank: (name) => ranks.get(name),
    floatType: (name) => floats.get(name),
  }
}

/**
 * Results of most operators have the type of their first floating-point input. Only constants that rewrites of old
 * forms add depend on this; a wrong guess would be a type error when the graph is opened.
 */
function resultType({ op, inputs, attributes: { to } }: Node, scope: Scope): { dtype: DataType } | undefined {
  const dtype =
    op === 'Cast' && to?.type === 'int'
      ? dataTypeOfCode(to.value)
      : inputs.map((name) => scope.floatType(name)).find((type) => type !== undefined)
  return dtype && { dtype }
}

/** The model's nodes in operator set 21; constants go to `initializers`. */
function readNodes(
  nodes: readonly VersionedNode[],
  scope: Scope,
  initializers: Map<string, Initializer>,
  around: Surroundings,
  resolve: Resolve | undefined,
): Node[] {
  return nodes.flatMap(({ node: proto, version }) => {
    const node = computedNode(readNode(proto, resolve))
    const unknown = node.inputs.find((name) => !scope.has(name))
    if (unknown !== undefined) {
      throw expected(
        'bad-model',
        'nodes that read inputs, weights and earlier results',
        describeNode(node),
        `\`${unknown}\``,
        damaged,
      )
    }
    if (node.op === 'Constant' && node.domain === '') {
      const [name = ''] = node.outputs
      const constant = constantOf(node)
      scope.define(name, constant)
      initializers.set(name, constant)
      return []
    }
    const type = resultType(node, scope)
    for (const name of node.outputs) scope.define(name, type)
    return upgrade(node, version, around)
  })
}

/** Outputs with static shapes: as given, as declared, or as the operators make them. */
function readOutputs(declared: readonly Declared[], graph: Graph, shapes: Shapes): Value[] {
  const types = declared.map((output) => givenShape(output, shapes) ?? staticShape(output))
  let inferred: ReadonlyMap<string, ValueType> | undefined
  return declared.map(({ name, dtype }, i) => {
    const shape = types[i]
    if (shape) return { name, dtype, shape }
    inferred ??= inferTypes({ ...graph, outputs: [] }).types
    return { name, dtype, shape: inferred.get(name)!.shape }
  })
}

/**
 * Reads a model as a graph of operator set 21.
 *
 * Models of sets 9 to 26 are read, their nodes in any order; older forms are rewritten (upgrade.ts) and fused operators
 * written out (composites). bfloat16 is computed in float32 with the same weights. Weights in other files stay there, as
 * references to `resolve(location)`; whether those files are there and long enough is for who opens them to see.
 *
 * Errors: `bad-model` for damaged files and places outside the model's folder; `bad-shape` for a symbolic dimension
 * without a size, naming it; `unsupported` for operators that are not known (control flow, quantised models, other
 * makers' operators), naming each with its first node, whether sizes are fixed or symbolic.
 *
 * @example
 * const decoder = decodeOnnx(bytes, { resolve: (location) => join(folder, location), shapes: { height: 64, width: 64 } })
 */
export const decodeOnnx = (bytes: Uint8Array, options: DecodeOptions = {}): Graph =>
  printably(() => decode(bytes, options))

function decode(bytes: Uint8Array, { resolve, shapes = {} }: DecodeOptions): Graph {
  const { model, graph: proto } = parse(bytes)
  const version = operatorSet(model.opsetImport, 'the model')
  if (version === undefined) throw expected('bad-model', 'an operator set', 'the model', 'none', damaged)

  const initializers = readInitializers(proto, resolve)
  const outputs = proto.output.map(readComputed)
  const inputs = specialise(fedInputs(proto), outputs, shapes)

  const scope = openScope()
  for (const input of inputs) scope.define(input.name, input)
  for (const [name, { dtype, shape }] of initializers) scope.define(name, { dtype: computedType(dtype), shape })

  const fresh = freshNames([
    ...proto.input.map(({ name }) => name),
    ...initializers.keys(),
    ...proto.node.flatMap(({ name, output }) => [name, ...output]),
  ])
  const inlined = inOrder(inlineFunctions(model, version, fresh))
  checkOperators(inlined)
  const used = new Set([...inlined.flatMap(({ node }) => node.input), ...outputs.map(({ name }) => name)])
  const around: Surroundings = {
    constant(dtype, shape, values) {
      const name = fresh('constant')
      initializers.set(name, { dtype, shape, storage: { bytes: encodeNumbers(dtype, values) } })
      return name
    },
    fresh,
    initializer: (name) => initializers.get(name),
    rank: scope.rank,
    floatType: (name) => scope.floatType(name) ?? 'float32',
    isUsed: (name) => used.has(name),
  }
  const nodes = withWidenedWeights(readNodes(inlined, scope, initializers, around, resolve), initializers, fresh)
  const missing = outputs.find(({ name }) => !scope.has(name) || name === '')
  if (missing) throw expected('bad-model', 'a result', `output \`${missing.name}\``, 'nothing that makes it', damaged)
  const read: Graph = { name: proto.name, inputs, outputs: [], nodes, initializers, types: new Map() }
  const names = outputs.map(({ name }) => name)
  const graph = { ...withoutComposites(read, names), outputs: [], types: new Map() }
  return { ...graph, outputs: readOutputs(outputs, graph, shapes) }
}
