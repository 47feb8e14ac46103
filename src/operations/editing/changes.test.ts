/** What changes between two prompts, and which of a model's words are told where a new one is strange. */
import { expect, it } from 'vitest'
import { changeOf, missingKinds, replacedKinds, sharesColour } from './changes.js'

const vocabulary = {
  words: {
    ...{ shapes: ['ball', 'star'], colours: ['red', 'blue', 'green'], textures: ['stripes', 'dots'], places: ['left'] },
    others: ['a', 'on', 'the'],
  },
  examples: [],
}
const from = 'a red ball, on blue stripes'

it.each([
  ['a green ball, on blue stripes', 'colours'],
  ['a red ball, on green stripes', 'backgrounds'],
  ['a red ball, on green dots', 'backgrounds'],
  ['a red ball, on blue dots', 'textures'],
  ['a green ball, on green stripes', 'colours'],
  ['a red star, on blue stripes', 'shapes'],
  ['a red star, on green stripes', undefined],
])('%s changes %s', (to, change) => {
  expect(changeOf({ from, to }, { vocabulary })).toBe(change)
})

it.each([
  ['a red ball', 'a golden ball', ['colours']],
  ['a white mug', 'a golden mug', ['shapes']],
  [from, 'a red mug, on blue stripes', ['shapes']],
  [from, 'a red ball, on wooden stripes', ['colours', 'textures']],
  [from, 'a red ball, on blue bricks', ['colours', 'textures']],
  ['a ball', 'a shiny ball', []],
])('%s → %s: tells the words of %j', (before, to, kinds) => {
  expect(missingKinds({ from: before, to }, vocabulary)).toEqual(kinds)
})

it.each([
  ['a green ball, on blue stripes', false],
  ['a blue ball, on blue stripes', true],
  ['a Blue ball on blue, stripes', true],
  ['a green ball, on green stripes', true],
  ['a blue ball, on green stripes', true],
  ['a red ball, on green stripes', false],
])('%s has a changed colour twice: %s', (to, isShared) => {
  expect(sharesColour({ from, to }, { vocabulary })).toBe(isShared)
  expect(sharesColour({ from: to, to: from }, { vocabulary })).toBe(isShared)
})

it.each([
  ['a blue star', ['shapes']],
  ['a green ball', ['colours']],
  ['a red ball', []],
  ['a red ball, on the left, on blue stripes', []],
  ['on blue stripes, a red ball', []],
])('%s is another picture than of the prompt by its words for %j', (to, kinds) => {
  expect(replacedKinds({ from, to }, { vocabulary })).toEqual(kinds)
  expect(replacedKinds({ from, to }, {})).toEqual([])
})
