/**
 * The safetensors format: names, types, shapes and places of tensors in a file that may come from anyone.
 * Reads headers only; the weights stay in the file. Pickle files are another format and are never opened.
 * Source: github.com/huggingface/safetensors, README "Format" and safetensors/src/tensor.rs (`Metadata::validate`).
 */

import { expected, gotText, type UndiffuseError } from '../core/errors.js'
import { natureBytes } from '../core/file-nature.js'
import { plural } from '../core/plural.js'
import { bytesOf, type DataType } from '../graph/graph.js'
import { formatShape } from '../math/tensor.js'
import type { Files } from './files.js'
import { checkNature, decodeText, describe, isJsonObject, parseJsonObject, partSize } from './json.js'

/** A tensor of a file: `offset` counts from the beginning of the file. */
export interface SafetensorsEntry {
  readonly dtype: DataType
  readonly shape: readonly number[]
  readonly offset: number
  readonly length: number
}

export interface SafetensorsHeader {
  readonly file: string
  readonly tensors: ReadonlyMap<string, SafetensorsEntry>
  readonly metadata: Readonly<Record<string, string>>
}

const dataTypes: Readonly<Record<string, DataType>> = {
  F64: 'float64',
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
  I64: 'int64',
  I32: 'int32',
  I16: 'int16',
  I8: 'int8',
  U64: 'uint64',
  U32: 'uint32',
  U16: 'uint16',
  U8: 'uint8',
  BOOL: 'bool',
}

/** The format's own limit on the length of a header. */
const largestHeader = 100_000_000
const prefixLength = 8
/** No header is shorter. */
const emptyHeader = '{}'

/**
 * Reads where the tensors of a .safetensors file lie.
 *
 * file = u64 n · n bytes of JSON · data; n is checked against the file and the format's limit before anything is read.
 * Throws `bad-model` when the file is missing, damaged or breaks the format: every tensor inside the file, of
 * product(shape)·bytes, one after the other without overlap or hole, no name twice.
 *
 * @example const { tensors } = await readSafetensorsHeader(nodeFiles, 'vae/diffusion_pytorch_model.safetensors')
 */
export async function readSafetensorsHeader(files: Files, path: string): Promise<SafetensorsHeader> {
  const fail = failureIn(path)
  const size = await partSize(files, path)
  if (size < prefixLength + emptyHeader.length) {
    throw fail('a safetensors file', size === 0 ? 'an empty file' : `${plural(size, 'byte')}, which hold no header`)
  }
  const start = await files.read(path, 0, natureBytes)
  checkNature(start, path, 'a safetensors file')
  const headerLength = Number(new DataView(start.buffer, start.byteOffset, prefixLength).getBigUint64(0, true))
  const dataStart = prefixLength + headerLength
  if (headerLength > largestHeader || dataStart > size) {
    if (start.subarray(0, prefixLength).every(isPrintable)) {
      throw fail('a safetensors file', `text that starts with ${describe(String.fromCharCode(...start))}`)
    }
    throw fail(
      `a header of at most ${Math.min(largestHeader, size - prefixLength)} bytes`,
      `one that claims ${headerLength}`,
    )
  }
  const text = decodeText(files, await files.read(path, prefixLength, headerLength), path)
  if (!text.startsWith('{')) throw fail('a header that starts with {', describe(text.slice(0, 20)))
  const { __metadata__: metadata, ...entries } = parseJsonObject(text, path)

  const tensors = new Map<string, SafetensorsEntry>()
  for (const [name, entry] of Object.entries(entries)) tensors.set(name, readEntry(path, name, entry, dataStart))
  checkLayout(path, tensors, dataStart, size)
  return { file: path, tensors, metadata: readMetadata(path, metadata) }
}

/** Of ASCII text. The length of a header ends with zeros. */
const isPrintable = (byte: number): boolean => (byte >= 32 && byte < 127) || byte === 9 || byte === 10 || byte === 13

/** Types of the format that are not read here. */
const unreadTypes = /^(F8_|F6_|F4$|C64$)/

const failureIn =
  (path: string) =>
  (what: string, got: string): UndiffuseError =>
    expected(
      'bad-model',
      what,
      `\`${path}\``,
      got,
      'The file is damaged, incomplete or not a safetensors file; fetch or write it again.',
    )

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

const isCounts = (value: unknown): value is readonly number[] => Array.isArray(value) && value.every(isCount)

function readEntry(path: string, name: string, entry: unknown, dataStart: number): SafetensorsEntry {
  const fail = failureIn(`${path}: ${name}`)
  if (!isJsonObject(entry)) throw fail('dtype, shape and data_offsets', describe(entry))
  const { dtype: typeName, shape, data_offsets: offsets, ...others } = entry
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) throw fail('dtype, shape and data_offsets alone', `\`${unknown}\` too`)
  const dtype = typeof typeName === 'string' && Object.hasOwn(dataTypes, typeName) ? dataTypes[typeName] : undefined
  if (typeof typeName === 'string' && unreadTypes.test(typeName)) {
    const what = `a dtype of ${Object.keys(dataTypes).join(', ')}`
    const remedy = 'Narrower numbers are not read here: fetch the model in float16, bfloat16 or float32.'
    throw expected('unsupported', what, `\`${path}: ${name}\``, typeName, remedy)
  }
  if (!dtype) throw fail(`a dtype of ${Object.keys(dataTypes).join(', ')}`, describe(typeName))
  if (!isCounts(shape)) throw fail('a shape of non-negative integers below 2^53', describe(shape))
  if (!isCounts(offsets) || offsets.length !== 2) throw fail('two data_offsets below 2^53', describe(offsets))
  const [begin, end] = offsets as [number, number]
  const length = shape.reduce((product, dimension) => product * dimension, bytesOf[dtype])
  if (end - begin !== length) {
    throw fail(
      `${plural(length, 'byte')} of ${dtype} ${formatShape(shape)}`,
      `${plural(end - begin, 'byte')}, from ${begin} to ${end}`,
    )
  }
  return { dtype, shape, offset: dataStart + begin, length }
}

