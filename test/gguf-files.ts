/** GGUF files for tests: a small writer, and a host that has them in memory. */
import type { Files, ScratchFile } from '../src/checkpoints/files.js'

export interface WrittenTensor {
  readonly code: number
  /** As ggml has it: the axis along which neighbours lie comes first. */
  readonly sizes: readonly number[]
  readonly bytes: Uint8Array
  /** Default: behind the tensor before it. */
  readonly offset?: number
}

export interface WrittenFile {
  readonly tensors: Readonly<Record<string, WrittenTensor>>
  /** Values as bytes, behind their types' codes. */
  readonly fields?: readonly (readonly [key: string, code: number, value: Uint8Array])[]
  readonly version?: number
  readonly alignment?: number
}

const encoder = new TextEncoder()
const number = (bytes: 4 | 8, value: number): Uint8Array => {
  const view = new DataView(new ArrayBuffer(bytes))
  if (bytes === 4) view.setUint32(0, value, true)
  else view.setBigUint64(0, BigInt(value), true)
  return new Uint8Array(view.buffer)
}
export const uint32 = (value: number) => number(4, value)
export const uint64 = (value: number) => number(8, value)
export const text = (value: string) => joined([uint64(encoder.encode(value).length), encoder.encode(value)])

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let position = 0
  for (const part of parts) {
    all.set(part, position)
    position += part.length
  }
  return all
}

export function encodeGguf({ tensors, fields = [], version = 3, alignment = 32 }: WrittenFile): Uint8Array {
  const entries = Object.entries(tensors)
  const padded = (length: number) => alignment * Math.ceil(length / alignment)
  let end = 0
  const places = entries.map(([, { bytes, offset = end }]) => {
    end = padded(offset + bytes.length)
    return offset
  })
  const header = joined([
    encoder.encode('GGUF'),
    uint32(version),
    uint64(entries.length),
    uint64(fields.length),
    ...fields.flatMap(([key, code, value]) => [text(key), uint32(code), value]),
    ...entries.flatMap(([name, { code, sizes }], i) => [
      text(name),
      uint32(sizes.length),
      ...sizes.map(uint64),
      uint32(code),
      uint64(places[i]!),
    ]),
  ])
  const start = padded(header.length)
  const file = new Uint8Array(Math.max(start, ...entries.map(([, { bytes }], i) => start + places[i]! + bytes.length)))
  file.set(header)
  entries.forEach(([, { bytes }], i) => {
    file.set(bytes, start + places[i]!)
  })
  return file
}

/** Files in memory by their paths; what is made comes to lie at `scratch`. */
export function memoryFiles(contents: Map<string, Uint8Array>): Files {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const scratch = async (): Promise<ScratchFile> => {
    const path = 'scratch'
    contents.set(path, new Uint8Array())
    return {
      path,
      async write(offset, bytes) {
        const before = contents.get(path)!
        const after = new Uint8Array(Math.max(before.length, offset + bytes.length))
        after.set(before)
        after.set(bytes, offset)
        contents.set(path, after)
      },
      remove: async () => void contents.delete(path),
    }
  }
  return {
    size: async (path) => contents.get(path)?.length,
    read: async (path, offset, length) => contents.get(path)!.slice(offset, offset + length),
    text: async (path) => decoder.decode(contents.get(path)!),
    decodeUtf8: (bytes) => decoder.decode(bytes),
    list: async () => [...contents.keys()],
    scratch,
    join: (...parts) => parts.join('/'),
  }
}
