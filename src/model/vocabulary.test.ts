import { describe, expect, it } from 'vitest'
import { knowsNone, strangeWords } from './vocabulary.js'

const vocabulary = { words: { subject: ['a', 'red', 'ball'], place: ['left'] }, examples: ['a red ball'] }

describe('words that a model never saw', () => {
  it('are named once, in lower case, in the order of the text', () => {
    expect(strangeWords('A CAT, a red dog and a cat', vocabulary)).toEqual(['cat', 'dog', 'and'])
  })

  it('are whole words: no part of a known one, and letters of every language', () => {
    expect(strangeWords('a balloon; rot-grüner Ball 2', vocabulary)).toEqual(['balloon', 'rot', 'grüner', '2'])
  })

  it('are none in what the model knows, whatever the punctuation', () => {
    expect(strangeWords(' "A red ball" (left)!', vocabulary)).toEqual([])
    expect(strangeWords('', vocabulary)).toEqual([])
  })

  it('are all that a text has, or not', () => {
    expect(knowsNone('cat, Dog', vocabulary)).toBe(true)
    expect(knowsNone('a cat', vocabulary)).toBe(false)
    expect(knowsNone(' , ', vocabulary)).toBe(false)
  })
})
