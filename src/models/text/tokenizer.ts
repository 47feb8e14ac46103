/**
 * CLIP's byte-pair tokenizer from a folder's own files: vocab.json, merges.txt and tokenizer_config.json, checked before
 * they are believed. The pairs are merged by @huggingface/tokenizers; what is around them is here. Not other tokenizers.
 */
import { Tokenizer as BytePairTokenizer } from '@huggingface/tokenizers'
import type { Files } from '../../checkpoints/files.js'
import { isJsonObject, type JsonObject, readJsonObject, readText } from '../../checkpoints/json.js'
import { expected, type UndiffuseError } from '../../core/errors.js'

export interface ClipTokenizer {
  /** Tokens of an encoded prompt, start, end and padding included. */
  readonly length: number
  /** One more than the largest id. */
  readonly size: number
  /**
   * The ids of a prompt: start, words, end, padding, `length` in all.
   *
   * Errors: `bad-option` for a prompt that does not fit, saying where the part that fits ends.
   */
  encode(prompt: string): readonly number[]
  /** The places that each word of a prompt, as white space parts them, has in what `encode` gives. */
  places(prompt: string): readonly (readonly number[])[]
}

/** CLIP's words: English endings, letters, single digits, runs of other signs. Source: OpenAI CLIP, simple_tokenizer.py. */
const wordPattern = "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+"

const remedy = 'Fetch the complete model folder.'
const fault = (what: string, file: string, got: string): UndiffuseError =>
  expected('bad-model', what, `\`${file}\``, got, remedy)

/**
 * Opens the tokenizer of a diffusers folder.
 *
 * Text is normalised to NFC, white space runs become one space, letters small; words are split, and their bytes merged in
 * the order of merges.txt. `model_max_length` (77), `bos_token`, `eos_token` and `pad_token` are read from
 * tokenizer_config.json, or special_tokens_map.json where it names none; without a padding token the end pads.
 * Differs from the pipelines of diffusers in one thing: a prompt that is too long is an error, not cut with a warning.
 *
 * Errors: `bad-model` naming the file that is missing or damaged; `unsupported` for tokenizers of another class.
 * Source: transformers, CLIPTokenizer; Radford et al. 2021.
 *
 * @example
 * const { encode } = await openTokenizer(nodeFiles, 'models/stable-diffusion-1-5/tokenizer')
 * encode('a photo of a cat') // 49406, 320, 1125, 539, 320, 2368, 49407, 49407, …
 */
export async function openTokenizer(files: Files, folder: string): Promise<ClipTokenizer> {
  const path = (name: string) => files.join(folder, name)
  const config = await readJsonObject(files, path('tokenizer_config.json'))
  checkClass(config, path('tokenizer_config.json'))
  const vocabulary = checkVocabulary(await readJsonObject(files, path('vocab.json')), path('vocab.json'))
  const merges = readMerges(await readText(files, path('merges.txt')), vocabulary, path('merges.txt'))
  const hasMap = (await files.size(path('special_tokens_map.json'))) !== undefined
  const special = hasMap ? await readJsonObject(files, path('special_tokens_map.json')) : {}

  const idOf = (field: string, fallback: string): number => {
    const content = contentOf(config[field]) ?? contentOf(special[field]) ?? fallback
    const id = vocabulary.get(content)
    if (id !== undefined) return id
    throw fault(`the ${field} \`${content}\``, path('vocab.json'), 'no such token')
  }
  const start = idOf('bos_token', '<|startoftext|>')
  const end = idOf('eos_token', '<|endoftext|>')
  const names = new Map([...vocabulary].map(([name, id]) => [id, name]))
  const padding = idOf('pad_token', names.get(end)!)
  const length = checkLength(config.model_max_length ?? 77, path('tokenizer_config.json'))
  const pairs = bytePairs(vocabulary, merges, [start, end], names)

  const idsOf = (prompt: string): readonly number[] => {
    checkPrompt(prompt)
    return pairs.encode(prompt, { add_special_tokens: false }).ids
  }

  return {
    length,
    size: Math.max(...vocabulary.values()) + 1,
    // Words are merged one by one: the tokens of a beginning are the beginning of the tokens.
    places(prompt) {
      const words = prompt.split(/\s+/).filter((word) => word !== '')
      const ends = [0, ...words.map((_, k) => idsOf(words.slice(0, k + 1).join(' ')).length)].map((end) => end + 1)
      return words.map((_, k) => Array.from({ length: ends[k + 1]! - ends[k]! }, (_, i) => ends[k]! + i))
    },
    encode(prompt) {
      const ids = idsOf(prompt)
      if (ids.length > length - 2) throw tooLong(ids, length - 2, names)
      const used = [start, ...ids, end]
      return [...used, ...Array<number>(length - used.length).fill(padding)]
    },
  }
}

