/**
 * Rotary positions: pairs of channels of queries and keys are turned by angles that grow with a token's place, so that their
 * product depends on the distance of two places.
 *
 * Pair j at place p is turned by p·θ^(−2j/d). A place of several axes (frame, row, column) turns a share of the pairs for each.
 * Source: Su et al., RoFormer, 2021.
 */
import { expected } from '../core/errors.js'
import type { Builder } from '../graph/emit.js'
import type { DataType, Value } from '../graph/graph.js'
import { add, cast, concat, mul, reshape, slice, sub } from '../graph/ops/common.js'
import type { ConfigReader } from './parameters.js'

/**
 * Which channels are a pair: neighbours 2j and 2j + 1, as diffusers' transformers have them (complex numbers), or j and
 * j + d/2, as transformers' language models have them.
 */
export type Pairing = 'neighbours' | 'halves'

/** Cosines and sines, places × 1 × pairs or N × places × 1 × pairs. */
export interface Rotation {
  readonly cosine: Value
  readonly sine: Value
}

export interface Axes {
  /** Channels of each axis, even; their sum is a head's. */
  readonly widths: readonly number[]
  readonly theta: number
  /** What the class rounds to 32 bits: nothing (default), the angles, or the frequencies too. */
  readonly rounds?: 'nothing' | 'angles' | 'frequencies'
}

/** `axes_dims_rope`: throws `bad-model` unless its numbers are even, as many as usual, and fill the width of a head. */
export function axisWidths(config: ConfigReader, headWidth: number, usual: readonly number[]): readonly number[] {
  const widths = config.integers('axes_dims_rope', usual)
  const isEven = widths.every((width) => width > 0 && width % 2 === 0)
  const sum = widths.reduce((total, width) => total + width, 0)
  if (isEven && widths.length === usual.length && sum === headWidth) return widths
  const what = `${usual.length === 4 ? 'four' : 'three'} even numbers whose sum is attention_head_dim (${headWidth})`
  const remedy = 'Use the configuration that the weights were published with.'
  throw expected('bad-model', what, `\`axes_dims_rope\` in \`${config.file}\``, `[${widths}]`, remedy)
}

const unrounded = (value: number) => value

/** θ^(−2j/d) for j = 0 … d/2 − 1. */
export function frequencies(width: number, { theta, rounds }: Pick<Axes, 'theta' | 'rounds'>): readonly number[] {
  const round = rounds === 'frequencies' ? Math.fround : unrounded
  return Array.from({ length: width / 2 }, (_, j) => round(1 / round(theta ** round((2 * j) / width))))
}

/** The angles of places, each with a number for each axis: places × pairs. */
export function anglesOf(
  places: readonly (readonly number[])[],
  { widths, theta, rounds = 'nothing' }: Axes,
): readonly (readonly number[])[] {
  const perAxis = widths.map((width) => frequencies(width, { theta, rounds }))
  const round = rounds === 'nothing' ? unrounded : Math.fround
  return places.map((place) => perAxis.flatMap((own, axis) => own.map((frequency) => round(place[axis]! * frequency))))
}

/** The rotation by known angles, places × pairs. */
export function rotationBy(b: Builder, angles: readonly (readonly number[])[], dtype: DataType = 'float32'): Rotation {
  const shape = [angles.length, 1, angles[0]!.length]
  const table = (of: (angle: number) => number) => b.constant(dtype, shape, angles.flat().map(of))
  return { cosine: table(Math.cos), sine: table(Math.sin) }
}

/** The rotation by angles that a graph computes; sines are taken in 64 bits, since angles are large. */
export function rotationOf(b: Builder, angles: Value): Rotation {
  const wide = cast(b, angles, 'float64')
  const of = (op: string) => cast(b, b.emit(op, [wide]), angles.dtype)
  return { cosine: of('Cos'), sine: of('Sin') }
}

/** The rotation at places that a graph is told, places × axes, whatever numbers they are. */
export function rotationAt(b: Builder, places: Value, axes: Axes): Rotation {
  const wide = cast(b, places, 'float64')
  const angles = axes.widths.map((width, axis) => {
    const own = frequencies(width, axes)
    return mul(b, slice(b, wide, 1, axis, axis + 1), b.constant('float64', [1, own.length], own))
  })
  const all = concat(b, angles, 1)
  const of = (op: string) => cast(b, b.emit(op, [reshape(b, all, [all.shape[0]!, 1, all.shape[1]!])]), places.dtype)
  return { cosine: of('Cos'), sine: of('Sin') }
}

/** x, N × places × heads × d, with its pairs (u, v) turned: (u·cos − v·sin, u·sin + v·cos). */
export function rotate(b: Builder, x: Value, { cosine, sine }: Rotation, pairing: Pairing): Value {
  const width = x.shape.at(-1)!
  const isHalves = pairing === 'halves'
  const shape = isHalves ? x.shape : [...x.shape.slice(0, -1), width / 2, 2]
  const apart = reshape(b, x, shape)
  const axis = shape.length - 1
  const middle = shape[axis]! / 2
  const flat = [...x.shape.slice(0, -1), width / 2]
  const [u, v] = [
    reshape(b, slice(b, apart, axis, 0, middle), flat),
    reshape(b, slice(b, apart, axis, middle, 2 * middle), flat),
  ]
  const turned = [sub(b, mul(b, u, cosine), mul(b, v, sine)), add(b, mul(b, u, sine), mul(b, v, cosine))]
  const parts = isHalves ? turned : turned.map((part) => reshape(b, part, [...flat, 1]))
  return reshape(b, concat(b, parts, axis), x.shape)
}
