import { strangeWords } from 'undiffuse'
import { expect, it } from 'vitest'
import { wordsOf } from '../text/vocabulary.js'
import { everyCaption, sceneVocabulary, trainingCaption } from './captions.js'
import { randomFrom } from './random.js'
import { caption, describeScene } from './scene.js'

const count = 4000

it('says everything, some of it, or nothing, as often as promised', () => {
  const random = randomFrom(1)
  const seen = { whole: 0, none: 0 }
  for (let seed = 0; seed < count; seed++) {
    const scene = describeScene(seed)
    const words = trainingCaption(scene, random)
    if (words === '') seen.none++
    else {
      if (words === caption(scene)) seen.whole++
      expect(words).toContain(`${scene.colour} ${scene.shape}`)
      expect(words).toMatch(/^an? /)
      expect(words).not.toMatch(/ {2}|, ?$| ,|\ba orange/)
    }
  }
  // Binomial deviations at 4,000 are below 0.008; whole captions are 0.9·(0.7 + 0.3/8).
  expect(Math.abs(seen.none / count - 0.1)).toBeLessThan(0.03)
  expect(Math.abs(seen.whole / count - 0.9 * (0.7 + 0.3 / 8))).toBeLessThan(0.03)
})

it('tells users every word of the captions, once', () => {
  const told = Object.values(sceneVocabulary.words).flat()
  expect(told.toSorted()).toEqual(
    [...new Set(everyCaption().flatMap(wordsOf))].filter((word) => word !== ',').toSorted(),
  )
  const all = new Set(everyCaption())
  for (const example of sceneVocabulary.examples.slice(0, 6)) expect(all, example).toContain(example)
  for (const example of sceneVocabulary.examples) expect(strangeWords(example, sceneVocabulary)).toEqual([])
})

it('knows every caption', () => {
  const all = new Set(everyCaption())
  expect(all.size).toBe(8 * 7 * 8 * 2 * 5 * 6 + 8)
  for (let seed = 0; seed < 100; seed++) expect(all.has(caption(describeScene(seed)))).toBe(true)
})
