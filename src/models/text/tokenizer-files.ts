/** What tokenizers of all kinds offer, and how their files are read before they are believed. */
import { describe, isJsonObject } from '../../checkpoints/json.js'
import { expected, type UndiffuseError } from '../../core/errors.js'

export interface PromptTokenizer {
  /** Most tokens of an encoded prompt, start, end and padding included. */
  readonly length: number
  /** One more than the largest id. */
  readonly size: number
  /** The ids of a prompt with what belongs around it, at most `length`. What does not fit is left out, as `unread` says. */
  encode(prompt: string): readonly number[]
  /** How many of the ids of `encode` are the prompt's with what belongs around it; those behind fill up. */
  used(prompt: string): number
  /** The end of a prompt that `encode` leaves out because it does not fit, spelled by its tokens; empty where all fits. */
  unread(prompt: string): string
  /** The places that each word of a prompt, as white space parts them, has in what `encode` gives. */
  places(prompt: string): readonly (readonly number[])[]
}

/** One more than the largest id. Vocabularies are larger than the arguments that a call takes. */
export const vocabularySize = (ids: ReadonlyMap<string, number>): number =>
  [...ids.values()].reduce((largest, id) => Math.max(largest, id), -1) + 1

export const fault = (what: string, file: string, got: string, field?: string): UndiffuseError => {
  const place = field === undefined ? `\`${file}\`` : `\`${field}\` in \`${file}\``
  return expected('bad-model', what, place, got, 'Fetch the complete model folder.')
}

/** A token as configurations state it: its text, or an object around it. */
export const contentOf = (value: unknown): string | undefined =>
  typeof value === 'string'
    ? value
    : isJsonObject(value) && typeof value.content === 'string'
      ? value.content
      : undefined

/** A token that stands whole in a text, whatever the vocabulary makes of it. */
export interface AddedToken {
  readonly content: string
  readonly id: number
  readonly single_word: boolean
  readonly lstrip: boolean
  readonly rstrip: boolean
  readonly normalized: boolean
  readonly special: boolean
}

const flagNames = ['single_word', 'lstrip', 'rstrip', 'normalized', 'special'] as const

/** A token with the flags that a file gives it; what is not stated is false. */
export function addedToken(
  content: string,
  id: number,
  stated: Readonly<Record<string, unknown>>,
  file: string,
): AddedToken {
  const flag = (name: (typeof flagNames)[number]): boolean => {
    const value = stated[name] ?? false
    if (typeof value === 'boolean') return value
    throw fault('true or false', file, `${describe(value)} of the token ${describe(content)}`, name)
  }
  return {
    content,
    id,
    single_word: flag('single_word'),
    lstrip: flag('lstrip'),
    rstrip: flag('rstrip'),
    normalized: flag('normalized'),
    special: flag('special'),
  }
}

/** Added tokens, each under its own id; those of the vocabulary, and of `before`, keep the id that they have there. */
export function checkAdded(
  tokens: readonly unknown[],
  ids: ReadonlyMap<string, number>,
  file: string,
  field?: string,
  before: readonly AddedToken[] = [],
): readonly AddedToken[] {
  const taken = new Map([...ids].map(([name, id]) => [id, name]))
  for (const { content, id } of before) taken.set(id, content)
  return tokens.map((token) => {
    const { content, id, ...flags } = isJsonObject(token) ? token : {}
    const free = isId(id) && typeof content === 'string' && content !== '' && (taken.get(id) ?? content) === content
    if (!free || (ids.get(content) ?? id) !== id)
      throw fault('tokens with ids of their own', file, describe(token), field)
    taken.set(id, content)
    return addedToken(content, id, flags, file)
  })
}

/** Whether JSON that was read is this. */
export function isSame(got: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    return Array.isArray(got) && got.length === wanted.length && wanted.every((one, i) => isSame(got[i], one))
  }
  if (!isJsonObject(wanted)) return got === wanted
  if (!isJsonObject(got)) return false
  const keys = new Set([...Object.keys(got), ...Object.keys(wanted)])
  return [...keys].every((key) => isSame(got[key], wanted[key]))
}

/** Steps that split a text into words, as a file states them; what `ByteLevel` leaves unsaid is said. */
export function splittingSteps(stated: unknown): unknown {
  if (!isJsonObject(stated)) return stated
  if (stated.type === 'ByteLevel') return { add_prefix_space: true, use_regex: true, ...stated, trim_offsets: true }
  const { pretokenizers } = stated
  return Array.isArray(pretokenizers) ? { ...stated, pretokenizers: pretokenizers.map(splittingSteps) } : stated
}

/** Far more than any vocabulary. */
const largestId = 2 ** 24

export const isId = (id: unknown): id is number =>
  Number.isSafeInteger(id) && (id as number) >= 0 && (id as number) < largestId

/** Far more than any prompt that fits: what is longer need not be looked at. */
const mostCharacters = 100_000

export function checkPrompt(prompt: unknown): void {
  if (typeof prompt === 'string' && prompt.length <= mostCharacters) return
  const got = typeof prompt === 'string' ? `${prompt.length} characters` : typeof prompt
  throw expected('bad-option', `text of at most ${mostCharacters} characters`, 'the prompt', got, 'Shorten it.')
}

/**
 * The places of each word, where the tokens of a beginning are the beginning of the tokens: `idsOf` gives them, `before` of
 * others stand in front, and `room` of them fit.
 */
export function placesOfWords(
  prompt: string,
  idsOf: (text: string) => readonly number[],
  before: number,
  room: number,
): readonly (readonly number[])[] {
  const words = prompt.split(/\s+/).filter((word) => word !== '')
  const ends = [0]
  // Beginnings are read until the room is full: later words have no place.
  for (const k of words.keys()) ends.push(ends[k]! < room ? idsOf(words.slice(0, k + 1).join(' ')).length : room)
  const read = ends.map((end) => Math.min(end, room) + before)
  return words.map((_, k) => Array.from({ length: read[k + 1]! - read[k]! }, (_, i) => read[k]! + i))
}
