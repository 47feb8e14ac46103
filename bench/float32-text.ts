/** Tensors as text in cells: float32 numbers in base64, half the size of their decimal digits. */
import { type Shape, sizeOf, type Tensor, tensor } from 'undiffuse'

export const textOf = ({ data }: Tensor): string => Buffer.from(Float32Array.from(data).buffer).toString('base64')

/** Throws a RangeError for text of another number of numbers. */
export function tensorOf(text: string, shape: Shape): Tensor {
  const bytes = Buffer.from(text, 'base64')
  return tensor(
    shape,
    Float64Array.from({ length: sizeOf(shape) }, (_, i) => bytes.readFloatLE(4 * i)),
  )
}