function checkClass(config: JsonObject, file: string): void {
  const className = config.tokenizer_class ?? 'CLIPTokenizer'
  if (className === 'CLIPTokenizer' || className === 'CLIPTokenizerFast') return
  const got = JSON.stringify(className)
  throw expected(
    'unsupported',
    'CLIPTokenizer',
    `\`tokenizer_class\` in \`${file}\``,
    got,
    'Use a model with CLIP text.',
  )
}

function checkVocabulary(fields: JsonObject, file: string): ReadonlyMap<string, number> {
  const entries = Object.entries(fields)
  const seen = new Set<unknown>()
  for (const [name, id] of entries) {
    const isId = Number.isSafeInteger(id) && (id as number) >= 0
    if (!isId || seen.has(id)) {
      throw fault('each id once, from 0', file, `${JSON.stringify(id)} for ${JSON.stringify(name)}`)
    }
    seen.add(id)
  }
  if (entries.length === 0) throw fault('tokens and their ids', file, 'none')
  return new Map(entries as [string, number][])
}

function readMerges(
  text: string,
  vocabulary: ReadonlyMap<string, number>,
  file: string,
): readonly (readonly [string, string])[] {
  const lines = text.split('\n').map((line) => line.trim())
  const merges: (readonly [string, string])[] = []
  lines.forEach((line, i) => {
    if (line === '' || (i === 0 && line.startsWith('#version'))) return
    const [left, right, ...more] = line.split(' ')
    const known = left !== undefined && right !== undefined && more.length === 0
    if (!known || ![left, right, left + right].every((token) => vocabulary.has(token))) {
      throw fault('two tokens that make a third', file, `line ${i + 1}: ${JSON.stringify(line.slice(0, 60))}`)
    }
    merges.push([left, right])
  })
  return merges
}

/** A token as configurations state it: its text, or an object around it. */
const contentOf = (value: unknown): string | undefined =>
  typeof value === 'string'
    ? value
    : isJsonObject(value) && typeof value.content === 'string'
      ? value.content
      : undefined

function checkLength(value: unknown, file: string): number {
  if (Number.isSafeInteger(value) && (value as number) >= 2 && (value as number) <= 65_536) return value as number
  const got = JSON.stringify(value)
  throw expected('bad-model', 'an integer from 2 to 65536', `\`model_max_length\` in \`${file}\``, got, remedy)
}

/** CLIP's tokenizer.json, which folders of diffusers leave out, from the files that they hold. */
function bytePairs(
  vocabulary: ReadonlyMap<string, number>,
  merges: readonly (readonly [string, string])[],
  special: readonly number[],
  names: ReadonlyMap<number, string>,
): BytePairTokenizer {
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: true, special: true }
  const definition = {
    version: '1.0',
    added_tokens: special.map((id) => ({ id, content: names.get(id)!, ...flags })),
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'NFC' },
        { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' },
        { type: 'Lowercase' },
      ],
    },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: wordPattern }, behavior: 'Removed', invert: true },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true },
      ],
    },
    post_processor: null,
    decoder: null,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: names.get(special[1]!)!,
      continuing_subword_prefix: '',
      end_of_word_suffix: '</w>',
      fuse_unk: false,
      vocab: Object.fromEntries(vocabulary),
      merges,
    },
  }
  return new BytePairTokenizer(definition, { tokenizer_class: 'CLIPTokenizer' })
}

/** Far more than any prompt that fits: what is longer need not be looked at. */
const mostCharacters = 100_000

function checkPrompt(prompt: unknown): void {
  if (typeof prompt === 'string' && prompt.length <= mostCharacters) return
  const got = typeof prompt === 'string' ? `${prompt.length} characters` : typeof prompt
  throw expected('bad-option', `text of at most ${mostCharacters} characters`, 'the prompt', got, 'Shorten it.')
}

function tooLong(ids: readonly number[], most: number, names: ReadonlyMap<number, string>): UndiffuseError {
  const fitting = ids
    .slice(0, most)
    .map((id) => names.get(id)!)
    .join('')
    .replaceAll('</w>', ' ')
    .trim()
  const where = `The part that fits ends with "${fitting.slice(-40)}"`
  return expected(
    'bad-option',
    `at most ${most} tokens`,
    'the prompt',
    `${ids.length}`,
    `${where}; leave out the rest.`,
  )
}
