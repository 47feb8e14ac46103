/**
 * NumPy's .npy format: one array of float32 or float64, as `numpy.save` writes it and `numpy.load` reads it.
 * Source: numpy.lib.format, versions 1.0 to 3.0. Arrays of Python objects are pickles and are never opened.
 */

import { expected } from '../core/errors.js'
import { natureBytes } from '../core/file-nature.js'
import { plural } from '../core/plural.js'
import { checkFilled, formatShape, type Shape, sizeOf, type Tensor } from '../math/tensor.js'
import { checkFiles, type Files, fileSize } from './files.js'
import { checkNature, describe } from './json.js'
import { tensorFromBytes, tensorToBytes } from './tensors.js'

/** The types that are read and written, by NumPy's names: little-endian, as this project's files are. */
const dataTypes = { '<f4': 'float32', '<f8': 'float64' } as const

export type NpyType = (typeof dataTypes)[keyof typeof dataTypes]

const magic = [0x93, ...[...'NUMPY'].map((letter) => letter.charCodeAt(0))]
/** Headers of plain arrays are a line; this is NumPy's own limit. */
const largestHeader = 10_000
/** What NumPy aligns the data to, and the digits that it leaves room for in the first dimension. */
const [alignment, roomForDigits] = [64, 21]

const header = /^\{'descr': '([^']*)', 'fortran_order': (True|False), 'shape': \(((?:\d+, ?)*\d*)\),? ?\} *\n$/

/**
 * Reads the array of a .npy file.
 *
 * file = \x93NUMPY · version · length n (2 bytes in version 1, else 4) · n bytes of a Python dictionary · data, the last
 * axis fastest. Throws `bad-model` for a file of another format, a damaged one, and one with more or fewer bytes than its
 * shape needs; `unavailable` for a missing one; `unsupported` for other types, byte orders and column order.
 *
 * @example const noise = await readNpy(nodeFiles, 'noise.npy')
 */
export async function readNpy(files: Files, path: string): Promise<Tensor> {
  checkFiles(files, path)
  const fail = (what: string, got: string) =>
    expected('bad-model', what, `\`${path}\``, got, 'Write it again with numpy.save.')
  const size = await fileSize(files, path)
  const prefix = await files.read(path, 0, natureBytes)
  checkNature(prefix, path, 'a .npy file')
  if (prefix.length < magic.length + 6 || magic.some((byte, i) => prefix[i] !== byte)) {
    const got = size === 0 ? 'an empty file' : 'a file of another format'
    throw expected('bad-model', 'a .npy file', `\`${path}\``, got, 'Pass a file that numpy.save wrote.')
  }
  const version = prefix[magic.length]!
  if (version < 1 || version > 3) throw fail('version 1, 2 or 3 of the format', `${version}`)
  const view = new DataView(prefix.buffer, prefix.byteOffset + magic.length + 2)
  const [length, start] = version === 1 ? [view.getUint16(0, true), 10] : [view.getUint32(0, true), 12]
  if (length > largestHeader || start + length > size) throw fail('a header inside the file', plural(length, 'byte'))
  const text = String.fromCharCode(...(await files.read(path, start, length)))
  const [, descr, fortran, axes] = header.exec(text) ?? []
  if (descr === undefined || axes === undefined) throw fail('a header of descr, fortran_order, shape', describe(text))
  const dtype = Object.hasOwn(dataTypes, descr) ? dataTypes[descr as keyof typeof dataTypes] : undefined
  const refuse = (what: string, got: string, remedy: string) =>
    expected('unsupported', what, `\`${path}\``, got, remedy)
  if (!dtype) {
    const remedy = "Save it as array.astype('<f4')."
    throw refuse(`float32 or float64 (${Object.keys(dataTypes).join(' or ')})`, `\`${descr}\``, remedy)
  }
  if (fortran === 'True') {
    throw refuse('the last axis fastest', 'fortran_order', 'Save it as numpy.ascontiguousarray(array).')
  }
  const shape = axes === '' ? [] : axes.replace(/, ?$/, '').split(',').map(Number)
  // The product of sizes that are not safe is larger than any file.
  const bytes = sizeOf(shape) * (dtype === 'float32' ? 4 : 8)
  if (bytes !== size - start - length) {
    throw fail(`${plural(bytes, 'byte')} of ${dtype} ${formatShape(shape)}`, `${size - start - length}`)
  }
  return tensorFromBytes(dtype, shape, await files.read(path, start + length, bytes))
}

/**
 * The pieces of a .npy file, byte for byte those of `numpy.save`, to be written one after the other. Numbers are rounded
 * to the nearest of the type.
 *
 * @example await writeFileAtomically('noise.npy', encodeNpy(noise))
 */
export function encodeNpy(x: Tensor, dtype: NpyType = 'float32'): Uint8Array[] {
  checkFilled(x, 'an array to write as .npy')
  const [descr] = Object.entries(dataTypes).find(([, name]) => name === dtype) ?? []
  if (descr === undefined) {
    const what = Object.values(dataTypes).join(' or ')
    throw expected('bad-option', what, '`dtype` of `encodeNpy`', `\`${dtype}\``, 'Leave it out for float32.')
  }
  const [first] = x.shape
  const room = first === undefined ? '' : ' '.repeat(roomForDigits - `${first}`.length)
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple(x.shape)}, }${room}`
  const start = magic.length + 4
  const padding = alignment - ((start + text.length + 1) % alignment)
  const line = `${text}${' '.repeat(padding)}\n`
  const head = new Uint8Array(start + line.length)
  head.set([...magic, 1, 0])
  new DataView(head.buffer).setUint16(magic.length + 2, line.length, true)
  head.set(
    [...line].map((character) => character.charCodeAt(0)),
    start,
  )
  return [head, tensorToBytes(x, dtype)]
}

/** As Python writes a tuple: one entry has a comma behind it. */
const tuple = (shape: Shape): string => `(${shape.join(', ')}${shape.length === 1 ? ',' : ''})`
