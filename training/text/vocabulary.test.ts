import { byteCharacters } from 'undiffuse'
import { expect, it } from 'vitest'
import { everyCaption } from '../scenes/captions.js'
import { encodeWords, endToken, learnVocabulary, startToken, wordsOf } from './vocabulary.js'

const vocabulary = learnVocabulary(everyCaption())

it('holds every byte twice, inside words and at their ends, so that any text can be told', () => {
  const characters = byteCharacters()
  expect(new Set(characters).size).toBe(256)
  for (const character of characters) {
    expect(vocabulary.tokens.has(character) && vocabulary.tokens.has(`${character}</w>`)).toBe(true)
  }
})

it('makes one token of every word of the captions', () => {
  for (const word of new Set(everyCaption().flatMap(wordsOf)))
    expect(vocabulary.tokens.has(`${word}</w>`), word).toBe(true)
})

it('begins with the pair that is seen most often', () => {
  // "aab" three times and "ab" once: a-b is seen four times, a-a three times.
  const { merges } = learnVocabulary(['aab aab aab ab'])
  expect(merges[0]).toEqual(['a', 'b</w>'])
})

it('does not depend on the order of the texts', () => {
  expect(learnVocabulary(everyCaption().reverse()).merges).toEqual(vocabulary.merges)
})

it('starts, pads with the end, and refuses what does not fit', () => {
  const [start, end] = [vocabulary.tokens.get(startToken), vocabulary.tokens.get(endToken)]
  expect(encodeWords(vocabulary, '', 4)).toEqual([start, end, end, end])
  expect(encodeWords(vocabulary, 'A red', 4)).toEqual([
    start,
    vocabulary.tokens.get('a</w>'),
    vocabulary.tokens.get('red</w>'),
    end,
  ])
  expect(() => encodeWords(vocabulary, 'a red ball', 4)).toThrow('at most 2 words')
  expect(() => encodeWords(vocabulary, 'zebra', 4)).toThrow('`zebra`')
})
