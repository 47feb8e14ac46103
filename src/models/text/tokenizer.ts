/**
 * CLIP's byte-pair tokenizer from a folder's own files: tokenizer.json, or vocab.json with merges.txt; and
 * tokenizer_config.json, all checked before they are believed. The pairs are merged by @huggingface/tokenizers; what is
 * around them is here. Not other tokenizers.
 */
import { Tokenizer as BytePairTokenizer } from '@huggingface/tokenizers'
import type { Files } from '../../checkpoints/files.js'
import { describe, isJsonObject, type JsonObject, readJsonObject, readText } from '../../checkpoints/json.js'
import { expected, type UndiffuseError } from '../../core/errors.js'
import {
  type AddedToken,
  addedToken,
  checkAdded,
  checkPrompt,
  contentOf,
  fault,
  isId,
  type PromptTokenizer,
  placesOfWords,
} from './tokenizer-files.js'

/**
 * CLIP's words: the two special tokens, English endings, letters, single digits, runs of other signs. Source: OpenAI CLIP,
 * simple_tokenizer.py.
 */
const wordPattern = "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+"
const pattern = `<\\|startoftext\\|>|<\\|endoftext\\|>|${wordPattern}`

const normalizer = {
  type: 'Sequence',
  normalizers: [{ type: 'NFC' }, { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' }, { type: 'Lowercase' }],
}

const preTokenizer = (words: string) => ({
  type: 'Sequence',
  pretokenizers: [
    { type: 'Split', pattern: { Regex: words }, behavior: 'Removed', invert: true },
    { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true },
  ],
})

/** What the files of a tokenizer hold, whichever they are. */
interface Vocabulary {
  /** Where the tokens stand. */
  readonly file: string
  readonly ids: ReadonlyMap<string, number>
  readonly merges: readonly (readonly [string, string])[]
  /** Tokens beside those of the merges: what textual inversion adds. */
  readonly added: readonly AddedToken[]
}

/**
 * Opens the tokenizer of a diffusers folder.
 *
 * Text is normalised to NFC, white space runs become one space, letters small; words are split, and their bytes merged in
 * the order of the merges. Vocabulary and merges are those of vocab.json and merges.txt, or of tokenizer.json where it
 * stands alone. `model_max_length` (77), `bos_token`, `eos_token` and `pad_token` are read from tokenizer_config.json, or
 * special_tokens_map.json where it names none; without a padding token the end pads. Special tokens in a prompt are
 * themselves, among them "!" where it pads. Tokens that textual inversion added are read, and a token `<a>` that has
 * further ones `<a>_1`, `<a>_2`, … stands for all of them, as in diffusers.
 *
 * Errors: `bad-model` naming the file that is missing or damaged; `unsupported` for tokenizers of another kind, naming the
 * field. Source: transformers, CLIPTokenizer; diffusers, TextualInversionLoaderMixin; Radford et al. 2021.
 *
 * @example
 * const { encode } = await openTokenizer(nodeFiles, 'models/stable-diffusion-1-5/tokenizer')
 * encode('a photo of a cat') // 49406, 320, 1125, 539, 320, 2368, 49407, 49407, …
 */
export async function openTokenizer(files: Files, folder: string): Promise<PromptTokenizer> {
  const path = (name: string) => files.join(folder, name)
  const has = async (name: string) => (await files.size(path(name))) !== undefined
  const readOptional = async (name: string) => ((await has(name)) ? await readJsonObject(files, path(name)) : {})
  const configFile = path('tokenizer_config.json')
  const config = await readJsonObject(files, configFile)
  checkClass(config, configFile)
  const special = await readOptional('special_tokens_map.json')
  const isWhole = !(await has('vocab.json')) && (await has('tokenizer.json'))
  const { file, ids, merges, added } = isWhole
    ? wholeVocabulary(await readJsonObject(files, path('tokenizer.json')), path('tokenizer.json'))
    : await partedVocabulary(files, path, config, await readOptional('added_tokens.json'))

  const tokens = new Map([...ids, ...added.map(({ content, id }) => [content, id] as const)])
  const names = new Map([...tokens].map(([name, id]) => [id, name]))
  const known = new Map(added.map((token) => [token.content, token]))
  const specialToken = (field: string, fallback: string): AddedToken => {
    const stated = config[field] ?? special[field] ?? fallback
    const content = contentOf(stated) ?? fallback
    const id = tokens.get(content)
    if (id === undefined) throw fault(`the ${field} \`${content}\``, file, 'no such token')
    return known.get(content) ?? addedToken(content, id, { special: true, ...(isJsonObject(stated) ? stated : {}) })
  }
  const start = specialToken('bos_token', '<|startoftext|>')
  const end = specialToken('eos_token', '<|endoftext|>')
  const padding = specialToken('pad_token', end.content)
  for (const token of [start, end, padding]) known.set(token.content, token)
  const length = checkLength(config.model_max_length ?? 77, configFile)
  const pairs = bytePairs(ids, merges, [...known.values()], end.content)

  const idsOf = (prompt: string): readonly number[] => {
    checkPrompt(prompt)
    return pairs.encode(withAllVectors(prompt, added, pairs), { add_special_tokens: false }).ids
  }
  const room = length - 2

  return {
    length,
    size: Math.max(...tokens.values()) + 1,
    // Words are merged one by one.
    places: (prompt) => placesOfWords(prompt, idsOf, 1, room),
    encode(prompt) {
      const used = [start.id, ...idsOf(prompt).slice(0, room), end.id]
      return [...used, ...Array<number>(length - used.length).fill(padding.id)]
    },
    unread: (prompt) =>
      idsOf(prompt)
        .slice(room)
        .map((id) => names.get(id)!)
        .join('')
        .replaceAll('</w>', ' ')
        .trim(),
  }
}

/** A token of several vectors in a prompt is followed by its further ones: diffusers' `maybe_convert_prompt`. */
function withAllVectors(prompt: string, added: readonly AddedToken[], pairs: BytePairTokenizer): string {
  const contents = new Set(added.map(({ content }) => content))
  const several = [...contents].filter((content) => contents.has(`${content}_1`))
  if (several.length === 0) return prompt
  const inPrompt = new Set(pairs.tokenize(prompt, { add_special_tokens: false }))
  return several
    .filter((content) => inPrompt.has(content))
    .reduce((text, content) => {
      const vectors = [content]
      while (contents.has(`${content}_${vectors.length}`)) vectors.push(`${content}_${vectors.length}`)
      return text.replaceAll(content, vectors.join(' '))
    }, prompt)
}

function checkClass(config: JsonObject, file: string): void {
  const className = config.tokenizer_class ?? 'CLIPTokenizer'
  if (className === 'CLIPTokenizer' || className === 'CLIPTokenizerFast') return
  throw otherTokenizer('CLIPTokenizer', 'tokenizer_class', file, className)
}

const otherTokenizer = (what: string, field: string, file: string, got: unknown): UndiffuseError =>
  expected('unsupported', what, `\`${field}\` in \`${file}\``, describe(got), 'Use a model with CLIP text.')

/** vocab.json, merges.txt, and added tokens where the folder has them. */
async function partedVocabulary(
  files: Files,
  path: (name: string) => string,
  config: JsonObject,
  addedTokens: JsonObject,
): Promise<Vocabulary> {
  const file = path('vocab.json')
  const ids = checkVocabulary(await readJsonObject(files, file), file)
  const text = await readText(files, path('merges.txt'))
  const lines = text.split('\n').map((line) => line.trim())
  const merges = lines.flatMap((line, i) => {
    if (line === '' || (i === 0 && line.startsWith('#version'))) return []
    return [checkMerge(line.split(' '), ids, path('merges.txt'), `line ${i + 1}: ${describe(line)}`)]
  })
  const flags = isJsonObject(config.added_tokens_decoder) ? config.added_tokens_decoder : {}
  const decoded = Object.entries(flags).map(([id, token]) => ({
    ...(isJsonObject(token) ? token : {}),
    id: Number(id),
  }))
  const plain = Object.entries(addedTokens).map(([content, id]) => ({ content, id, normalized: true }))
  const found = new Map([...plain, ...decoded].map((token) => [token.id, token]))
  const added = checkAdded([...found.values()], ids, path('added_tokens.json'))
  return { file, ids, merges, added }
}

/** Fields of a byte-pair model that CLIP does not use, with the values that leave them out. */
const unusedOfModel: Readonly<Record<string, readonly unknown[]>> = {
  dropout: [null, undefined, 0],
  continuing_subword_prefix: ['', null, undefined],
  byte_fallback: [false, undefined],
  ignore_merges: [false, undefined],
}

/** tokenizer.json, where its steps are those of CLIP. */
function wholeVocabulary(definition: JsonObject, file: string): Vocabulary {
  const { normalizer: normalizing, pre_tokenizer: splitting, model, added_tokens: addedTokens = [] } = definition
  if (!isSame(normalizing, normalizer)) throw otherTokenizer("CLIP's", 'normalizer', file, normalizing)
  if (![wordPattern, pattern].some((words) => isSame(splitting, preTokenizer(words)))) {
    throw otherTokenizer("CLIP's", 'pre_tokenizer', file, splitting)
  }
  if (!isJsonObject(model) || model.type !== 'BPE' || model.end_of_word_suffix !== '</w>') {
    const got = isJsonObject(model) ? { type: model.type, end_of_word_suffix: model.end_of_word_suffix } : model
    throw otherTokenizer('byte pairs with words that end with </w>', 'model', file, got)
  }
  for (const [field, values] of Object.entries(unusedOfModel)) {
    if (!values.includes(model[field])) throw otherTokenizer(describe(values[0]), `model.${field}`, file, model[field])
  }
  if (!isJsonObject(model.vocab)) throw fault('a vocabulary', file, describe(model.vocab))
  if (!Array.isArray(model.merges)) throw fault('a list of merges', file, describe(model.merges))
  if (!Array.isArray(addedTokens)) throw fault('a list of added tokens', file, describe(addedTokens))
  const ids = checkVocabulary(model.vocab, file)
  const merges = model.merges.map((merge: unknown, i) => {
    const parts = typeof merge === 'string' ? merge.split(' ') : Array.isArray(merge) ? merge : []
    return checkMerge(parts, ids, file, `merge ${i + 1}: ${describe(merge)}`)
  })
  return { file, ids, merges, added: checkAdded(addedTokens, ids, file) }
}

/** Whether a value that was read is this one. What `ByteLevel` says of a pattern of its own, CLIP leaves as it is. */
function isSame(got: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    return Array.isArray(got) && got.length === wanted.length && wanted.every((one, i) => isSame(got[i], one))
  }
  if (!isJsonObject(wanted)) return got === wanted
  if (!isJsonObject(got)) return false
  const { use_regex: ownPattern = true, ...fields } = got
  const keys = new Set([...Object.keys(fields), ...Object.keys(wanted)])
  return ownPattern === true && [...keys].every((key) => isSame(fields[key], wanted[key]))
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

function checkLength(value: unknown, file: string): number {
  if (Number.isSafeInteger(value) && (value as number) >= 2 && (value as number) <= 65_536) return value as number
  const [got, remedy] = [describe(value), 'Fetch the complete model folder.']
  throw expected('bad-model', 'an integer from 2 to 65536', `\`model_max_length\` in \`${file}\``, got, remedy)
}

/** The steps of CLIP's tokenizer over a vocabulary. */
function bytePairs(
  ids: ReadonlyMap<string, number>,
  merges: readonly (readonly [string, string])[],
  added: readonly AddedToken[],
  unknown: string,
): BytePairTokenizer {
  const definition = {
    version: '1.0',
    added_tokens: added,
    normalizer,
    pre_tokenizer: preTokenizer(pattern),
    post_processor: null,
    decoder: null,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: unknown,
      continuing_subword_prefix: '',
      end_of_word_suffix: '</w>',
      fuse_unk: false,
      vocab: Object.fromEntries(ids),
      merges,
    },
  }
  return new BytePairTokenizer(definition, { tokenizer_class: 'CLIPTokenizer' })
}
