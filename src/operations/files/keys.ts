/** Key files of watermarks: written for their owner alone, read as untrusted, asked for members. */
import { expected, isUndiffuseError } from '../../core/errors.js'
import { zeros } from '../../math/tensor.js'
import { checkKey, hasOtherWeights, type KeyModel, keyFormat, readKey, type WatermarkKey } from '../../watermark/key.js'
import type { AskedKey } from '../../watermark/reading/detect.js'
import { digitsOf } from '../../watermark/watermark.js'
import { setting } from '../fields.js'
import type { HostFiles } from '../host.js'
import { noted, type Told } from '../operation.js'
import { endingOf, lastName } from './paths.js'

/** Keys are a few hundred bytes. */
const largestKeyBytes = 2 ** 16

/** Reads a key file. Throws `bad-option` for a file that is invalid or was changed, `unavailable` where it is missing. */
export async function readKeyFile(files: HostFiles, path: string): Promise<WatermarkKey> {
  const name = lastName(path)
  const size = await files.size(path)
  const bad = (got: string) =>
    expected(
      'bad-option',
      'a watermark key',
      `\`${name}\``,
      got,
      'Pass the file of a key, or restore it from a backup.',
    )
  if (size !== undefined && size > largestKeyBytes) throw bad(`${size} bytes`)
  if (size === undefined) await checkIsThere(files, path)
  return readKey(textOf(files, await files.read(path, 0, largestKeyBytes), bad), name)
}

/** Throws what reading throws of a file that is not there: a key can be made. */
async function checkIsThere(files: HostFiles, path: string): Promise<void> {
  try {
    await files.read(path, 0, 0)
  } catch (error) {
    if (!isUndiffuseError(error) || (await files.isFolder(path))) throw error
    const { code, expected: what, subject, got, remedy } = error
    throw expected(code, what, subject, got, `${remedy} Or make a key first.`, { cause: error, hint: 'make-key' })
  }
}

/** The format is the first thing that a key file says. */
const headBytes = 256

/** The error of reading a source that is a key: it says where keys go. Any other error stays. */
export async function orKey(error: unknown, path: string, files: HostFiles): Promise<unknown> {
  if (!isUndiffuseError(error) || error.code !== 'bad-image' || endingOf(path).toLowerCase() !== '.json') return error
  const head = String.fromCharCode(...(await files.read(path, 0, headBytes)))
  if (!head.includes(keyFormat)) return error
  const remedy = `Pass it in ${setting('key')}, several as a.json,b.json.`
  return expected(error.code, 'a picture', `\`${lastName(path)}\``, 'a key', remedy, { cause: error })
}

function textOf(files: HostFiles, bytes: Uint8Array, bad: (got: string) => Error): string {
  try {
    return files.decodeUtf8(bytes)
  } catch {
    throw bad('bytes that are not UTF-8 text')
  }
}

/**
 * The keys of several files, each once. Throws `bad-shape` for keys of different sizes and `bad-option` for keys of
 * different models: no picture could carry both.
 */
export async function readKeyFiles(
  files: HostFiles,
  paths: readonly string[],
): Promise<readonly [WatermarkKey, ...WatermarkKey[]]> {
  const read = await Promise.all(paths.map((path) => readKeyFile(files, path)))
  const [first, ...others] = new Map(read.map((key) => [key.id, key])).values()
  if (!first) throw expected('bad-option', 'a key', setting('key'), 'none', 'Pass the file of a key.')
  for (const other of others) checkKey(other, first)
  return [first, ...others]
}

/** Of each key that was made for other weights, that noise of these ones may not show its mark. */
export const notesOnWeights = (keys: readonly WatermarkKey[], of: KeyModel): readonly Told[] =>
  keys
    .filter((key) => hasOtherWeights(key, of))
    .map(({ id, modelFiles }) =>
      noted(
        of.model,
        `Key ${id} was made for other weights of \`${of.model}\`: ${modelFiles}, and these are ${of.modelFiles}. Marks may be missed.`,
      ),
    )

export type Member = number | 'all'

/** Whom to ask of each key. Throws `bad-option` for a member that a key does not have. */
export function askedOf(keys: readonly WatermarkKey[], member: Member | undefined): readonly AskedKey[] {
  if (typeof member === 'number') for (const key of keys) key.mark(member)
  return keys.map((key) => ({ key, member }))
}

/** The mark that an asked key stands for, where one does for all. */
export const markOf = ({ key, member }: AskedKey) => key.mark(member === 'all' ? 0 : member)

/** As readings tell messages. Throws `bad-option` where the key's marks have no room for it. */
export function messageOf(key: WatermarkKey, message: string): string {
  key.mark().imprint(zeros(key.latentShape), message)
  return digitsOf(message, key.messageBits, key.scheme)
}

/** What may be told of a key. */
export const keyReport = (key: WatermarkKey) => {
  const {
    id,
    scheme,
    model,
    modelFiles = null,
    latentShape,
    axes,
    members,
    messageBits,
    smallestPValue,
    chosen = null,
  } = key
  return { id, scheme, model, modelFiles, latentShape, axes, members, messageBits, smallestPValue, chosen }
}

export type KeyReport = ReturnType<typeof keyReport>
