import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { sceneVocabulary } from '../../training/scenes/captions.js'
import { parseVocabulary, vocabularyText } from './vocabulary-file.js'

const name = 'undiffuse-vocabulary.json'
const text = vocabularyText(sceneVocabulary)

describe("a vocabulary's file", () => {
  it('says what was written; the bundled one says what training drew', async () => {
    expect(parseVocabulary(text, name)).toEqual(sceneVocabulary)
    const bundled = new URL(`../../models/undiffuse-scenes/${name}`, import.meta.url)
    expect(await readFile(bundled, 'utf8')).toBe(text)
  })

  it.each([
    ['another format', { format: 'undiffuse-vocabulary-2' }, /`format`/],
    ['a field that nobody knows', { colour: 1 }, /`colour`/],
    ['words without groups', { words: ['a'] }, /`words`/],
    ['a word that is a number', { words: { all: [1] } }, /`words`/],
    ['no examples', { examples: undefined }, /`examples` in.*got nothing/],
  ])('is refused for %s, by the field', (_, change, said) => {
    const changed = JSON.stringify({ ...JSON.parse(text), ...change })
    expect(() => parseVocabulary(changed, name)).toThrow(said)
    expect(() => parseVocabulary(changed, name)).toThrow(/undiffuse-vocabulary\.json/)
  })
})
