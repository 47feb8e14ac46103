/**
 * A byte-level BPE vocabulary in CLIP's form (vocab.json, merges.txt), learned from captions. Any text can be told with
 * it; the words of the captions are one token each. Reading texts is the tokenizer's business (the package's).
 */
import { byteCharacters } from 'undiffuse'

export interface Vocabulary {
  readonly tokens: ReadonlyMap<string, number>
  readonly merges: readonly (readonly [string, string])[]
}

export const startToken = '<|startoftext|>'
export const endToken = '<|endoftext|>'
const endOfWord = '</w>'

/** Words and punctuation as CLIP's tokenizer splits them before merging, for texts of plain words. */
export const wordsOf = (text: string): string[] => text.toLowerCase().match(/[a-z]+|[^\sa-z]+/g) ?? []

/**
 * Learns merges, the most frequent pair first, until every word of the texts is one token.
 * Source: Sennrich et al. (2016), Algorithm 1, on the words' own frequencies.
 */
export function learnVocabulary(texts: readonly string[]): Vocabulary {
  const counts = new Map<string, number>()
  for (const word of texts.flatMap(wordsOf)) counts.set(word, (counts.get(word) ?? 0) + 1)
  const words = [...counts].map(([word, count]) => ({
    count,
    parts: [...word.slice(0, -1), `${word.at(-1)}${endOfWord}`],
  }))
  const characters = byteCharacters()
  const tokens = [...characters, ...characters.map((character) => `${character}${endOfWord}`)]
  const merges: (readonly [string, string])[] = []
  for (;;) {
    const pair = mostFrequentPair(words)
    if (!pair) break
    merges.push(pair)
    tokens.push(pair.join(''))
    for (const word of words) word.parts = merge(word.parts, pair)
  }
  tokens.push(startToken, endToken)
  return { tokens: new Map(tokens.map((token, id) => [token, id])), merges }
}

function mostFrequentPair(words: readonly { count: number; parts: string[] }[]): [string, string] | undefined {
  const counts = new Map<string, number>()
  for (const { count, parts } of words) {
    for (let i = 1; i < parts.length; i++) {
      const key = `${parts[i - 1]} ${parts[i]}`
      counts.set(key, (counts.get(key) ?? 0) + count)
    }
  }
  // Ties by the alphabet, so that the vocabulary does not depend on the order of the texts.
  const [best] = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
  return best && (best[0].split(' ') as [string, string])
}

function merge(parts: readonly string[], [left, right]: readonly [string, string]): string[] {
  const merged: string[] = []
  for (let i = 0; i < parts.length; i++) {
    const joins = parts[i] === left && parts[i + 1] === right
    merged.push(joins ? left + right : parts[i]!)
    if (joins) i++
  }
  return merged
}

/**
 * Token ids of a text whose words are one token each: start, words, then end up to `length`.
 *
 * Throws for a word that the vocabulary holds in pieces only, and for texts that are too long.
 */
export function encodeWords({ tokens }: Vocabulary, text: string, length: number): number[] {
  const [start, end] = [tokens.get(startToken)!, tokens.get(endToken)!]
  const ids = wordsOf(text).map((word) => {
    const id = tokens.get(`${word}${endOfWord}`)
    if (id === undefined) throw new Error(`Expected words of the captions, got \`${word}\` in \`${text}\`.`)
    return id
  })
  if (ids.length > length - 2)
    throw new Error(`Expected at most ${length - 2} words, got ${ids.length} in \`${text}\`.`)
  return [start, ...ids, ...Array<number>(length - 1 - ids.length).fill(end)]
}
