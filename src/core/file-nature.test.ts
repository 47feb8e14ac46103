import { expect, it, test } from 'vitest'
import { fileNature } from './file-nature.js'

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0))
const zip = (first: string): string => `PK\x03\x04${'\0'.repeat(26)}${first}PK`
const header = (length: string): string => `${length}{"__metadata__":{"format":"pt"}}`

test.each([
  ['\x93NUMPY\x01\0\x76\0', 'a .npy file', /`readNpy`/],
  [header('\x20\0\0\0\0\0\0\0'), 'a safetensors file', /`readTensors`/],
  // A TGA or an icon may begin so.
  [header('\0\0\x02\0\0\0\0\0'), 'a safetensors file', /`readTensors`/],
  ['GGUF\x03\0\0\0', 'a GGUF file', /folders\.md/],
  [zip('archive/data.pkl'), 'a pickle file, as PyTorch writes,', /never opened/],
  ['\x80\x02\x8a\nl\xfc', 'a pickle file, as PyTorch writes,', /never opened/],
  [zip('noise.npy'), 'an .npz file', /numpy\.save/],
  [zip('model.safetensors'), 'an archive', /Unpack/],
  ['\x1f\x8b\x08\0', 'an archive', /Unpack/],
  ['\x89HDF\r\n\x1a\n', 'an HDF5 file', /numpy\.save/],
  ['\x89PNG\r\n\x1a\n', 'a PNG picture', /Invert the picture/],
  ['\xff\xd8\xff\xe0', 'a JPEG picture', /Invert the picture/],
  ['\0\0\0\x1cftypavif\0\0\0\0mif1', 'an AVIF picture', /Invert the picture/],
  ['\0\0\0\x18ftypheic\0\0\0\0mif1', 'a HEIC picture', /Invert the picture/],
  ['<svg xmlns="http://www.w3.org/2000/svg"/>', 'an SVG drawing', /Invert the picture/],
])('%j is %s', (start, name, remedy) => {
  expect(fileNature(bytes(start))).toMatchObject({ name, remedy: expect.stringMatching(remedy) })
})

it.each(['', 'PK', 'numbers\n1 2 3', '{"a": 1}', '\0'.repeat(600), '\x08\x07\x12\x07pytorch'])(
  'knows nothing of %j',
  (start) => {
    expect(fileNature(bytes(start))).toBeUndefined()
  },
)
