/** Vocabularies of byte pairs as folders have them: vocab.json with merges.txt, or tokenizer.json; checked before they are believed. */
import type { Files } from '../../checkpoints/files.js'
import { describe, isJsonObject, type JsonObject, readJsonObject, readText } from '../../checkpoints/json.js'
import type { UndiffuseError } from '../../core/errors.js'
import type { ConfigReader } from '../../nn/parameters.js'
import { type AddedToken, checkAdded, fault, isId } from './tokenizer-files.js'

/** What the files of a tokenizer hold, whichever they are. */
export interface Vocabulary {
  /** Where the tokens stand. */
  readonly file: string
  readonly ids: ReadonlyMap<string, number>
  readonly merges: readonly (readonly [string, string])[]
  /** Tokens beside those of the merges: what textual inversion adds. */
  readonly added: readonly AddedToken[]
}

/** vocab.json and merges.txt. */
export async function partedVocabulary(files: Files, path: (name: string) => string): Promise<Vocabulary> {
  const file = path('vocab.json')
  const ids = checkVocabulary(await readJsonObject(files, file), file)
  const text = await readText(files, path('merges.txt'))
  const lines = text.split('\n').map((line) => line.trim())
  const merges = lines.flatMap((line, i) => {
    if (line === '' || (i === 0 && line.startsWith('#version'))) return []
    return [checkMerge(line.split(' '), ids, path('merges.txt'), `line ${i + 1}: ${describe(line)}`)]
  })
  checkReached(ids, merges, path('merges.txt'))
  return { file, ids, merges, added: [] }
}

/** A byte alone and at the end of a word. */
const tokensOfBytes = 512
/** So many of them may be put in by hand. */
const mostUnreached = 0.1

/**
 * Throws `bad-model` where tokens of several characters are made by no merge: merges.txt is cut short, and words would be
 * spelled otherwise without a sign of it. A vocabulary without all bytes is one that nobody trained, and is not looked at
 * unless it has no merge at all.
 */
function checkReached(ids: ReadonlyMap<string, number>, merges: Vocabulary['merges'], file: string): void {
  const several = [...ids.keys()].filter(
    (token) => [...token.replace(/<\/w>$/, '')].length > 1 && !/^<.*>$/.test(token),
  )
  const made = new Set(merges.map(([left, right]) => left + right))
  const missing = several.filter((token) => !made.has(token))
  const isTrained = ids.size - several.length >= tokensOfBytes
  if (missing.length === 0 || (merges.length > 0 && !(isTrained && missing.length > mostUnreached * several.length)))
    return
  const what = `merges that make the ${several.length} tokens of several characters`
  throw fault(what, file, `${merges.length}; none makes ${missing.length} of them, such as ${describe(missing[0])}`)
}

/** Tokens as tokenizer_config.json lists them: id → token. */
export function decodedTokens(config: ConfigReader): readonly unknown[] {
  const listed = config.value('added_tokens_decoder') ?? {}
  if (!isJsonObject(listed)) throw fault('tokens by their ids', config.file, describe(listed), 'added_tokens_decoder')
  return Object.entries(listed).map(([id, token]) => (isJsonObject(token) ? { ...token, id: Number(id) } : token))
}

/** Tokens as added_tokens.json lists them: text → id. */
export const plainTokens = (listed: JsonObject): readonly unknown[] =>
  Object.entries(listed).map(([content, id]) => ({ content, id, normalized: true }))

/** How a tokenizer of another kind is refused. */
export type Refusal = (what: string, field: string, file: string, got: unknown) => UndiffuseError

/** Fields of a byte-pair model that are not used here, with the values that leave them out. */
const unusedOfModel: Readonly<Record<string, readonly unknown[]>> = {
  dropout: [null, undefined, 0],
  continuing_subword_prefix: ['', null, undefined],
  byte_fallback: [false, undefined],
  ignore_merges: [false, undefined],
}

/** What of tokenizer.json changes nothing here. */
export const wholeHarmless: Readonly<Record<string, string>> = {
  version: 'of the format, which has one',
  truncation: 'pipelines say in each call how long a prompt is',
  padding: 'pipelines say in each call how long a prompt is',
  decoder: 'says how tokens become text again',
}

/** The byte pairs of tokenizer.json, whose other steps were read; a word's last piece ends in `suffix`. */
export function bytePairVocabulary(definition: ConfigReader, suffix: string, refused: Refusal): Vocabulary {
  const { file } = definition
  const model = definition.value('model')
  const addedTokens = definition.value('added_tokens') ?? []
  definition.done(wholeHarmless)
  if (!isJsonObject(model)) throw refused('byte pairs', 'model', file, model)
  const { type, end_of_word_suffix: stated, unk_token: _, fuse_unk: __, vocab, merges: merging, ...rest } = model
  if (type !== 'BPE') throw refused('BPE', 'model.type', file, type)
  if ((stated ?? '') !== suffix) throw refused(suffix || 'none', 'model.end_of_word_suffix', file, stated)
  for (const [field, value] of Object.entries(rest)) {
    const [wanted, ...same] = Object.hasOwn(unusedOfModel, field) ? unusedOfModel[field]! : ['no such field']
    if (![wanted, ...same].includes(value)) throw refused(`${wanted}`, `model.${field}`, file, value)
  }
  if (!isJsonObject(vocab)) throw fault('a vocabulary', file, describe(vocab), 'model.vocab')
  if (!Array.isArray(merging)) throw fault('a list', file, describe(merging), 'model.merges')
  if (!Array.isArray(addedTokens)) throw fault('a list', file, describe(addedTokens), 'added_tokens')
  const ids = checkVocabulary(vocab, file)
  const merges = merging.map((merge: unknown, i) => {
    const parts = typeof merge === 'string' ? merge.split(' ') : Array.isArray(merge) ? merge : []
    return checkMerge(parts, ids, file, `merge ${i + 1}: ${describe(merge)}`)
  })
  return { file, ids, merges, added: checkAdded(addedTokens, ids, file, 'added_tokens') }
}

function checkVocabulary(fields: JsonObject, file: string): ReadonlyMap<string, number> {
  const entries = Object.entries(fields)
  const seen = new Set<unknown>()
  for (const [name, id] of entries) {
    if (!isId(id) || seen.has(id)) throw fault('each id once, from 0', file, `${describe(id)} for ${describe(name)}`)
    seen.add(id)
  }
  if (entries.length === 0) throw fault('tokens and their ids', file, 'none')
  return new Map(entries as [string, number][])
}

function checkMerge(
  parts: readonly unknown[],
  ids: ReadonlyMap<string, number>,
  file: string,
  got: string,
): readonly [string, string] {
  const [left, right, ...more] = parts
  const known = typeof left === 'string' && typeof right === 'string' && more.length === 0
  if (known && [left, right, left + right].every((token) => ids.has(token))) return [left, right]
  throw fault('two tokens that make a third', file, got)
}
