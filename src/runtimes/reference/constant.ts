/** Operators that make numbers out of attributes, shapes and counts. */
import { sizeOf } from '../../math/tensor.js'
import { type Kernel, type NumericArray, required, unsupported } from './array.js'
import { readInitializer } from './initializer.js'

const list = (values: readonly number[], shape: readonly number[] = [values.length]): NumericArray => ({
  dtype: 'int64',
  shape,
  data: Float64Array.from(values),
})

const constant: Kernel = (_inputs, attributes) => {
  const value = attributes.tensor('value')
  if (value) return [readInitializer(value)]
  const integers = attributes.integers('value_ints')
  if (integers) return [list(integers)]
  const integer = attributes.integer('value_int', Number.NaN)
  if (!Number.isNaN(integer)) return [list([integer], [])]
  const real = attributes.float('value_float', Number.NaN)
  if (Number.isNaN(real)) throw unsupported('Constant without value, value_int, value_ints or value_float')
  return [{ dtype: 'float32', shape: [], data: Float64Array.of(real) }]
}

const constantOfShape: Kernel = (inputs, attributes) => {
  const shape = [...required(inputs, 0).data]
  const value = attributes.tensor('value')
  const { dtype, data } = value ? readInitializer(value) : { dtype: 'float32' as const, data: [0] }
  return [{ dtype, shape, data: new Float64Array(sizeOf(shape)).fill(data[0]!) }]
}

const shapeOf: Kernel = (inputs, attributes) => {
  const { shape } = required(inputs, 0)
  return [list(shape.slice(attributes.integer('start', 0), attributes.integer('end', shape.length)))]
}

/** start, start + step, … below (for a negative step: above) limit. */
const range: Kernel = (inputs) => {
  const [start, limit, step] = [0, 1, 2].map((i) => required(inputs, i).data[0]!) as [number, number, number]
  const count = Math.max(0, Math.ceil((limit - start) / step))
  return [{ ...list(Array.from({ length: count }, (_, i) => start + i * step)), dtype: required(inputs, 0).dtype }]
}

export const constants: Readonly<Record<string, Kernel>> = {
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Shape: shapeOf,
  Size: (inputs) => [list([required(inputs, 0).data.length], [])],
  Range: range,
}
