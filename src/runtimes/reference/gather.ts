/** Reading and writing at indices; negative indices count from the end. */
import { sizeOf } from '../../math/tensor.js'
import {
  type Attributes,
  arrayOf,
  eachIndex,
  frontAxis,
  type Kernel,
  moved,
  type NumericArray,
  offsetOf,
  required,
  stridesOf,
  unsupported,
} from './array.js'

const gather: Kernel = (inputs, attributes) => {
  const [x, indices] = [required(inputs, 0), required(inputs, 1)]
  const axis = frontAxis(attributes.integer('axis', 0), x.shape.length)
  const strides = stridesOf(indices.shape)
  const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)]
  return [
    moved(x, shape, (index) => {
      const at = indices.data[offsetOf(strides, index.slice(axis, axis + indices.shape.length))]!
      return [...index.slice(0, axis), frontAxis(at, x.shape[axis]!), ...index.slice(axis + indices.shape.length)]
    }),
  ]
}

const gatherElements: Kernel = (inputs, attributes) => {
  const [x, indices] = [required(inputs, 0), required(inputs, 1)]
  const axis = frontAxis(attributes.integer('axis', 0), x.shape.length)
  const strides = stridesOf(indices.shape)
  return [
    moved(x, indices.shape, (index) =>
      index.with(axis, frontAxis(indices.data[offsetOf(strides, index)]!, x.shape[axis]!)),
    ),
  ]
}

/** What a written number does to the one that is there. */
function writer(attributes: Attributes): (there: number, update: number) => number {
  const reduction = attributes.string('reduction', 'none')
  if (reduction === 'none') return (_there, update) => update
  if (reduction === 'add') return (there, update) => there + update
  throw unsupported(`scattering with reduction ${reduction}`)
}

const scatterElements: Kernel = (inputs, attributes) => {
  const [x, indices, updates] = [required(inputs, 0), required(inputs, 1), required(inputs, 2)]
  const axis = frontAxis(attributes.integer('axis', 0), x.shape.length)
  const write = writer(attributes)
  const strides = stridesOf(x.shape)
  const data = x.data.slice()
  eachIndex(indices.shape, (index, flat) => {
    const place = offsetOf(strides, index.with(axis, frontAxis(indices.data[flat]!, x.shape[axis]!)))
    data[place] = write(data[place]!, updates.data[flat]!)
  })
  return [{ ...x, data }]
}

/** The last axis of `indices` holds the first indices into x: where each slice of x starts, and how long it is. */
function slicesOf(x: NumericArray, indices: NumericArray): { starts: readonly number[]; length: number } {
  const depth = indices.shape.at(-1)!
  const strides = stridesOf(x.shape).slice(0, depth)
  const starts = Array.from({ length: indices.data.length / depth }, (_, i) => {
    const index = [...indices.data.subarray(i * depth, (i + 1) * depth)]
    return offsetOf(
      strides,
      index.map((at, axis) => frontAxis(at, x.shape[axis]!)),
    )
  })
  return { starts, length: sizeOf(x.shape.slice(depth)) }
}

const gatherSlices: Kernel = (inputs, attributes) => {
  const [x, indices] = [required(inputs, 0), required(inputs, 1)]
  if (attributes.integer('batch_dims', 0) !== 0) throw unsupported('GatherND with batch_dims')
  const { starts, length } = slicesOf(x, indices)
  const shape = [...indices.shape.slice(0, -1), ...x.shape.slice(indices.shape.at(-1)!)]
  return [arrayOf(x.dtype, shape, (_, flat) => x.data[starts[Math.floor(flat / length)]! + (flat % length)]!)]
}

const scatterSlices: Kernel = (inputs, attributes) => {
  const [x, indices, updates] = [required(inputs, 0), required(inputs, 1), required(inputs, 2)]
  const write = writer(attributes)
  const { starts, length } = slicesOf(x, indices)
  const data = x.data.slice()
  updates.data.forEach((update, flat) => {
    const place = starts[Math.floor(flat / length)]! + (flat % length)
    data[place] = write(data[place]!, update)
  })
  return [{ ...x, data }]
}

/** Inputs: indices, depth, [off, on]. The new axis is `axis`, by default the last. */
const oneHot: Kernel = (inputs, attributes) => {
  const [indices, values] = [required(inputs, 0), required(inputs, 2)]
  const depth = required(inputs, 1).data[0]!
  const axis = frontAxis(attributes.integer('axis', -1), indices.shape.length + 1)
  const strides = stridesOf(indices.shape)
  return [
    arrayOf(values.dtype, indices.shape.toSpliced(axis, 0, depth), (index) => {
      const hot = frontAxis(indices.data[offsetOf(strides, index.toSpliced(axis, 1))]!, depth)
      return values.data[index[axis] === hot ? 1 : 0]!
    }),
  ]
}

export const gathers: Readonly<Record<string, Kernel>> = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherSlices,
  ScatterElements: scatterElements,
  ScatterND: scatterSlices,
  OneHot: oneHot,
}
