/** The words that a small model was trained on. Pure text; where a model says them is src/models/vocabulary-file.ts. */

import { nearest } from '../core/nearest.js'

export interface Vocabulary {
  /** By what they say: `colours`, `shapes`. */
  readonly words: Readonly<Record<string, readonly string[]>>
  /** Prompts that the model follows well. */
  readonly examples: readonly string[]
}

/**
 * The words of a text that a model never saw, in lower case, each once, in the order of the text. Punctuation is no word.
 *
 * @example strangeWords('a red cat', { words: { all: ['a', 'red', 'ball'] }, examples: [] }) // ['cat']
 */
export function strangeWords(text: string, { words }: Vocabulary): readonly string[] {
  const known = new Set(Object.values(words).flat())
  return wordsIn(text).filter((word) => !known.has(word))
}

/** Whether a text has words, and the model never saw any of them. */
export function knowsNone(text: string, vocabulary: Vocabulary): boolean {
  const words = wordsIn(text)
  return words.length > 0 && strangeWords(text, vocabulary).length === words.length
}

/** Shorter words are near to too much: `at` to `cat`. */
const leastLetters = 3

/** The known word that a strange one was meant as, where one is near enough. */
export function nearWord(word: string, { words }: Vocabulary): string | undefined {
  if (word.length < leastLetters) return undefined
  const known = Object.values(words).flat()
  return nearest(
    word,
    known.filter(({ length }) => length >= leastLetters),
  )
}

const wordsIn = (text: string): readonly string[] => [
  ...new Set(text.toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? []),
]
