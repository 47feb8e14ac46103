/**
 * The GGUF format: names, types, shapes and places of tensors in a file that may come from anyone. Reads the header only.
 *
 * Source: github.com/ggml-org/ggml, docs/gguf.md (versions 2 and 3, little-endian).
 */
import { expected, type UndiffuseError } from '../core/errors.js'
import { natureBytes } from '../core/file-nature.js'
import { bytesOf } from '../graph/graph.js'
import { formatShape, sizeOf } from '../math/tensor.js'
import type { Files } from './files.js'
import { type GgufType, typeNames, typeOf, unreadName } from './gguf-types.js'
import { checkNature, decodeText, describe, partSize } from './json.js'

/** A tensor of a file: `offset` counts from the beginning of the file. */
export interface GgufEntry {
  readonly type: GgufType
  readonly shape: readonly number[]
  readonly offset: number
  readonly length: number
}

/** Numbers and texts, and short lists of numbers; of other lists nothing is kept. */
export type GgufValue = string | number | readonly number[] | undefined

export interface GgufHeader {
  readonly file: string
  readonly tensors: ReadonlyMap<string, GgufEntry>
  readonly metadata: ReadonlyMap<string, GgufValue>
}

/** Headers with large vocabularies are some megabytes. */
const largestHeader = 2 ** 26
const windowBytes = 2 ** 16
const mostEntries = 2 ** 16
/** Of a tensor in ggml. */
const mostAxes = 4
const longestText = 2 ** 20
/** The longest list that is kept: a shape. */
const mostKept = 8
const defaultAlignment = 32

const magic = 'GGUF'
const versions = [2, 3]

const failureIn =
  (path: string) =>
  (what: string, got: string): UndiffuseError =>
    expected(
      'bad-model',
      what,
      `\`${path}\``,
      got,
      'The file is damaged, incomplete or not a GGUF file; fetch it again.',
    )

/** What a header is read with, from its beginning on. */
interface Cursor {
  /** The next bytes; `what` says of what, where the file ends before. */
  take(length: number, what: string): Promise<DataView>
  count(what: string, most: number): Promise<number>
  text(what: string): Promise<string>
  readonly position: number
}

function cursorOf(files: Files, path: string, size: number): Cursor {
  const fail = failureIn(path)
  let position = 0
  let window: Uint8Array = new Uint8Array()
  let from = 0
  const cursor: Cursor = {
    get position() {
      return position
    },
    async take(length, what) {
      const end = position + length
      if (end > size) throw fail(`${what}, up to byte ${end}`, `a file of ${size} bytes`)
      if (end > largestHeader) throw fail(`a header of at most ${largestHeader} bytes`, 'a longer one')
      if (end > from + window.length) {
        window = await files.read(path, position, Math.max(length, windowBytes))
        from = position
      }
      const view = new DataView(window.buffer, window.byteOffset + position - from, length)
      position = end
      return view
    },
    async count(what, most) {
      const value = (await cursor.take(8, what)).getBigUint64(0, true)
      if (value <= BigInt(most)) return Number(value)
      throw fail(`${what} of at most ${most}`, `${value}`)
    },
    async text(what) {
      const length = await cursor.count(`a length of ${what}`, longestText)
      const { buffer, byteOffset } = await cursor.take(length, what)
      return decodeText(files, new Uint8Array(buffer as ArrayBuffer, byteOffset, length), path)
    },
  }
  return cursor
}

type Reader = (view: DataView) => number

/** Values of one size, by their codes: bytes and how they are read. */
const scalars: ReadonlyMap<number, readonly [bytes: number, read: Reader]> = new Map<number, [number, Reader]>([
  [0, [1, (view) => view.getUint8(0)]],
  [1, [1, (view) => view.getInt8(0)]],
  [2, [2, (view) => view.getUint16(0, true)]],
  [3, [2, (view) => view.getInt16(0, true)]],
  [4, [4, (view) => view.getUint32(0, true)]],
  [5, [4, (view) => view.getInt32(0, true)]],
  [6, [4, (view) => view.getFloat32(0, true)]],
  [7, [1, (view) => view.getUint8(0)]],
  [10, [8, (view) => Number(view.getBigUint64(0, true))]],
  [11, [8, (view) => Number(view.getBigInt64(0, true))]],
  [12, [8, (view) => view.getFloat64(0, true)]],
])
const [textCode, listCode] = [8, 9]

async function readValue(cursor: Cursor, path: string, key: string): Promise<GgufValue> {
  const fail = failureIn(`${path}: ${key}`)
  const codeOf = async () => (await cursor.take(4, 'a type')).getUint32(0, true)
  const code = await codeOf()
  const scalar = scalars.get(code)
  if (scalar) return scalar[1](await cursor.take(scalar[0], 'a value'))
  if (code === textCode) return await cursor.text('a text')
  if (code !== listCode) throw fail('a type of values', `${code}`)
  const each = await codeOf()
  const count = await cursor.count('a list', largestHeader)
  const entry = scalars.get(each)
  if (entry) {
    const [bytes, read] = entry
    const { buffer, byteOffset } = await cursor.take(count * bytes, 'a list')
    if (count > mostKept) return undefined
    return Array.from({ length: count }, (_, i) => read(new DataView(buffer, byteOffset + i * bytes, bytes)))
  }
  if (each !== textCode) throw fail('a list of texts or numbers', `entries of type ${each}`)
  for (let i = 0; i < count; i++) await cursor.text('a text')
  return undefined
}

