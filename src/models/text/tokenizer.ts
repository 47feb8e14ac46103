/**
 * CLIP's byte-pair tokenizer from a folder's own files: tokenizer.json, or vocab.json with merges.txt; and
 * tokenizer_config.json, all checked before they are believed. The pairs are merged by @huggingface/tokenizers; what is
 * around them is here. Not other tokenizers.
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
  addedToken,
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
    { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
  ],
})

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
  const config = await readConfig(files, path('tokenizer_config.json'))
  checkClass(config)
  checkSides(config)
  // As transformers does: the other two files are of versions that did not write the tokens into this one.
  const isOlder = config.value('added_tokens_decoder') === undefined
  const special =
    isOlder && (await has('special_tokens_map.json'))
      ? await readConfig(files, path('special_tokens_map.json'))
      : undefined
  const addedTokens =
    isOlder && (await has('added_tokens.json')) ? await readJsonObject(files, path('added_tokens.json')) : {}
  const further = [...decodedTokens(config), ...plainTokens(addedTokens)]
  const addedFile = isOlder ? path('added_tokens.json') : config.file
  const isParted = await has('vocab.json')
  if (!isParted && !(await has('tokenizer.json'))) {
    throw fault('vocab.json with merges.txt, or tokenizer.json,', folder, 'no such file')
  }
  const { file, ids, merges, ...own } = isParted
    ? await partedVocabulary(files, path)
    : wholeVocabulary(await readConfig(files, path('tokenizer.json')))
  const addedField = isOlder ? undefined : 'added_tokens_decoder'
  const added = [...own.added, ...checkAdded(further, ids, addedFile, addedField, own.added)]

  const tokens = new Map([...ids, ...added.map(({ content, id }) => [content, id] as const)])
  const names = new Map([...tokens].map(([name, id]) => [id, name]))
  const known = new Map(added.map((token) => [token.content, token]))
  const specialToken = (field: string, fallback: string): AddedToken => {
    const [general, own] = [config.value(field), special?.value(field)]
    const [from, stated = fallback] = special && own !== undefined ? [special, own] : [config, general]
    const content = contentOf(stated)
    const id = content === undefined ? undefined : tokens.get(content)
    if (content === undefined || id === undefined) {
      throw fault('a token of the vocabulary', from.file, describe(stated), field)
    }
    return (
      known.get(content) ??
      addedToken(content, id, { special: true, ...(isJsonObject(stated) ? stated : {}) }, from.file)
    )
  }
  const start = specialToken('bos_token', '<|startoftext|>')
  const end = specialToken('eos_token', '<|endoftext|>')
  const padding = specialToken('pad_token', end.content)
  const unknown = specialToken('unk_token', '<|endoftext|>')
  const others = otherSpecial.filter((field) => [config.has(field), special?.has(field)].includes(true))
  for (const token of [start, end, padding, unknown, ...others.map((field) => specialToken(field, ''))]) {
    known.set(token.content, token)
  }
  for (const content of furtherSpecial(config, special)) {
    if (!known.has(content)) throw fault('added tokens', config.file, describe(content), 'extra_special_tokens')
  }
  const length = lengthOf(config)
  config.done(configHarmless)
  special?.done()
  const pairs = bytePairs(ids, merges, [...known.values()], unknown.content)

  const idsOf = (prompt: string): readonly number[] => {
    checkPrompt(prompt)
    return pairs.encode(withAllVectors(prompt, added, pairs), { add_special_tokens: false }).ids
  }
  const room = length - 2

  return {
    length,
    size: vocabularySize(tokens),
    // Words are merged one by one.
    places: (prompt) => placesOfWords(prompt, idsOf, 1, room),
    encode(prompt) {
      const used = [start.id, ...idsOf(prompt).slice(0, room), end.id]
      return [...used, ...Array<number>(length - used.length).fill(padding.id)]
    },
    used: (prompt) => Math.min(idsOf(prompt).length, room) + 2,
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

/** Special tokens that CLIP has no use for; where they are stated they stand whole in a prompt. */
const otherSpecial = ['cls_token', 'sep_token', 'mask_token'] as const

/** What tokenizer_config.json says that is obeyed. */
export const configObeyed: Readonly<Record<string, string>> = {
  tokenizer_class: 'CLIPTokenizer or CLIPTokenizerFast',
  model_max_length: 'tokens of a prompt with its start and end, from 2 to 65536; 77 where nothing is said',
  bos_token: 'the start of a prompt; `<|startoftext|>`',
  eos_token: 'the end of a prompt; `<|endoftext|>`',
  pad_token: 'what fills a prompt up; its end where nothing is said',
  unk_token: 'what stands for bytes that the vocabulary has not; `<|endoftext|>`',
  cls_token: 'a token that stands whole in a prompt',
  sep_token: 'a token that stands whole in a prompt',
  mask_token: 'a token that stands whole in a prompt',
  extra_special_tokens: 'tokens that stand whole in a prompt; they must be among the added ones',
  additional_special_tokens: 'the former name of `extra_special_tokens`',
  added_tokens_decoder: 'tokens beside the vocabulary, as textual inversion adds them',
  padding_side: '`right` alone',
  truncation_side: '`right` alone',
  split_special_tokens: '`false` alone',
}

