/** Key files of watermarks: written for their owner alone, read as untrusted, asked for members. */
import { basename } from 'node:path'
import { type AskedKey, checkKey, expected, formatShape, readKey, type WatermarkKey, zeros } from 'undiffuse'
import { nodeFiles, writeFileAtomically, writeNewFile } from 'undiffuse/node'

/** Of its owner alone. */
const ownersMode = 0o600
/** Keys are a few hundred bytes. */
const largestKeyBytes = 2 ** 16

/** Writes the text of a key whole or not at all, readable by its owner alone; over another file only by `force`. */
export const writeKey = (path: string, text: string, { force }: { readonly force: boolean }): Promise<void> =>
  (force ? writeFileAtomically : writeNewFile)(path, text, { mode: ownersMode })

/** Reads a key file. Throws `bad-option` for what is none or was changed, `unavailable` where there is none. */
export async function readKeyFile(path: string): Promise<WatermarkKey> {
  const name = basename(path)
  const size = await nodeFiles.size(path)
  const remedy = 'Make keys with `undiffuse watermark keygen`.'
  if (size !== undefined && size > largestKeyBytes) {
    throw expected('bad-option', 'a watermark key', `\`${name}\``, `${size} bytes`, remedy)
  }
  // Bytes that are no text are no key either: what they become is refused.
  const bytes = await nodeFiles.read(path, 0, largestKeyBytes)
  return readKey(new TextDecoder().decode(bytes), name)
}

/**
 * The keys of several files, each once. Throws `bad-shape` for keys of different sizes and `bad-option` for keys of
 * different models: no picture could carry both.
 */
export async function readKeyFiles(paths: readonly string[]): Promise<readonly [WatermarkKey, ...WatermarkKey[]]> {
  const read = await Promise.all(paths.map(readKeyFile))
  const [first, ...others] = new Map(read.map((key) => [key.id, key])).values()
  if (!first) throw expected('bad-option', 'a key', '`--key`', 'none', 'Pass the file of a key.')
  for (const other of others) checkKey(other, first)
  return [first, ...others]
}

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
  const digits = message.replace(/^0x/i, '').toLowerCase()
  return digits.padEnd(Math.ceil(key.messageBits / 4), '0')
}

/** A key in one line, without its secret. */
export const keyText = ({ id, scheme, members, messageBits, latentShape }: WatermarkKey): string =>
  [
    `key ${id}: ${scheme}`,
    `latents ${formatShape(latentShape)}`,
    ...(members > 1 ? [`${members} members`] : []),
    ...(messageBits > 0 ? [`${messageBits} bits of message`] : []),
  ].join(', ')

/** What may be told of a key. */
export const keyReport = ({ id, scheme, model, latentShape, members, messageBits, smallestPValue }: WatermarkKey) => ({
  id,
  scheme,
  model,
  latentShape,
  members,
  messageBits,
  smallestPValue,
})