/** A tensor as the header tells it; its place counts from the beginning of the data. */
async function readTensor(cursor: Cursor, path: string, name: string): Promise<GgufEntry> {
  const fail = failureIn(`${path}: ${name}`)
  const axes = (await cursor.take(4, 'a number of axes')).getUint32(0, true)
  if (axes > mostAxes) throw fail(`at most ${mostAxes} axes`, `${axes}`)
  const shape: number[] = []
  // The axis along which neighbours lie comes first.
  for (let i = 0; i < axes; i++) shape.unshift(await cursor.count('a size', Number.MAX_SAFE_INTEGER))
  const code = (await cursor.take(4, 'a type')).getUint32(0, true)
  const offset = await cursor.count('a place', Number.MAX_SAFE_INTEGER)
  const type = typeOf(code)
  if (!type) {
    const remedy = 'Fetch the model in one of these types.'
    throw expected('unsupported', `a type of ${typeNames.join(', ')}`, `\`${path}: ${name}\``, unreadName(code), remedy)
  }
  const count = sizeOf(shape)
  if (!Number.isSafeInteger(count * 8)) throw fail('a size that files have', formatShape(shape))
  if ('dtype' in type) return { type, shape, offset, length: count * bytesOf[type.dtype] }
  const row = shape.at(-1) ?? 1
  if (row % type.size !== 0) throw fail(`rows of whole blocks of ${type.size} numbers (${type.name})`, `${row}`)
  return { type, shape, offset, length: (count / type.size) * type.bytes }
}

/** A shape that a program put aside because ggml has no such tensors; ComfyUI-GGUF writes it. */
function withShape(name: string, entry: GgufEntry, metadata: GgufHeader['metadata']): GgufEntry {
  const shape = metadata.get(`comfy.gguf.orig_shape.${name}`)
  const isShape = Array.isArray(shape) && shape.every((size) => Number.isSafeInteger(size) && size > 0)
  if (!isShape || sizeOf(shape) !== sizeOf(entry.shape)) return entry
  const isWhole = 'dtype' in entry.type || sizeOf(shape.slice(1)) % entry.type.size === 0
  return isWhole ? { ...entry, shape } : entry
}

/** Tensors lie in the file, each at a multiple of the alignment, without overlap. */
function checkLayout(path: string, tensors: ReadonlyMap<string, GgufEntry>, alignment: number, size: number): void {
  let end = 0
  const inOrder = [...tensors].sort(([, a], [, b]) => a.offset - b.offset || a.length - b.length)
  for (const [name, { offset, length }] of inOrder) {
    const fail = failureIn(`${path}: ${name}`)
    if (offset % alignment !== 0) throw fail(`a place at a multiple of ${alignment}`, `${offset}`)
    if (offset < end) throw fail(`data after those of the tensor before it, which end at ${end}`, `${offset}`)
    end = offset + length
    if (end > size) throw fail(`data within the ${size} bytes behind the header`, `data up to ${end}`)
  }
}

/**
 * Reads where the tensors of a .gguf file lie, and what it says of itself.
 *
 * file = "GGUF" · version · counts · fields · tensors · padding · data. Throws `bad-model` when the file is missing, damaged or
 * breaks the format, and `unsupported` for types of numbers that are not read, naming those that are.
 *
 * @example const { tensors } = await readGgufHeader(nodeFiles, 'transformer/model-Q4_K_S.gguf')
 */
export async function readGgufHeader(files: Files, path: string): Promise<GgufHeader> {
  const fail = failureIn(path)
  const size = await partSize(files, path)
  const cursor = cursorOf(files, path, size)
  const start = await cursor.take(8, 'a beginning')
  const letters = String.fromCharCode(...[0, 1, 2, 3].map((i) => start.getUint8(i)))
  if (letters !== magic) {
    checkNature(await files.read(path, 0, natureBytes), path, 'a GGUF file')
    throw fail(`a file that begins with ${magic}`, describe(letters))
  }
  const version = start.getUint32(4, true)
  if (!versions.includes(version)) {
    const remedy = 'Convert the model again with a current program.'
    throw expected('unsupported', `GGUF of version ${versions.join(' or ')}`, `\`${path}\``, `${version}`, remedy)
  }
  const tensorCount = await cursor.count('a number of tensors', mostEntries)
  const fieldCount = await cursor.count('a number of fields', mostEntries)

  const metadata = new Map<string, GgufValue>()
  for (let i = 0; i < fieldCount; i++) {
    const key = await cursor.text('a name')
    if (metadata.has(key)) throw fail('each field once', `${describe(key)} twice`)
    metadata.set(key, await readValue(cursor, path, key))
  }
  const alignment = metadata.get('general.alignment') ?? defaultAlignment
  if (typeof alignment !== 'number' || !(alignment >= 8 && alignment <= 2 ** 16 && alignment % 8 === 0)) {
    throw fail('general.alignment as a multiple of 8', describe(alignment))
  }

  const stated = new Map<string, GgufEntry>()
  for (let i = 0; i < tensorCount; i++) {
    const name = await cursor.text('a name')
    if (stated.has(name)) throw fail('each tensor once', `${describe(name)} twice`)
    stated.set(name, await readTensor(cursor, path, name))
  }
  const dataStart = alignment * Math.ceil(cursor.position / alignment)
  checkLayout(path, stated, alignment, Math.max(0, size - dataStart))
  const tensors = new Map(
    [...stated].map(([name, entry]) => [
      name,
      withShape(name, { ...entry, offset: dataStart + entry.offset }, metadata),
    ]),
  )
  return { file: path, tensors, metadata }
}