/** The data must be the tensors, one after the other, and nothing else. */
function checkLayout(path: string, tensors: ReadonlyMap<string, SafetensorsEntry>, dataStart: number, size: number) {
  const inOrder = [...tensors].sort(([, a], [, b]) => a.offset - b.offset || a.length - b.length)
  let position = dataStart
  for (const [name, { offset, length }] of inOrder) {
    if (offset !== position) {
      throw failureIn(`${path}: ${name}`)(
        `data that starts where the tensor before it ends, at ${position}`,
        `${offset}`,
      )
    }
    position += length
    if (position > size)
      throw failureIn(`${path}: ${name}`)(`data inside the file of ${size} bytes`, `data up to ${position}`)
  }
  if (position !== size) throw failureIn(path)(`${position} bytes, as its header says`, `${size}`)
}

function readMetadata(path: string, metadata: unknown): Record<string, string> {
  if (metadata === undefined) return {}
  if (!isJsonObject(metadata) || !Object.values(metadata).every((value) => typeof value === 'string')) {
    throw failureIn(path)('__metadata__ of strings', describe(metadata))
  }
  return metadata as Record<string, string>
}

/** What `encodeSafetensors` writes: little-endian bytes of a tensor. */
export interface SafetensorsTensor {
  readonly dtype: DataType
  readonly shape: readonly number[]
  readonly bytes: Uint8Array
}

const lengthOf = ({ dtype, shape }: Omit<SafetensorsTensor, 'bytes'>): number =>
  shape.reduce((product, dimension) => product * dimension, bytesOf[dtype])

/**
 * The beginning of a .safetensors file and the order in which the bytes of its tensors follow: what one needs to write
 * a file piece by piece, without holding all of it.
 *
 * As the reference does, wider types come first, then names in order, and spaces pad the header to a multiple of 8
 * bytes: every tensor is aligned to its element and equal tensors give equal files.
 *
 * @example const { header, names } = safetensorsLayout({ bias: { dtype: 'float32', shape: [4] } })
 */
export function safetensorsLayout(
  tensors: Readonly<Record<string, Omit<SafetensorsTensor, 'bytes'>>>,
  metadata: Readonly<Record<string, string>> = {},
): { readonly header: Uint8Array; readonly names: readonly string[] } {
  const names = Object.keys(tensors).sort(
    (a, b) => bytesOf[tensors[b]!.dtype] - bytesOf[tensors[a]!.dtype] || (a < b ? -1 : 1),
  )
  const typeNames = new Map(Object.entries(dataTypes).map(([name, dtype]) => [dtype, name]))
  const header: [string, unknown][] = []
  const keys = Object.keys(metadata).sort()
  if (keys.length > 0) header.push(['__metadata__', Object.fromEntries(keys.map((key) => [key, metadata[key]]))])
  let position = 0
  for (const name of names) {
    if (name === '__metadata__') {
      throw expected('bad-model', 'another name', 'a tensor', name, 'The format keeps this name for itself.')
    }
    const { dtype, shape } = tensors[name]!
    const end = position + lengthOf(tensors[name]!)
    header.push([name, { dtype: typeNames.get(dtype), shape, data_offsets: [position, end] }])
    position = end
  }
  return { header: encodeHeader(Object.fromEntries(header)), names }
}

/**
 * Writes tensors as the pieces of a .safetensors file, to be written one after the other, in the order of
 * `safetensorsLayout`; nothing is copied. Throws `bad-model` when a tensor's bytes do not fit its shape.
 *
 * @example await writeFileAtomically('weights.safetensors', encodeSafetensors({ bias: { dtype: 'float32', shape: [4], bytes } }))
 */
export function encodeSafetensors(
  tensors: Readonly<Record<string, SafetensorsTensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array[] {
  for (const [name, value] of Object.entries<unknown>(metadata)) {
    if (typeof value === 'string') continue
    const remedy = 'The format has text alone: pass `String(value)`.'
    throw expected('bad-option', 'text', `\`${name}\` of the metadata`, gotText(value), remedy)
  }
  for (const [name, tensor] of Object.entries(tensors)) {
    if (!ArrayBuffer.isView(tensor?.bytes)) {
      const remedy = 'Pass `safetensor(tensor)`.'
      throw expected('bad-option', '{ dtype, shape, bytes }', `tensor \`${name}\``, 'a value without bytes', remedy)
    }
    const length = lengthOf(tensor)
    if (tensor.bytes.length === length) continue
    throw expected(
      'bad-model',
      `${length} bytes of ${tensor.dtype} ${formatShape(tensor.shape)}`,
      `tensor \`${name}\``,
      `${tensor.bytes.length}`,
      'Encode the tensor with the dtype and shape it is written with.',
    )
  }
  const { header, names } = safetensorsLayout(tensors, metadata)
  return [header, ...names.map((name) => tensors[name]!.bytes)]
}

/** The length, then JSON in ASCII (other characters escaped, since this floor has no TextEncoder) padded with spaces. */
function encodeHeader(header: Readonly<Record<string, unknown>>): Uint8Array {
  const json = JSON.stringify(header).replace(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  const text = json.padEnd(Math.ceil(json.length / 8) * 8, ' ')
  const bytes = new Uint8Array(prefixLength + text.length)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true)
  for (let i = 0; i < text.length; i++) bytes[prefixLength + i] = text.charCodeAt(i)
  return bytes
}
