/** Resize, nearest and linear: one axis after another, each result a weighted sum of entries along that axis. */
import {
  type Attributes,
  arrayOf,
  type Kernel,
  type NumericArray,
  numbersOf,
  offsetOf,
  required,
  stridesOf,
  unsupported,
} from './array.js'

/** An entry along the axis and its weight. */
type Tap = readonly [at: number, weight: number]

interface AxisResize {
  readonly input: number
  readonly output: number
  /** As given, or output/input where sizes are. */
  readonly scale: number
}

/** Where the centre (or corner) of output entry i lies among the input's entries. */
function coordinate(mode: string, { input, output, scale }: AxisResize, i: number): number {
  switch (mode) {
    case 'half_pixel':
      return (i + 0.5) / scale - 0.5
    case 'pytorch_half_pixel':
      return output > 1 ? (i + 0.5) / scale - 0.5 : 0
    case 'asymmetric':
      return i / scale
    case 'align_corners':
      return output === 1 ? 0 : (i * (input - 1)) / (output - 1)
    default:
      throw unsupported(`Resize with coordinate_transformation_mode ${mode}`)
  }
}

function nearest(mode: string, x: number): number {
  switch (mode) {
    case 'round_prefer_floor':
      return Math.ceil(x - 0.5)
    case 'round_prefer_ceil':
      return Math.floor(x + 0.5)
    case 'floor':
      return Math.floor(x)
    case 'ceil':
      return Math.ceil(x)
    default:
      throw unsupported(`Resize with nearest_mode ${mode}`)
  }
}

/** What output entry i is made of; entries outside are those at the border. */
function taps(attributes: Attributes, axis: AxisResize, i: number): readonly Tap[] {
  const mode = attributes.string('mode', 'nearest')
  const x = coordinate(attributes.string('coordinate_transformation_mode', 'half_pixel'), axis, i)
  const inside = (at: number) => Math.min(Math.max(at, 0), axis.input - 1)
  if (mode === 'nearest') return [[inside(nearest(attributes.string('nearest_mode', 'round_prefer_floor'), x)), 1]]
  if (mode !== 'linear') throw unsupported(`Resize with mode ${mode}`)
  const low = Math.floor(x)
  return [
    [inside(low), low + 1 - x],
    [inside(low + 1), x - low],
  ]
}

function alongAxis(x: NumericArray, axis: number, resized: AxisResize, attributes: Attributes): NumericArray {
  const strides = stridesOf(x.shape)
  const every = Array.from({ length: resized.output }, (_, i) => taps(attributes, resized, i))
  return arrayOf(x.dtype, x.shape.with(axis, resized.output), (index) =>
    every[index[axis]!]!.reduce(
      (sum, [at, weight]) => sum + weight * x.data[offsetOf(strides, index.with(axis, at))]!,
      0,
    ),
  )
}

/** Inputs: x, region (unused), scales or '', sizes or ''. */
const resize: Kernel = (inputs, attributes) => {
  const x = required(inputs, 0)
  const forms = ['axes', 'antialias', 'exclude_outside'].filter((name) =>
    name === 'axes' ? attributes.integers(name) : attributes.integer(name, 0),
  )
  if (forms.length > 0) throw unsupported(`Resize with ${forms.join(', ')}`)
  const scales = inputs[2]?.data.length ? numbersOf(inputs[2]) : undefined
  const sizes = numbersOf(inputs[3])
  return [
    x.shape.reduce((y, input, axis) => {
      const output = sizes?.[axis] ?? Math.floor(input * scales![axis]!)
      const scale = scales?.[axis] ?? output / input
      return scale === 1 ? y : alongAxis(y, axis, { input, output, scale }, attributes)
    }, x),
  ]
}

export const resizing: Readonly<Record<string, Kernel>> = { Resize: resize }
