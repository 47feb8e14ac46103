/** How the windows of convolutions and pooling lie on the spatial axes of their input. */
import { type Attributes, unsupported } from './array.js'

/** One spatial axis: window position `o`, tap `k` read the input at `o·stride + k·dilation − begin`. */
export interface WindowAxis {
  readonly kernel: number
  readonly stride: number
  readonly dilation: number
  /** Padding before and after. */
  readonly begin: number
  readonly end: number
}

/** Size of the input that one window covers. */
export const extentOf = ({ kernel, dilation }: WindowAxis): number => (kernel - 1) * dilation + 1

/** What `strides`, `dilations`, `pads` and `auto_pad` say for windows of the given kernel on an input of the given sizes. */
export function windowAxes(
  attributes: Attributes,
  sizes: readonly number[],
  kernel: readonly number[],
): readonly WindowAxis[] {
  const strides = attributes.integers('strides')
  const dilations = attributes.integers('dilations')
  const pads = attributes.integers('pads')
  const autoPad = attributes.string('auto_pad', 'NOTSET')
  return sizes.map((size, axis) => {
    const plain = {
      kernel: kernel[axis]!,
      stride: strides?.[axis] ?? 1,
      dilation: dilations?.[axis] ?? 1,
      begin: 0,
      end: 0,
    }
    switch (autoPad) {
      case 'NOTSET':
        return { ...plain, begin: pads?.[axis] ?? 0, end: pads?.[axis + sizes.length] ?? 0 }
      case 'VALID':
        return plain
      case 'SAME_UPPER':
      case 'SAME_LOWER': {
        const outputs = Math.ceil(size / plain.stride)
        const total = Math.max((outputs - 1) * plain.stride + extentOf(plain) - size, 0)
        const half = Math.floor(total / 2)
        return autoPad === 'SAME_UPPER'
          ? { ...plain, begin: half, end: total - half }
          : { ...plain, begin: total - half, end: half }
      }
      default:
        throw unsupported(`auto_pad ${autoPad}`)
    }
  })
}

/** How many windows fit; with `ceil` a last one may stick out, if it does not start in the padding after the input. */
export function windowCount(axis: WindowAxis, size: number, ceil = false): number {
  const steps = (size + axis.begin + axis.end - extentOf(axis)) / axis.stride
  const count = (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1
  return ceil && (count - 1) * axis.stride >= size + axis.begin ? count - 1 : count
}

/** An axis of size 1 that changes nothing, to write one- and two-dimensional windows as three-dimensional ones. */
const trivial: WindowAxis = { kernel: 1, stride: 1, dilation: 1, begin: 0, end: 0 }

type Three<T> = readonly [T, T, T]

/** Three values, `filler` first: spatial operators are written once, for three axes. */
export function three<T>(values: readonly T[], filler: T): Three<T> {
  if (values.length > 3) throw unsupported(`${values.length} spatial axes`)
  const [a, b, c] = [...Array<T>(3 - values.length).fill(filler), ...values]
  return [a!, b!, c!]
}

export const threeAxes = (axes: readonly WindowAxis[]): Three<WindowAxis> => three(axes, trivial)
