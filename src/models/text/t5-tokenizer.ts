/**
 * T5's tokenizer from a folder's tokenizer.json: SentencePiece's table of replacements, words that begin with ▁, and the most
 * probable pieces of a word. The pieces are found by @huggingface/tokenizers; what is around them is here.
 */
import { Tokenizer as PieceTokenizer } from '@huggingface/tokenizers'
import type { Files } from '../../checkpoints/files.js'
import { describe, isJsonObject, type JsonObject, readJsonObject } from '../../checkpoints/json.js'
import { expected, type UndiffuseError } from '../../core/errors.js'
import { precompiled } from './precompiled.js'
import {
  checkAdded,
  checkPrompt,
  contentOf,
  fault,
  type PromptTokenizer,
  placesOfWords,
  vocabularySize,
} from './tokenizer-files.js'

const classNames = ['T5Tokenizer', 'T5TokenizerFast']
const space = '▁'

/**
 * Opens the T5 tokenizer of a diffusers folder, for prompts of `length` tokens.
 *
 * A prompt's ids are its pieces, as many as fit, the end, then padding. The steps of tokenizer.json are obeyed: the table of
 * replacements (`Precompiled`) is the file's own. Special tokens in a prompt are themselves.
 *
 * Errors: `bad-model` naming the file that is missing or damaged; `unsupported` for a tokenizer of another kind, naming the
 * field, and for one that was saved as spiece.model alone. Source: transformers, T5Tokenizer; Kudo, ACL 2018.
 *
 * @example
 * const { encode } = await openT5Tokenizer(nodeFiles, 'models/stable-diffusion-3-5-medium/tokenizer_3', 256)
 * encode('a cat') // 3, 9, 1712, 1, 0, 0, …
 */
export async function openT5Tokenizer(files: Files, folder: string, length: number): Promise<PromptTokenizer> {
  const file = files.join(folder, 'tokenizer.json')
  const configFile = files.join(folder, 'tokenizer_config.json')
  if ((await files.size(file)) === undefined && (await files.size(files.join(folder, 'spiece.model'))) !== undefined) {
    const remedy = 'Save it with `T5TokenizerFast.from_pretrained(...).save_pretrained(...)`, which writes that file.'
    throw expected('unsupported', 'tokenizer.json', `\`${folder}\``, 'spiece.model without it', remedy)
  }
  const config = await readJsonObject(files, configFile)
  const { tokenizer_class: className = 'T5Tokenizer' } = config
  if (!classNames.includes(className as string)) {
    throw otherTokenizer('T5Tokenizer', 'tokenizer_class', configFile, className)
  }
  const definition = await readJsonObject(files, file)
  const pieces = piecesOf(definition, file)
  const ids = new Map(pieces.map(([piece], id) => [piece, id]))
  const { added_tokens: addedTokens = [] } = definition
  if (!Array.isArray(addedTokens)) throw fault('a list of added tokens', file, describe(addedTokens))
  const added = checkAdded(addedTokens, ids, file)
  const all = new Map([...ids, ...added.map(({ content, id }) => [content, id] as const)])
  const names = new Map([...all].map(([name, id]) => [id, name]))
  const special = (field: string, fallback: string): number => {
    const content = contentOf(config[field] ?? fallback) ?? fallback
    const id = all.get(content)
    if (id === undefined) throw fault(`the ${field} \`${content}\``, file, 'no such token')
    return id
  }
  const end = endOf(definition, all, file) ?? special('eos_token', '</s>')
  const padding = special('pad_token', '<pad>')
  const tokenizer = pieceTokenizer(definition, added, names.get(end)!, file)

  const idsOf = (prompt: string): readonly number[] => {
    checkPrompt(prompt)
    return tokenizer.encode(prompt, { add_special_tokens: false }).ids
  }
  const room = length - 1

  return {
    length,
    size: vocabularySize(all),
    encode(prompt) {
      const used = [...idsOf(prompt).slice(0, room), end]
      return [...used, ...Array<number>(length - used.length).fill(padding)]
    },
    used: (prompt) => Math.min(idsOf(prompt).length, room) + 1,
    unread: (prompt) =>
      idsOf(prompt)
        .slice(room)
        .map((id) => names.get(id)!)
        .join('')
        .replaceAll(space, ' ')
        .trim(),
    places: (prompt) => placesOfWords(prompt, idsOf, 0, room),
  }
}

const otherTokenizer = (what: string, field: string, file: string, got: unknown): UndiffuseError =>
  expected('unsupported', what, `\`${field}\` in \`${file}\``, describe(got), "Use a model with T5's tokenizer.")

