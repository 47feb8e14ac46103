/** The path of a picture, as a program without types may pass it. */
import { expected, gotText } from '../core/errors.js'

/** Throws `bad-option` for anything but a path: bytes of a file would be letters of any kind in a message. */
export function checkPicturePath(path: unknown): void {
  if (typeof path === 'string' || path instanceof URL) return
  const isBytes = path instanceof ArrayBuffer || ArrayBuffer.isView(path)
  const [got, remedy] = isBytes
    ? ['bytes', '`decodeImage` takes them, and a name.']
    : [gotText(path), 'Pass its path as text.']
  throw expected('bad-option', 'the path of a picture file', '`path`', got, remedy)
}
