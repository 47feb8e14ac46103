/**
 * Writes a graph node by node; every value's type is known as soon as it is emitted. Small integer tensors (axes,
 * shapes) are evaluated on the way, so that shape arithmetic in exported files becomes static.
 */
import { expected } from '../core/errors.js'
import { sizeOf } from '../math/tensor.js'
import type { Builder, PlainAttribute } from './emit.js'
import type { Attribute, Graph, Initializer, Node, Value, ValueType } from './graph.js'
import { encodeNumbers, smallNumbers, storedLimit } from './numbers.js'
import { type NodeView, nodeView, type Operator, toldOf } from './operator.js'
import { operatorOf } from './ops/index.js'

export type { Builder } from './emit.js'

const attributeOf = (plain: PlainAttribute): Attribute =>
  typeof plain === 'number'
    ? { type: 'int', value: plain }
    : typeof plain === 'string'
      ? { type: 'string', value: plain }
      : 'type' in plain
        ? plain
        : { type: 'ints', value: plain }

/** No machine holds a value of more numbers: 32 TiB in float32. Whether this one does is asked before a graph is opened. */
const mostNumbers = 2 ** 43

/** A window larger than what it moves over, or a cut beyond an end, would have a negative size. */
function checkSizes({ op, name }: NodeView, shape: readonly number[]): void {
  const subject = `the result of ${op} \`${name}\``
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    const remedy = "The graph does not fit the input's size."
    throw expected('bad-model', 'sizes of zero or more', subject, `[${shape}]`, remedy)
  }
  if (sizeOf(shape) <= mostNumbers) return
  const remedy = 'Use a smaller picture or input: no machine holds so many.'
  throw expected('bad-shape', `at most ${mostNumbers} numbers`, subject, shape.join('×'), remedy)
}

export interface BuilderOptions {
  /** Names that are not given to new values and nodes. Default none. */
  readonly reserved?: Iterable<string>
}

export function builder({ reserved = [] }: BuilderOptions = {}): Builder {
  const inputs: Value[] = []
  const outputs: Value[] = []
  const nodes: Node[] = []
  const initializers = new Map<string, Initializer>()
  const values = new Map<string, Value>()
  const numbers = new Map<string, readonly number[]>()
  const shared = new Map<string, Value>()
  const counts = new Map<string, number>()
  const taken = new Set(reserved)

  const fresh = (stem: string): string => {
    for (;;) {
      const count = counts.get(stem) ?? 0
      counts.set(stem, count + 1)
      const name = `${stem}_${count}`
      if (!values.has(name) && !taken.has(name)) return name
    }
  }
  const define = (name: string, type: ValueType): Value => {
    if (values.has(name)) {
      throw expected('bad-model', 'one definition', `value \`${name}\``, 'two', 'The graph is not valid ONNX.')
    }
    const value: Value = { name, dtype: type.dtype, shape: type.shape }
    values.set(name, value)
    return value
  }

  const build: Builder = {
    input(name, dtype, shape) {
      const value = define(name, { dtype, shape })
      inputs.push(value)
      return value
    },
    initializer(name, initializer) {
      const value = define(name, initializer)
      initializers.set(name, initializer)
      const small = smallNumbers(initializer)
      if (small) numbers.set(name, small)
      return value
    },
    constant(dtype, shape, data) {
      const key = data.length <= 64 ? `${dtype}[${shape}]${Array.from(data)}` : undefined
      const found = key === undefined ? undefined : shared.get(key)
      if (found) return found
      const value = build.initializer(fresh('constant'), {
        dtype,
        shape,
        storage: { bytes: encodeNumbers(dtype, data) },
      })
      if (key !== undefined) shared.set(key, value)
      return value
    },
    scalar: (dtype, value) => build.constant(dtype, [], [value]),
    indices: (data) => build.constant('int64', [data.length], data),
    emit: (op, sources, attributes, options) => build.emitAll(op, sources, attributes, options)[0]!,
    emitAll(op, sources, attributes = {}, options = {}) {
      const domain = options.domain ?? ''
      const operator = operatorOf(op, domain)
      const plain: Record<string, Attribute> = {}
      for (const [key, attribute] of Object.entries(attributes)) {
        if (attribute !== undefined) plain[key] = attributeOf(attribute)
      }
      const outputCount = options.names?.length ?? options.outputs ?? 1
      const name = options.name ?? fresh(op)
      if (!operator) {
        throw expected(
          'unsupported',
          'an operator that this library knows',
          `node \`${name}\``,
          `${domain && `${domain}.`}${op}`,
          'Export the model with standard operators.',
        )
      }
      const view = nodeView({ op, name, attributes: plain, outputCount }, sources, build.known)
      const types = typesOf(operator, view)
      for (const { shape } of types) checkSizes(view, shape)
      const results = types
        .slice(0, outputCount)
        .map((type, i) => define(options.names?.[i] || fresh(`${op}_value`), type))
      taken.add(name)
      nodes.push({
        op,
        domain,
        name,
        inputs: sources.map((source) => source?.name ?? ''),
        outputs: results.map((r) => r.name),
        attributes: plain,
      })
      const count = sizeOf(results[0]!.shape)
      const folded = count <= storedLimit ? toldOf(view.op, view.name, () => operator.fold?.(view)) : undefined
      if (folded?.length === count) numbers.set(results[0]!.name, folded)
      return results
    },
    copy: (node) =>
      build.emitAll(
        node.op,
        node.inputs.map((name) => (name === '' ? undefined : build.value(name))),
        node.attributes,
        { domain: node.domain, name: node.name, names: node.outputs },
      ),
    within(scope) {
      const emitAll: Builder['emitAll'] = (op, sources, attributes, options = {}) =>
        build.emitAll(op, sources, attributes, { ...options, name: options.name ?? fresh(`${scope}/${op}`) })
      return { ...build, emitAll, emit: (...node) => emitAll(...node)[0]! }
    },
    output(value, name) {
      if (name === undefined || name === value.name) {
        outputs.push(value)
        return
      }
      outputs.push(build.emit('Identity', [value], {}, { names: [name] }))
    },
    value(name) {
      const value = values.get(name)
      if (!value)
        throw expected(
          'bad-model',
          'a value that is defined before it is read',
          `\`${name}\``,
          'no such value',
          'Nodes must come after what they read.',
        )
      return value
    },
    known: (name) => numbers.get(name),
    finish: (name) => ({ name, inputs, outputs, nodes, initializers, types: values }),
  }
  return build
}

/** The types of a node's results; what does not broadcast is told of the node. */
const typesOf = (operator: Operator, view: NodeView): readonly ValueType[] =>
  toldOf(view.op, view.name, () => operator.types(view))

/** Puts everything that `graph` holds into a builder, outputs excepted; the values of each node's results. */
export function copyInto(build: Builder, graph: Graph): readonly (readonly Value[])[] {
  for (const { name, dtype, shape } of graph.inputs) build.input(name, dtype, shape)
  for (const [name, initializer] of graph.initializers) build.initializer(name, initializer)
  return graph.nodes.map((node) => build.copy(node))
}

/** Starts a builder with everything that `graph` holds, outputs excepted. */
export function builderFrom(graph: Graph): Builder {
  const build = builder()
  copyInto(build, graph)
  return build
}

/** The same graph with the type of every value known; throws `bad-model` where shapes do not fit. */
export function inferTypes(graph: Graph): Graph {
  const build = builderFrom(graph)
  for (const { name } of graph.outputs) build.output(build.value(name))
  return build.finish(graph.name)
}
