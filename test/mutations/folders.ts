/** A model's folder in memory, and files of it that nobody wrote: JSON with one thing changed, cut bytes, other texts. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Files } from '../../src/checkpoints/files.js'
import { oneOf } from './chance.js'

export type Folder = ReadonlyMap<string, Uint8Array>

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

/** The files of a folder by their paths below it; reference outputs are not of the model. */
export function folderAt(path: string): Folder {
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' })
  const isFile = (name: string) => /\.(json|txt|safetensors)$/.test(name) && !name.startsWith('reference')
  return new Map(names.filter(isFile).map((name) => [name, readFileSync(join(path, name))]))
}

/** A host whose only folder is this one, at `root`. */
export function filesOf(folder: Folder, root: string): Files {
  const below = (path: string) => (path === root ? '' : path.slice(root.length + 1))
  const namesIn = (prefix: string) => [
    ...new Set([...folder.keys()].filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length))),
  ]
  const content = (path: string) => {
    const bytes = folder.get(below(path))
    if (!bytes) throw new Error(`Nobody may read ${path}, which is not there.`)
    return bytes
  }
  return {
    size: async (path) => folder.get(below(path))?.length,
    read: async (path, offset, length) => Uint8Array.from(content(path).subarray(offset, offset + length)),
    text: async (path) => decoder.decode(content(path)),
    decodeUtf8: (bytes) => decoder.decode(bytes),
    list: async (path) => {
      const prefix = path === root ? '' : `${below(path)}/`
      const names = [...new Set(namesIn(prefix).map((name) => name.split('/')[0]!))]
      return names.length > 0 ? names : undefined
    },
    join: (...parts) => parts.join('/'),
  }
}

/** A folder with one file changed. */
export interface Mutation {
  readonly folder: Folder
  readonly file: string
  /** What was done, for a message. */
  readonly done: string
  /** The keys that lead to what was changed in JSON; empty where the file is none any more. */
  readonly keys: readonly string[]
  /** Whether a field was added that nobody knows. */
  readonly unknown: boolean
}

type Below = (limit: number) => number

export const strangeValues: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1,
  3,
  0.5,
  1e308,
  -1e-300,
  2 ** 53,
  1e9,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  '',
  'gelu',
  '0',
  '\u001b[2J`x`\n',
  [],
  [0],
  [1e9, 8],
  ['DownBlock2D'],
  [null, null],
  {},
  { a: { b: [] } },
  'long '.repeat(100),
]

/** JSON as Python writes it. */
const pythonJson = (value: unknown): string =>
  typeof value === 'number'
    ? `${value}`
    : Array.isArray(value)
      ? `[${value.map(pythonJson).join(', ')}]`
      : typeof value === 'object' && value !== null
        ? `{${Object.entries(value)
            .map(([key, each]) => `${JSON.stringify(key)}: ${pythonJson(each)}`)
            .join(', ')}}`
        : JSON.stringify(value)

type Container = Record<string, unknown> | unknown[]
const isContainer = (value: unknown): value is Container => typeof value === 'object' && value !== null

/** Changes one thing of a value in place; returns the keys that lead there and what was done. */
function changeValue(root: Container, below: Below): Pick<Mutation, 'keys' | 'done' | 'unknown'> {
  const keys: string[] = []
  let at = root
  for (;;) {
    const inner = Object.entries(at).filter(([, value]) => isContainer(value))
    if (inner.length === 0 || below(2) === 0) break
    const [key, value] = oneOf(inner, below)
    keys.push(key)
    at = value as Container
  }
  const names = Object.keys(at)
  const value = oneOf(strangeValues, below)
  const kind = below(8)
  if (!Array.isArray(at) && (kind === 0 || names.length === 0)) {
    at.unheard_of = value
    return { keys: [...keys, 'unheard_of'], done: `an unknown field ${pythonJson(value)}`, unknown: keys.length === 0 }
  }
  if (names.length === 0) {
    ;(at as unknown[]).push(value)
    return { keys, done: `one more: ${pythonJson(value)}`, unknown: false }
  }
  const name = oneOf(names, below)
  const found = [...keys, name]
  if (kind === 1) {
    if (Array.isArray(at)) at.splice(Number(name), 1)
    else delete at[name]
    return { keys: found, done: 'taken out', unknown: false }
  }
  ;(at as Record<string, unknown>)[name] = value
  return { keys: found, done: `is ${pythonJson(value)}`, unknown: false }
}

/** What other programs leave in place of a file. */
const otherTexts: Readonly<Record<string, string>> = {
  'a web page': '<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>404</body></html>\n',
  'a git-lfs pointer': `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 3438\n`,
  nothing: '',
  'a list': '[1, 2]',
  null: 'null',
  'a text': 'not json',
  'an error of a server': '{"error": "Repository not found"}',
  'lists in lists': `{"a": ${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
  'a key twice': '{"_class_name": "UNet2DConditionModel", "_class_name": "AutoencoderKL"}',
  YAML: '_class_name: UNet2DConditionModel\n',
}

const ofText = (text: string): Uint8Array => encoder.encode(text)

/** The bytes of a file with something else in its place, or cut, or with other bytes. */
function otherBytes(bytes: Uint8Array, below: Below): readonly [done: string, bytes: Uint8Array] {
  const kind = below(4)
  if (kind === 0) return ['cut', bytes.subarray(0, below(bytes.length + 1))]
  if (kind === 1) return ['followed by more', Uint8Array.from([...bytes.subarray(0, 65_536), 0, 1, 2])]
  if (kind === 2) {
    const changed = Uint8Array.from(bytes)
    for (let k = 0; k < 3 && changed.length > 0; k++) changed[below(Math.min(changed.length, 4096))] = below(256)
    return ['with other bytes', changed]
  }
  const [done, text] = oneOf(Object.entries(otherTexts), below)
  return [`has ${done} in its place`, ofText(text)]
}

/** The safetensors file with another header over the same data. */
function otherHeader(bytes: Uint8Array, below: Below): Pick<Mutation, 'keys' | 'done'> & { bytes: Uint8Array } {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))
  const header = JSON.parse(decoder.decode(bytes.subarray(8, 8 + length))) as Record<string, unknown>
  const { keys, done } = changeValue(header, below)
  const text = ofText(pythonJson(header))
  const prefix = new Uint8Array(8)
  new DataView(prefix.buffer).setBigUint64(0, BigInt(text.length), true)
  return { keys, done, bytes: Buffer.concat([prefix, text, bytes.subarray(8 + length)]) }
}

/** The folder with one file changed; half of the changes are of fields of JSON. */
export function mutated(folder: Folder, below: Below, only = (_: string) => true): Mutation {
  const [file, bytes] = oneOf(
    [...folder].filter(([name]) => only(name)),
    below,
  )
  const put = (changed: Uint8Array | undefined): Folder => {
    const others = new Map(folder)
    if (changed) others.set(file, changed)
    else others.delete(file)
    return others
  }
  if (below(4) > 0 && file.endsWith('.json')) {
    const fields = JSON.parse(decoder.decode(bytes)) as Container
    const change = changeValue(fields, below)
    return { folder: put(ofText(pythonJson(fields))), file, ...change }
  }
  if (below(4) > 0 && file.endsWith('.safetensors')) {
    const { bytes: changed, ...change } = otherHeader(bytes, below)
    return { folder: put(changed), file, ...change, unknown: false }
  }
  if (below(12) === 0) return { folder: put(undefined), file, done: 'is not there', keys: [], unknown: false }
  const [done, changed] = otherBytes(bytes, below)
  return { folder: put(changed), file, done, keys: [], unknown: false }
}
