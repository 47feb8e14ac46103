/**
 * How a graph is written: what operators, networks and passes ask of a builder. It knows no operator, so that operators
 * may write their gradients with it; `builder()` makes one.
 */
import type { Attribute, DataType, Graph, Initializer, Node, Value } from './graph.js'

/** Attributes as one writes them: a number is an integer unless wrapped in `float`. */
export type PlainAttribute = number | string | readonly number[] | Attribute
export type PlainAttributes = Readonly<Record<string, PlainAttribute | undefined>>

export const float = (value: number): Attribute => ({ type: 'float', value })
export const floats = (value: readonly number[]): Attribute => ({ type: 'floats', value })

export interface EmitOptions {
  readonly outputs?: number
  readonly name?: string
  readonly domain?: string
  /** Names of the results; made from the operator's name when left out. */
  readonly names?: readonly string[]
}

export interface Builder {
  input(name: string, dtype: DataType, shape: readonly number[]): Value
  initializer(name: string, initializer: Initializer): Value
  /** A constant with its bytes in the graph; equal small constants are shared. */
  constant(dtype: DataType, shape: readonly number[], values: ArrayLike<number>): Value
  scalar(dtype: DataType, value: number): Value
  /** A one-dimensional int64 constant: axes, shapes, pads. */
  indices(values: readonly number[]): Value
  emit(op: string, inputs: readonly (Value | undefined)[], attributes?: PlainAttributes, options?: EmitOptions): Value
  emitAll(
    op: string,
    inputs: readonly (Value | undefined)[],
    attributes?: PlainAttributes,
    options?: EmitOptions,
  ): readonly Value[]
  /** Emits a node as it stands in another graph, under its own names. */
  copy(node: Node): readonly Value[]
  /** The same builder, whose nodes are named `<scope>/<operator>`: parts of a graph that are told apart later. */
  within(scope: string): Builder
  output(value: Value, name?: string): void
  value(name: string): Value
  known(name: string): readonly number[] | undefined
  finish(name: string): Graph
}