/** The pieces with the logarithms of their probabilities, by id. */
function piecesOf({ model }: JsonObject, file: string): readonly (readonly [piece: string, score: number])[] {
  if (!isJsonObject(model) || model.type !== 'Unigram') {
    throw otherTokenizer('Unigram', 'model', file, isJsonObject(model) ? model.type : model)
  }
  if ((model.byte_fallback ?? false) !== false) {
    throw otherTokenizer('false', 'model.byte_fallback', file, model.byte_fallback)
  }
  const { vocab, unk_id: unknown } = model
  if (!Array.isArray(vocab) || vocab.length === 0) throw fault('a vocabulary', file, describe(vocab))
  const seen = new Set<string>()
  for (const entry of vocab as readonly unknown[]) {
    const [piece, score] = Array.isArray(entry) ? (entry as readonly unknown[]) : []
    if (typeof piece !== 'string' || seen.has(piece) || !Number.isFinite(score)) {
      throw fault('each piece once, with its score', file, describe(entry))
    }
    seen.add(piece)
  }
  if (!Number.isSafeInteger(unknown) || (unknown as number) < 0 || (unknown as number) >= vocab.length) {
    throw fault('the id of the unknown piece (unk_id)', file, describe(unknown))
  }
  // Unknown characters of two words would be one piece without it.
  if (!seen.has(space)) throw fault(`the piece ${space}`, file, 'no such piece')
  return vocab as readonly (readonly [string, number])[]
}

/** The token that the template puts behind a text; undefined without a template. */
function endOf({ post_processor: template }: JsonObject, ids: ReadonlyMap<string, number>, file: string) {
  if (template === null || template === undefined) return undefined
  const single: unknown = isJsonObject(template) && template.type === 'TemplateProcessing' ? template.single : undefined
  const [text, end, ...more] = Array.isArray(single) ? (single as readonly unknown[]) : []
  const isText = isJsonObject(text) && isJsonObject(text.Sequence)
  const token = isJsonObject(end) && isJsonObject(end.SpecialToken) ? end.SpecialToken.id : undefined
  const id = typeof token === 'string' ? ids.get(token) : undefined
  if (isText && id !== undefined && more.length === 0) return id
  throw otherTokenizer('a text and its end', 'post_processor', file, single ?? template)
}

/** Without the white space at its end, as Unicode has it. */
function stripped(text: string): string {
  let end = text.length
  while (end > 0 && /\p{White_Space}/u.test(text[end - 1]!)) end--
  return text.slice(0, end)
}

/** One step of `normalizer`. */
function normalizing(step: unknown, file: string): (text: string) => string {
  const { type, ...fields } = isJsonObject(step) ? step : {}
  if (type === 'Sequence' && Array.isArray(fields.normalizers)) {
    const steps = fields.normalizers.map((one) => normalizing(one, file))
    return (text) => steps.reduce((before, one) => one(before), text)
  }
  if (type === 'Precompiled' && typeof fields.precompiled_charsmap === 'string') {
    const replaced = precompiled(fields.precompiled_charsmap)
    if (!replaced) throw fault('a table of replacements', file, '`precompiled_charsmap` that is damaged')
    return replaced
  }
  if (type === 'Strip' && fields.strip_left === false && fields.strip_right === true) return stripped
  if (type === 'Replace' && isJsonObject(fields.pattern) && typeof fields.content === 'string') {
    const { pattern, content } = { pattern: fields.pattern, content: fields.content }
    if (pattern.Regex === ' {2,}') return (text) => text.replace(/ {2,}/g, () => content)
    if (typeof pattern.String === 'string') {
      const what = pattern.String
      return (text) => text.replaceAll(what, () => content)
    }
  }
  throw otherTokenizer("T5's", 'normalizer', file, step)
}

/** `pre_tokenizer`, where it is T5's: words by white space, or not; ▁ for spaces and in front. */
function splitting({ pre_tokenizer: stated }: JsonObject, file: string): readonly unknown[] {
  const steps: readonly unknown[] =
    isJsonObject(stated) && stated.type === 'Sequence' && Array.isArray(stated.pretokenizers)
      ? stated.pretokenizers
      : [stated]
  const kinds = steps.map((step) => (isJsonObject(step) ? step.type : undefined))
  const last = steps.at(-1)
  const isKnown = kinds.join() === 'Metaspace' || kinds.join() === 'WhitespaceSplit,Metaspace'
  if (isKnown && isJsonObject(last)) {
    const { replacement = space, prepend_scheme: prepend = 'always', add_prefix_space: prefix = true } = last
    if (replacement === space && (prepend === 'always' || prepend === 'first') && prefix === true) return steps
  }
  throw otherTokenizer("T5's", 'pre_tokenizer', file, stated)
}

/** White space to Unicode and not to JavaScript. */
const nextLine = '\u0085'

/** The steps over the pieces; those of the file's normaliser stand in the place of the library's, which has no such table. */
function pieceTokenizer(definition: JsonObject, added: readonly unknown[], end: string, file: string): PieceTokenizer {
  const { normalizer = null, model } = definition
  const pretokenizers = splitting(definition, file)
  const normalized = normalizer === null ? (text: string) => text : normalizing(normalizer, file)
  const splits = pretokenizers.length > 1
  const normalize = splits ? (text: string) => normalized(text).replaceAll(nextLine, ' ') : normalized
  const tokenizer = new PieceTokenizer(
    {
      version: '1.0',
      added_tokens: added,
      normalizer: { type: 'Precompiled' },
      pre_tokenizer: { type: 'Sequence', pretokenizers },
      post_processor: null,
      decoder: null,
      model,
    },
    { tokenizer_class: 'T5Tokenizer', eos_token: end },
  )
  Object.assign(tokenizer.normalizer!, { normalize })
  return tokenizer
}
