/**
 * Qwen's byte-pair tokenizer (Qwen2, 2.5 and 3) from a folder's own files: tokenizer.json, or vocab.json with merges.txt; and
 * tokenizer_config.json. The pairs are merged by @huggingface/tokenizers; what is around them is here.
 */
import { Tokenizer as BytePairTokenizer } from '@huggingface/tokenizers'
import { readConfig } from '../../checkpoints/config.js'
import type { Files } from '../../checkpoints/files.js'
import { describe, isJsonObject, readJsonObject } from '../../checkpoints/json.js'
import { expected, type UndiffuseError } from '../../core/errors.js'
import type { ConfigReader } from '../../nn/parameters.js'
import { bytePairVocabulary, decodedTokens, partedVocabulary, plainTokens, type Vocabulary } from './byte-pair-files.js'
import {
  type AddedToken,
  checkAdded,
  checkPrompt,
  contentOf,
  fault,
  isSame,
  type PromptTokenizer,
  placesOfWords,
  splittingSteps,
  vocabularySize,
} from './tokenizer-files.js'

/** Qwen's words: English endings, letters with one sign before them, single digits, runs of signs, line ends, white space. */
const statedWords =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

/** The same to JavaScript, whose \s knows another white space than Unicode. */
const words = statedWords
  .replaceAll('[^\\s', '[^\\p{White_Space}')
  .replaceAll('\\s', '\\p{White_Space}')
  .replaceAll('\\S', '\\P{White_Space}')

