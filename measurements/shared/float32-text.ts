/** Noises as text in cells and journals: float32 numbers in base64, half the size of their decimal digits. */
import { expected, formatShape, type Shape, sizeOf, type Tensor, tensor } from 'undiffuse'

const bytesOfNumber = 4

/** Rounds to float32, little-endian. */
export const textOf = ({ data }: Tensor): string => Buffer.from(Float32Array.from(data).buffer).toString('base64')

/** Throws `bad-option` for what is no text of so many numbers; `file` is what messages call the file that it is in. */
export function tensorOf(text: unknown, shape: Shape, file: string): Tensor {
  const bytes = Buffer.from(typeof text === 'string' ? text : '', 'base64')
  const size = sizeOf(shape)
  if (bytes.length !== bytesOfNumber * size) {
    const remedy = 'The file was changed: remove it to begin anew.'
    throw expected('bad-option', `noise of ${formatShape(shape)}`, file, 'something else', remedy)
  }
  return tensor(
    shape,
    Float64Array.from({ length: size }, (_, i) => bytes.readFloatLE(bytesOfNumber * i)),
  )
}
