/**
 * JSON of a checkpoint, which strangers wrote: capped in size, one object at the top, no key twice.
 * Not a schema language: what the fields mean is checked where they are read.
 */
import { expected, isUndiffuseError } from '../core/errors.js'
import { fileNature } from '../core/file-nature.js'
import { type Files, fileSize } from './files.js'

export type JsonObject = Readonly<Record<string, unknown>>

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Configurations, weight indices and vocabularies are smaller; a larger file is something else. */
const largestFile = 16 * 2 ** 20

/** How an unexpected value looks in a message: short, on one line. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing'
  const text = typeof value === 'number' ? `${value}` : written(value)
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`
}

/** A class's name in a message: as it is, or like any other value where no class has such a name. */
export const shownClass = (name: string): string => (/^\w{1,60}$/.test(name) ? name : describe(name))

/** Lists in lists by the thousand are more than JSON.stringify can follow. */
function written(value: unknown): string {
  try {
    return JSON.stringify(value) ?? typeof value
  } catch {
    return 'a value that is nested too deep'
  }
}

/**
 * The object that `text` states; throws `bad-model` naming `name` when it is not JSON, not an object, or states a key
 * twice (JSON.parse would silently keep the last).
 */
export function parseJsonObject(text: string, name: string): JsonObject {
  let value: unknown
  try {
    value = parsePythonJson(text)
  } catch {
    const start = describe(text.slice(0, 40))
    throw expected(
      'bad-model',
      'JSON',
      `\`${name}\``,
      `text that starts with ${start}`,
      'The file is damaged or incomplete; fetch it again.',
    )
  }
  if (!isJsonObject(value)) {
    throw expected(
      'bad-model',
      'a JSON object',
      `\`${name}\``,
      describe(value),
      'Use the file that the model was published with.',
    )
  }
  const repeated = repeatedKey(text)
  if (repeated !== undefined) {
    throw expected(
      'bad-model',
      'each key once',
      `\`${name}\``,
      `${describe(repeated)} twice`,
      'The file is damaged; fetch it again.',
    )
  }
  return value
}

/** No text of a file has it: JSON escapes it. */
const notANumber = '\u0000NaN'

/** JSON, and the three numbers that Python writes and JSON has not: Infinity, -Infinity, NaN. */
function parsePythonJson(text: string): unknown {
  if (!/NaN|Infinity/.test(text)) return JSON.parse(text)
  let found = false
  const rewritten = text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"|-?Infinity|NaN/g, (token) => {
    if (token.startsWith('"')) return token
    if (token !== 'NaN') return token.startsWith('-') ? '-1e999' : '1e999'
    found = true
    return JSON.stringify(notANumber)
  })
  return found
    ? JSON.parse(rewritten, (_, value) => (value === notANumber ? Number.NaN : value))
    : JSON.parse(rewritten)
}

/** For any file that is read: a model's, or one that was named. */
const missingRemedy = 'Check the path. If it is part of a model, fetch the complete model folder.'

/** As `fileSize`, of a file that may be part of a model: throws `bad-model` where there is none. */
export async function partSize(files: Files, path: string): Promise<number> {
  const size = await files.size(path)
  if (size !== undefined) return size
  return await fileSize(files, path).catch((error: unknown) => {
    if (!isUndiffuseError(error)) throw error
    throw expected('bad-model', 'a file', `\`${path}\``, error.got, missingRemedy, { cause: error })
  })
}

/** Reads a small text file; throws `bad-model` when it is missing, too large or not UTF-8. */
export async function readText(files: Files, path: string): Promise<string> {
  const size = await partSize(files, path)
  if (size > largestFile) {
    throw expected(
      'bad-model',
      `at most ${largestFile} bytes`,
      `\`${path}\``,
      `${size}`,
      'Use the file that the model was published with.',
    )
  }
  const bytes = await files.read(path, 0, size)
  checkFetched(bytes, path)
  return decodeText(files, bytes, path)
}

/** What a failed download leaves in place of a file, by how it begins. */
const notFetched = [
  {
    begins: /^version https:\/\/git-lfs/,
    got: 'a git-lfs pointer',
    remedy: 'Run `git lfs pull` in its repository, or fetch the file itself.',
  },
  {
    begins: /^\s*<(!doctype html|html|head|\?xml)/i,
    got: 'a web page',
    remedy: 'Fetch the file itself: its address has `resolve` where that of its page has `blob`; some need a login.',
  },
] as const

/** Enough of a file to tell what it is. */
const tellingBytes = 64

/** Throws `bad-model` for what a failed download left in place of the file; its first bytes tell. */
export function checkFetched(bytes: Uint8Array, path: string): void {
  const start = String.fromCharCode(...bytes.subarray(0, tellingBytes))
  const found = notFetched.find(({ begins }) => begins.test(start))
  if (found) throw expected('bad-model', "the model's file", `\`${path}\``, `${found.got} in place of it`, found.remedy)
}

/** Throws `bad-model` for a file of a known format that is not `what`, as `fileNature` names it, and as `checkFetched`. */
export function checkNature(bytes: Uint8Array, path: string, what: string): void {
  checkFetched(bytes, path)
  const found = fileNature(bytes)
  if (found && found.name !== what) throw expected('bad-model', what, `\`${path}\``, found.name, found.remedy)
}

/** Reads a small JSON file; throws `bad-model` when it is missing, too large or not a JSON object. */
export const readJsonObject = async (files: Files, path: string): Promise<JsonObject> =>
  parseJsonObject(await readText(files, path), path)

/** UTF-8 text of bytes; throws `bad-model` where they are something else. */
export function decodeText(files: Files, bytes: Uint8Array, name: string): string {
  try {
    return files.decodeUtf8(bytes)
  } catch {
    throw expected(
      'bad-model',
      'UTF-8 text',
      `\`${name}\``,
      fileNature(bytes)?.name ?? 'other bytes',
      'The file is damaged or incomplete; fetch it again.',
    )
  }
}

/** The first key that an object of this valid JSON text states twice. */
function repeatedKey(text: string): string | undefined {
  const open: Set<string>[] = []
  for (let i = 0; i < text.length; i++) {
    const character = text[i]
    if (character === '{') open.push(new Set())
    else if (character === '}') open.pop()
    else if (character === '"') {
      const end = endOfString(text, i)
      if (isKey(text, end)) {
        const key = JSON.parse(text.slice(i, end)) as string
        const keys = open.at(-1)!
        if (keys.has(key)) return key
        keys.add(key)
      }
      i = end - 1
    }
  }
  return undefined
}

/** Where the string that opens at `start` ends: just after its closing quote. */
function endOfString(text: string, start: number): number {
  let i = start + 1
  while (text[i] !== '"') i += text[i] === '\\' ? 2 : 1
  return i + 1
}

/** In valid JSON a string followed by a colon is a key. */
function isKey(text: string, end: number): boolean {
  let i = end
  while (text[i] === ' ' || text[i] === '\t' || text[i] === '\n' || text[i] === '\r') i++
  return text[i] === ':'
}