const splitting = (pattern: string) => ({
  type: 'Sequence',
  pretokenizers: [
    { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false },
    { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
  ],
})
/** How Qwen's tokenizer.json says that it splits a text. */
export const qwenSplitting = splitting(statedWords)
const normalizer = { type: 'NFC' }

const otherTokenizer = (what: string, field: string, file: string, got: unknown): UndiffuseError =>
  expected('unsupported', what, `\`${field}\` in \`${file}\``, describe(got), "Use a model with Qwen's tokenizer.")

/** Stands for a prompt where only what is around it is asked. */
const mark = '\uE000'

export interface QwenTokenizerOptions {
  /** Most tokens of what is told. */
  readonly length: number
  /** The text that is told for a prompt: the prompt with what belongs around it. */
  readonly told: (prompt: string) => string
  /** To how many tokens a text of so many is filled up. Default: `length`. */
  readonly filled?: (count: number) => number
}

/**
 * Opens the Qwen tokenizer of a folder.
 *
 * What is told for a prompt is normalised to NFC, split into words, and their bytes merged in the order of the merges; special
 * tokens are themselves. It is cut at its end, and filled up behind it with `pad_token`. Vocabulary and merges are those of
 * tokenizer.json, or of vocab.json and merges.txt where it is missing.
 *
 * Errors: `bad-model` naming the file that is missing or damaged; `unsupported` for tokenizers of another kind, naming the
 * field. Source: transformers, Qwen2Tokenizer.
 *
 * @example
 * const told = (prompt: string) => chat(prompt, { thinking: true })
 * const { encode } = await openQwenTokenizer(nodeFiles, 'models/z-image-turbo/tokenizer', { length: 512, told })
 */
export async function openQwenTokenizer(
  files: Files,
  folder: string,
  { length, told, filled = () => length }: QwenTokenizerOptions,
): Promise<PromptTokenizer> {
  const path = (name: string) => files.join(folder, name)
  const has = async (name: string) => (await files.size(path(name))) !== undefined
  const config = await readConfig(files, path('tokenizer_config.json'))
  checkConfig(config)
  const isWhole = await has('tokenizer.json')
  if (!isWhole && !(await has('vocab.json'))) {
    throw fault('tokenizer.json, or vocab.json with merges.txt,', folder, 'no such file')
  }
  const { file, ids, merges, ...own } = isWhole
    ? wholeVocabulary(await readConfig(files, path('tokenizer.json')))
    : await partedVocabulary(files, path)
  const beside = (await has('added_tokens.json')) ? await readJsonObject(files, path('added_tokens.json')) : {}
  const further = [
    ...decodedTokens(config),
    ...plainTokens(beside).map((token) => ({ ...(token as object), normalized: false })),
  ]
  const added = [...own.added, ...checkAdded(further, ids, config.file, 'added_tokens_decoder', own.added)]
  const all = new Map([...ids, ...added.map(({ content, id }) => [content, id] as const)])
  const padding = idOf(config, all)
  config.done(qwenConfigHarmless)
  const pairs = bytePairs(ids, merges, unique(added))
  const [before = '', after = ''] = told(mark).split(mark)

  const idsOf = (text: string): readonly number[] => pairs.encode(text, { add_special_tokens: false }).ids
  const toldIds = (prompt: string): readonly number[] => {
    checkPrompt(prompt)
    return idsOf(told(prompt))
  }

  return {
    length,
    size: vocabularySize(all),
    encode(prompt) {
      const used = toldIds(prompt).slice(0, length)
      return [...used, ...Array<number>(filled(used.length) - used.length).fill(padding)]
    },
    used: (prompt) => Math.min(toldIds(prompt).length, length),
    unread(prompt) {
      const left = toldIds(prompt).slice(length)
      if (left.length === 0) return ''
      const text = pairs.decode([...left], { skip_special_tokens: false })
      return (after.endsWith(text) ? '' : text.slice(0, text.length - after.length)).trim()
    },
    places(prompt) {
      const start = idsOf(before).length
      return placesOfWords(prompt, idsOf, start, Math.max(0, length - start))
    },
  }
}

/** Each token once: tokenizer.json and tokenizer_config.json list the same. */
const unique = (added: readonly AddedToken[]): readonly AddedToken[] => [
  ...new Map(added.map((token) => [token.content, token])).values(),
]

/** What tokenizer_config.json says that is obeyed. */
export const qwenConfigObeyed: Readonly<Record<string, string>> = {
  tokenizer_class: 'Qwen2Tokenizer or Qwen2TokenizerFast',
  pad_token: 'what fills a text up; `<|endoftext|>`',
  added_tokens_decoder: 'tokens beside the vocabulary',
  chat_template: 'what is told around a prompt, where chat_template.jinja is missing',
  padding_side: '`right` alone',
  truncation_side: '`right` alone',
  split_special_tokens: '`false` alone',
  add_bos_token: '`false` alone',
  add_prefix_space: '`false` alone',
}

const opened = 'says how the writer had opened it'
const again = 'says how tokens become text again'
const each = 'pipelines say in each call how long a prompt is'
const named = 'names a token; where it stands in a text it is itself'

/** What tokenizer_config.json says that changes nothing here. */
export const qwenConfigHarmless: Readonly<Record<string, string>> = {
  additional_special_tokens: named,
  backend: 'says which program wrote the file',
  bos_token: named,
  clean_up_tokenization_spaces: again,
  eos_token: named,
  errors: again,
  extra_special_tokens: named,
  from_slow: opened,
  is_local: opened,
  local_files_only: opened,
  max_length: each,
  model_max_length: each,
  name_or_path: 'where the writer had it from',
  processor_class: 'belongs to models that look at pictures',
  unk_token: named,
  use_fast: opened,
}

/** A text is cut and filled up at its end, and nothing is put before it. */
function checkConfig(config: ConfigReader): void {
  const only = (field: string, ...wanted: readonly unknown[]) => {
    const got = config.value(field) ?? wanted[0]
    if (!wanted.includes(got)) throw otherTokenizer(`${wanted[0]}`, field, config.file, got)
  }
  only('tokenizer_class', 'Qwen2Tokenizer', 'Qwen2TokenizerFast')
  only('padding_side', 'right')
  only('truncation_side', 'right')
  only('split_special_tokens', false)
  only('add_bos_token', false)
  only('add_prefix_space', false)
  config.value('chat_template')
}

function idOf(config: ConfigReader, all: ReadonlyMap<string, number>): number {
  const stated = config.value('pad_token') ?? '<|endoftext|>'
  const content = contentOf(stated)
  const id = content === undefined ? undefined : all.get(content)
  if (id === undefined) throw fault('a token of the vocabulary', config.file, describe(stated), 'pad_token')
  return id
}

/** tokenizer.json, where its steps are those of Qwen. */
function wholeVocabulary(definition: ConfigReader): Vocabulary {
  const { file } = definition
  const normalizing = definition.value('normalizer')
  const steps = splittingSteps(definition.value('pre_tokenizer'))
  const ends = definition.value('post_processor') ?? null
  if (!isSame(normalizing, normalizer)) throw otherTokenizer('NFC', 'normalizer', file, normalizing)
  if (!isSame(steps, qwenSplitting)) throw otherTokenizer("Qwen's", 'pre_tokenizer', file, steps)
  if (!addsNothing(ends)) throw otherTokenizer('nothing around a text', 'post_processor', file, ends)
  return bytePairVocabulary(definition, '', otherTokenizer)
}

/** Whether a step behind the tokens leaves them as they are. */
function addsNothing(step: unknown): boolean {
  if (step === null) return true
  if (!isJsonObject(step)) return false
  if (step.type === 'ByteLevel') return true
  const { type, single } = step
  return type === 'TemplateProcessing' && isSame(single, [{ Sequence: { id: 'A', type_id: 0 } }])
}

/** The steps of Qwen's tokenizer over a vocabulary. */
function bytePairs(
  ids: ReadonlyMap<string, number>,
  merges: readonly (readonly [string, string])[],
  added: readonly AddedToken[],
): BytePairTokenizer {
  const definition = {
    version: '1.0',
    added_tokens: added,
    normalizer,
    pre_tokenizer: splitting(words),
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: '',
      end_of_word_suffix: '',
      fuse_unk: false,
      vocab: Object.fromEntries(ids),
      merges,
    },
  }
  return new BytePairTokenizer(definition, { tokenizer_class: 'Qwen2Tokenizer' })
}
