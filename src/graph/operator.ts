/**
 * What the library knows of an operator: the types of its results, the numbers it yields when its inputs are small
 * constants (shape arithmetic), and how cotangents flow back through it. One table entry per operator, in src/graph/ops.
 */
import { expected, isUndiffuseError } from '../core/errors.js'
import type { Builder } from './emit.js'
import type { Attribute, Initializer, Value, ValueType } from './graph.js'

/** A node as rules see it: resolved inputs and attributes with their defaults. */
export interface NodeView {
  readonly op: string
  readonly name: string
  /** undefined stands for an optional input that is left out. */
  readonly inputs: readonly (Value | undefined)[]
  readonly outputCount: number
  /** A required input. */
  input(index: number): Value
  /** The numbers of a small input that are known while building, for instance the axes of a reduction. */
  known(index: number): readonly number[] | undefined
  /** As `known`, but an error when the numbers are not known. */
  constant(index: number): readonly number[]
  integer(name: string, fallback: number): number
  integers(name: string): readonly number[] | undefined
  float(name: string, fallback: number): number
  floats(name: string): readonly number[] | undefined
  string(name: string, fallback: string): string
  tensor(name: string): Initializer | undefined
}

/** A node whose outputs have cotangents; `needs[i]` says whether the cotangent of input i is wanted. */
export interface GradientView extends NodeView {
  readonly builder: Builder
  readonly outputs: readonly Value[]
  readonly cotangents: readonly (Value | undefined)[]
  readonly needs: readonly boolean[]
  /** The cotangent of the only output that has one. */
  readonly cotangent: Value
}

export interface Operator {
  readonly op: string
  /** '' is ai.onnx. */
  readonly domain?: string
  types(node: NodeView): readonly ValueType[]
  /** Numbers of the first output when those of the inputs are known. */
  fold?(node: NodeView): readonly number[] | undefined
  /** Cotangents of the inputs, in their exact shapes. `'none'`: nothing flows back (comparisons, rounding, shapes). */
  readonly gradient?: 'none' | ((node: GradientView) => readonly (Value | undefined)[])
}

export function nodeView(
  node: { op: string; name: string; attributes: Readonly<Record<string, Attribute>>; outputCount: number },
  inputs: readonly (Value | undefined)[],
  known: (name: string) => readonly number[] | undefined,
): NodeView {
  const { op, name, attributes } = node
  const fail = (what: string, got: string): never => {
    throw expected(
      'bad-model',
      what,
      `${op} \`${name}\``,
      got,
      'The graph is not valid ONNX or uses a form that is not supported.',
    )
  }
  const attribute = <T extends Attribute['type']>(key: string, type: T) => {
    const found = attributes[key]
    if (found && found.type !== type) return fail(`an attribute \`${key}\` of type ${type}`, found.type)
    return found as Extract<Attribute, { type: T }> | undefined
  }
  const view: NodeView = {
    op,
    name,
    inputs,
    outputCount: node.outputCount,
    input: (index) => inputs[index] ?? fail(`input ${index}`, 'none'),
    known: (index) => {
      const value = inputs[index]
      return value && known(value.name)
    },
    constant: (index) => view.known(index) ?? fail(`a constant input ${index}`, 'one that depends on data'),
    integer: (key, fallback) => attribute(key, 'int')?.value ?? fallback,
    integers: (key) => attribute(key, 'ints')?.value,
    float: (key, fallback) => attribute(key, 'float')?.value ?? fallback,
    floats: (key) => attribute(key, 'floats')?.value,
    string: (key, fallback) => attribute(key, 'string')?.value ?? fallback,
    tensor: (key) => attribute(key, 'tensor')?.value,
  }
  return view
}

/** What shapes are expected for where the operator is not known yet; the builder, which knows it, says it. */
const anOperator = 'an operator'

/** What `read` returns; shapes that it refuses without knowing the operator are told of this one. */
export function toldOf<T>(op: string, name: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!isUndiffuseError(error) || error.subject !== anOperator) throw error
    throw expected(error.code, error.expected, `${op} \`${name}\``, error.got, error.remedy)
  }
}

/** An axis counted from the front, below `end` (the rank). Throws `bad-model` for one that there is not. */
export function fromFront(axis: number, rank: number, end = rank): number {
  const found = axis < 0 ? axis + rank : axis
  if (Number.isInteger(found) && found >= 0 && found < end) return found
  const what = `an axis from ${-rank} to ${end - 1}`
  throw expected('bad-model', what, anOperator, `${axis}`, 'The graph is not valid ONNX, or does not fit its inputs.')
}

/** The shape of an elementwise operation on several shapes, by ONNX's (numpy's) broadcasting. */
export function broadcastShape(...shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((shape) => shape.length))
  return Array.from({ length: rank }, (_, i) => {
    let size = 1
    for (const shape of shapes) {
      const d = shape[shape.length - rank + i] ?? 1
      if (d === size || d === 1) continue
      if (size !== 1) {
        throw expected(
          'bad-model',
          'shapes that broadcast',
          anOperator,
          shapes.map((s) => `[${s}]`).join(' and '),
          "The graph does not fit the input's size.",
        )
      }
      size = d
    }
    return size
  })
}
