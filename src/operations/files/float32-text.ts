/** Noises as text in cells and journals: float32 numbers in base64, half the size of their decimal digits. */
import { base64Decode, base64Encode } from '@bufbuild/protobuf/wire'
import { expected } from '../../core/errors.js'
import { formatShape, type Shape, sizeOf, type Tensor, tensor } from '../../math/tensor.js'

const bytesOfNumber = 4

/** Rounds to float32, little-endian. */
export function float32Text({ data }: Tensor): string {
  const view = new DataView(new ArrayBuffer(bytesOfNumber * data.length))
  data.forEach((value, i) => {
    view.setFloat32(bytesOfNumber * i, value, true)
  })
  return base64Encode(new Uint8Array(view.buffer))
}

/** Throws `bad-option` for invalid text, or another count of numbers; `file` is what messages call the file that it is in. */
export function float32Tensor(text: unknown, shape: Shape, file: string): Tensor {
  const bytes = bytesOf(text)
  const size = sizeOf(shape)
  if (bytes?.length !== bytesOfNumber * size) {
    const remedy = 'The file was changed: remove it to begin anew.'
    throw expected('bad-option', `noise of ${formatShape(shape)}`, file, 'something else', remedy)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  return tensor(
    shape,
    Float64Array.from({ length: size }, (_, i) => view.getFloat32(bytesOfNumber * i, true)),
  )
}

/** Undefined for invalid base64. */
function bytesOf(text: unknown): Uint8Array | undefined {
  try {
    return base64Decode(typeof text === 'string' ? text : '')
  } catch {
    return undefined
  }
}
