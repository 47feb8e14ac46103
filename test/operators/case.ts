/**
 * One small graph around one operator: what it reads, its attributes, and numbers to feed. Both tests of operators run
 * the same cases, in float32 against ONNX Runtime and in float64 against finite differences.
 */
import { builder } from '../../src/graph/builder.js'
import type { PlainAttributes } from '../../src/graph/emit.js'
import type { DataType, Graph } from '../../src/graph/graph.js'
import { sizeOf, type Tensor } from '../../src/math/tensor.js'

/** An input of the operator. `real` and `fed` ones become inputs of the graph. */
export type Operand =
  | { readonly kind: 'real'; readonly shape: readonly number[]; readonly low: number; readonly high: number }
  | {
      readonly kind: 'fed'
      readonly dtype: DataType
      readonly shape: readonly number[]
      readonly values: readonly number[]
    }
  /** A float constant of the case's precision. */
  | { readonly kind: 'number'; readonly shape: readonly number[]; readonly values: readonly number[] }
  | {
      readonly kind: 'constant'
      readonly dtype: DataType
      readonly shape: readonly number[]
      readonly values: readonly number[]
    }
  | { readonly kind: 'absent' }

export interface OperatorCase {
  readonly op: string
  /** What is special about it; unique within the operator. */
  readonly label: string
  readonly operands: readonly Operand[]
  readonly attributes: PlainAttributes
  readonly outputs: number
  /** Default: ai.onnx. */
  readonly domain?: string
  /** Why the case is not differentiated, where it is not. */
  readonly forwardOnly?: string
}

export interface CaseOptions {
  readonly outputs?: number
  readonly domain?: string
  readonly forwardOnly?: string
}

export const of = (
  op: string,
  label: string,
  operands: readonly Operand[],
  attributes: PlainAttributes = {},
  options: CaseOptions = {},
): OperatorCase => ({ op, label, operands, attributes, outputs: 1, ...options })

/** Random distinct numbers in (low, high), away from each other and from the middle of the range. */
export const real = (shape: readonly number[], low = -2, high = 2): Operand => ({ kind: 'real', shape, low, high })
export const positive = (shape: readonly number[]): Operand => real(shape, 0.3, 2.5)
export const fed = (dtype: DataType, shape: readonly number[], values: readonly number[]): Operand => ({
  kind: 'fed',
  dtype,
  shape,
  values,
})
export const number = (...values: readonly number[]): Operand => ({
  kind: 'number',
  shape: values.length === 1 ? [] : [values.length],
  values,
})
export const constant = (dtype: DataType, shape: readonly number[], values: readonly number[]): Operand => ({
  kind: 'constant',
  dtype,
  shape,
  values,
})
/** An int64 constant: axes, shapes, pads. */
export const indices = (...values: readonly number[]): Operand => constant('int64', [values.length], values)
export const absent: Operand = { kind: 'absent' }

export interface CaseGraph {
  readonly graph: Graph
  readonly feeds: Readonly<Record<string, Tensor>>
  /** Names of the real inputs. */
  readonly reals: readonly string[]
  /** What the builder knows of a value. */
  known(name: string): readonly number[] | undefined
}

/** Mulberry32: equal seeds give equal cases on every machine. */
export function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** One number in each of an even count of equal cells, in random order: no ties, none at the middle of the range. */
function spread(count: number, low: number, high: number, random: () => number): Float64Array {
  const cells = count + (count % 2)
  const width = (high - low) / cells
  const numbers = Array.from({ length: cells }, (_, i) => low + (i + 0.3 + 0.4 * random()) * width)
  for (let i = cells - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[numbers[i], numbers[j]] = [numbers[j]!, numbers[i]!]
  }
  return Float64Array.from(numbers.slice(0, count))
}

const seedOf = (text: string) => [...text].reduce((seed, letter) => Math.imul(seed, 31) + letter.charCodeAt(0), 7)

/**
 * The case as a graph whose inputs are x0, x1, … and whose outputs are y0, y1, …, with numbers to feed. `fixed` puts
 * these numbers into the graph, so that the builder can evaluate it on the way.
 */
export function caseGraph(
  { op, label, operands, attributes, outputs, domain = '' }: OperatorCase,
  precision: DataType,
  { fixed = false } = {},
): CaseGraph {
  const build = builder()
  const random = randomNumbers(seedOf(`${op} ${label}`))
  const feeds: Record<string, Tensor> = {}
  const reals: string[] = []
  const inputs = operands.map((operand, i) => {
    if (operand.kind === 'absent') return undefined
    const { kind, shape } = operand
    const name = `x${i}`
    if (kind === 'number') return build.constant(precision, shape, operand.values)
    if (kind === 'constant') return build.constant(operand.dtype, shape, operand.values)
    const data =
      kind === 'real' ? spread(sizeOf(shape), operand.low, operand.high, random) : Float64Array.from(operand.values)
    const dtype = kind === 'real' ? precision : operand.dtype
    if (fixed) return build.constant(dtype, shape, [...data])
    feeds[name] = { shape, data }
    if (kind === 'real') reals.push(name)
    return build.input(name, dtype, shape)
  })
  build.emitAll(op, inputs, attributes, { outputs, domain }).forEach((value, i) => {
    build.output(value, `y${i}`)
  })
  return { graph: build.finish(`${op}: ${label}`), feeds, reals, known: build.known }
}
