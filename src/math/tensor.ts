/**
 * Dense arrays on the host and the few operations that algorithms here are made of.
 * Always float64: precision is a property of runtimes, not of algorithms. Not a general array library: no views,
 * no broadcasting, no batch axis.
 */

import { expected, gotText } from '../core/errors.js'

/** A dense row-major array. Treated as immutable by everything that receives one. */
export interface Tensor {
  readonly shape: readonly number[]
  readonly data: Float64Array
}

export type Shape = readonly number[]

/** Number of entries of an array of this shape. */
export const sizeOf = (shape: Shape): number => shape.reduce((product, dimension) => product * dimension, 1)

/** Shapes as people write them: `4×64×64`. */
export const formatShape = (shape: Shape): string => (shape.length === 0 ? 'scalar' : shape.join('×'))

export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((size, i) => size === b[i])

/** Most numbers that an array of these holds. */
const mostNumbers = 2 ** 32

/** Throws `bad-shape` for sides that are not whole numbers, and for more numbers than an array holds. */
function checkShape(shape: Shape): void {
  const isList = Array.isArray(shape)
  if (isList && shape.every((side) => Number.isInteger(side) && side >= 0) && sizeOf(shape) <= mostNumbers) return
  const what = 'whole numbers whose product is at most 2^32'
  const got = isList ? formatShape(shape) : `a value of type ${typeof shape}`
  throw expected('bad-shape', what, 'the shape of a tensor', got, 'Pass a list, such as `[3, 128, 128]`.')
}

/** Whether a value is a tensor: code without types may pass anything. */
export const isTensor = (value: unknown): value is Tensor =>
  typeof value === 'object' && value !== null && 'shape' in value && 'data' in value && Array.isArray(value.shape)

/**
 * Throws as `checkFilled`, `bad-option` for anything but numbers in it, and `not-finite` for NaN and infinity: a network would
 * hand them on, and the message would name its answer.
 *
 * @example checkTensor(zeros([4, 16, 16]), '`noise`')
 */
export function checkTensor(value: unknown, subject: string): asserts value is Tensor {
  checkFilled(value, subject)
  if (allFinite(value)) return
  const strange: unknown = Array.from(value.data).find((one) => !Number.isFinite(one))
  if (typeof strange === 'number')
    throw expected('not-finite', 'finite numbers', subject, `${strange}`, 'Check what made it.')
  const got = gotText(strange)
  throw expected('bad-option', 'numbers', subject, got, 'Pass `data` as a `Float64Array`.')
}

/**
 * Throws `bad-option` for what is not a tensor, and `bad-shape` for one whose numbers do not fill its shape: code without types
 * may pass anything.
 */
export function checkFilled(value: unknown, subject: string): asserts value is Tensor {
  if (!isTensor(value)) {
    const got = ArrayBuffer.isView(value) ? 'numbers alone' : gotText(value)
    const remedy = 'Pass `{ shape, data }`, such as `readImage` and `torchNoise` return.'
    throw expected('bad-option', 'a tensor', subject, got, remedy)
  }
  checkShape(value.shape)
  const count = sizeOf(value.shape)
  if (value.data?.length === count) return
  const remedy = 'Pass as many numbers as the shape has.'
  throw expected(
    'bad-shape',
    `${count} numbers for ${formatShape(value.shape)}`,
    subject,
    `${value.data?.length}`,
    remedy,
  )
}

const shapeOf = (value: unknown): string => (isTensor(value) ? formatShape(value.shape) : `${value}`)

/** Throws `bad-shape` where two tensors are not of one shape. */
function checkAlike(a: Tensor, b: Tensor, name: string): void {
  if (a?.shape && b?.shape && sameShape(a.shape, b.shape)) return
  const got = `${shapeOf(a)} and ${shapeOf(b)}`
  throw expected('bad-shape', 'tensors of one shape', name, got, 'Nothing is broadcast: bring them to one shape.')
}

/** A tensor over the given numbers; the length must be the product of the shape. Throws `bad-shape`. */
export function tensor(shape: Shape, values: ArrayLike<number>): Tensor {
  checkShape(shape)
  if (values.length !== sizeOf(shape)) {
    const subject = `a tensor of shape ${formatShape(shape)}`
    const remedy = 'Pass as many numbers as the shape has.'
    throw expected('bad-shape', `${sizeOf(shape)} values`, subject, `${values.length}`, remedy)
  }
  return { shape: [...shape], data: values instanceof Float64Array ? values : Float64Array.from(values) }
}

/** Throws `bad-shape` for an invalid shape. */
export function zeros(shape: Shape): Tensor {
  checkShape(shape)
  return { shape: [...shape], data: new Float64Array(sizeOf(shape)) }
}

/** Applies `f` to every entry. */
export function map(x: Tensor, f: (value: number, index: number) => number): Tensor {
  const data = new Float64Array(x.data.length)
  for (let i = 0; i < data.length; i++) data[i] = f(x.data[i]!, i)
  return { shape: x.shape, data }
}

/** Σ coefficient·tensor over tensors of one shape: the kernel of nearly all solver mathematics. */
export function combine(...terms: readonly (readonly [coefficient: number, x: Tensor])[]): Tensor {
  const first = terms[0]
  if (!first) throw expected('bad-option', 'at least one term', 'combine', 'none', 'Pass [coefficient, tensor].')
  checkAlike(first[1], first[1], 'combine')
  const shape = first[1].shape
  const data = new Float64Array(first[1].data.length)
  for (const [coefficient, x] of terms) {
    checkAlike(first[1], x, 'combine')
    const values = x.data
    for (let i = 0; i < data.length; i++) data[i]! += coefficient * values[i]!
  }
  return { shape, data }
}

/** a − b. */
export const subtract = (a: Tensor, b: Tensor): Tensor => combine([1, a], [-1, b])

/** ⟨a, b⟩. */
export function dot(a: Tensor, b: Tensor): number {
  checkAlike(a, b, 'dot')
  let sum = 0
  for (let i = 0; i < a.data.length; i++) sum += a.data[i]! * b.data[i]!
  return sum
}

/** ‖a − b‖₂, without an array for the difference. */
export function distance(a: Tensor, b: Tensor): number {
  checkAlike(a, b, 'distance')
  let sum = 0
  for (let i = 0; i < a.data.length; i++) {
    const apart = a.data[i]! - b.data[i]!
    sum += apart * apart
  }
  return Math.sqrt(sum)
}

/** ‖x‖₂. */
export const norm = (x: Tensor): number => Math.sqrt(dot(x, x))

/** A loop: `every` of a typed array takes thirty times as long. */
function allFinite({ data }: Tensor): boolean {
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) return false
  return true
}

/** Whether no entry is NaN or infinite. */
export { allFinite as isFinite }