/** What tokenizer_config.json says that changes nothing here. */
export const configHarmless: Readonly<Record<string, string>> = {
  add_prefix_space: 'words are split before, and their spaces with them',
  backend: 'says which program wrote the file',
  clean_up_tokenization_spaces: 'says how tokens become text again',
  do_lower_case: 'letters are made small in any case, as there',
  errors: 'says how tokens become text again',
  from_slow: 'says how the writer had opened it',
  init_inputs: 'says how the writer had opened it',
  is_local: 'says how the writer had opened it',
  local_files_only: 'says how the writer had opened it',
  max_length: 'pipelines say in each call how long a prompt is',
  model_input_names: 'names what a network is fed with',
  name_or_path: 'where the writer had it from',
  pad_to_multiple_of: 'pipelines say in each call how long a prompt is',
  pad_token_type_id: 'belongs to pairs of texts',
  pad_token_id: 'repeats the padding token',
  processor_class: 'belongs to models that look at pictures',
  special_tokens_map_file: 'where the writer had it from',
  stride: 'pipelines say in each call how long a prompt is',
  tokenizer_file: 'where the writer had it from',
  truncation_strategy: 'pipelines say in each call how long a prompt is',
  use_fast: 'says how the writer had opened it',
}

function checkClass(config: ConfigReader): void {
  const className = config.value('tokenizer_class') ?? 'CLIPTokenizer'
  if (className === 'CLIPTokenizer' || className === 'CLIPTokenizerFast') return
  throw otherTokenizer('CLIPTokenizer', 'tokenizer_class', config.file, className)
}

/** A prompt is cut and filled up at its end, and special tokens in it stand whole. */
function checkSides(config: ConfigReader): void {
  for (const field of ['padding_side', 'truncation_side'] as const) {
    const side = config.value(field) ?? 'right'
    if (side !== 'right') throw otherTokenizer('right', field, config.file, side)
  }
  const split = config.value('split_special_tokens') ?? false
  if (split !== false) throw otherTokenizer('false', 'split_special_tokens', config.file, split)
}

/** The texts of `extra_special_tokens` and its former name, in either file. */
function furtherSpecial(config: ConfigReader, special: ConfigReader | undefined): readonly string[] {
  return ['additional_special_tokens', 'extra_special_tokens'].flatMap((field) =>
    [config, special].flatMap((reader) => {
      const value = reader?.value(field)
      if (value === undefined || value === null) return []
      const listed: readonly unknown[] = isJsonObject(value)
        ? Object.values(value)
        : Array.isArray(value)
          ? value
          : [value]
      return listed.map((token) => {
        const content = contentOf(token)
        if (content === undefined) throw fault('texts of tokens', reader!.file, describe(value), field)
        return content
      })
    }),
  )
}

const otherTokenizer = (what: string, field: string, file: string, got: unknown): UndiffuseError =>
  expected('unsupported', what, `\`${field}\` in \`${file}\``, describe(got), 'Use a model with CLIP text.')

/** tokenizer.json, where its steps are those of CLIP. */
function wholeVocabulary(definition: ConfigReader): Vocabulary {
  const { file } = definition
  const normalizing = definition.value('normalizer')
  const splitting = splittingSteps(definition.value('pre_tokenizer'))
  if (!isSame(normalizing, normalizer)) throw otherTokenizer("CLIP's", 'normalizer', file, normalizing)
  if (![wordPattern, pattern].some((words) => isSame(splitting, preTokenizer(words)))) {
    throw otherTokenizer("CLIP's", 'pre_tokenizer', file, splitting)
  }
  const ends = definition.value('post_processor')
  if (isJsonObject(ends) ? ends.type !== 'RobertaProcessing' : ends !== null && ends !== undefined) {
    throw otherTokenizer('a start and an end around a prompt (RobertaProcessing)', 'post_processor', file, ends)
  }
  return bytePairVocabulary(definition, '</w>', otherTokenizer)
}

function lengthOf(config: ConfigReader): number {
  const value = config.value('model_max_length') ?? 77
  if (Number.isSafeInteger(value) && (value as number) >= 2 && (value as number) <= 65_536) return value as number
  throw fault('an integer from 2 to 65536', config.file, describe(value), 'model_max_length')
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
