import { expect, it } from 'vitest'
import { placesOfWords, vocabularySize } from './tokenizer-files.js'

it('reads no more beginnings of a long prompt than have room', () => {
  let readings = 0
  /** A token for each letter. */
  const idsOf = (text: string) => {
    readings++
    return [...text.replaceAll(' ', '')].map((letter) => letter.charCodeAt(0))
  }
  const places = placesOfWords('ab cde '.repeat(10_000), idsOf, 1, 8)
  expect(places.slice(0, 5)).toEqual([[1, 2], [3, 4, 5], [6, 7], [8], []])
  expect(places).toHaveLength(20_000)
  expect(places.slice(4).every((place) => place.length === 0)).toBe(true)
  expect(readings).toBe(4)
})

it('sizes vocabularies that are larger than the arguments of a call', () => {
  const ids = new Map(Array.from({ length: 300_000 }, (_, id) => [`${id}`, 299_999 - id] as const))
  expect(vocabularySize(ids)).toBe(300_000)
})
