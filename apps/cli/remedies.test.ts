import { expected, undoRemedy } from 'undiffuse'
import { expect, it } from 'vitest'
import { notedWords, worded } from './remedies.js'

it('says which command does what the library asks for', () => {
  const error = expected('unavailable', 'a watermark key', '`key.json`', 'no file', 'Make a key.', { hint: 'make-key' })
  expect(error.message).not.toContain('undiffuse')
  expect(worded(error).message).toMatch(/^Expected a watermark key for `key\.json`, got .*`undiffuse watermark keygen`/)
  expect(worded(error)).toMatchObject({ code: error.code, subject: error.subject, cause: error })
})

it('says which option undoes a change of size', () => {
  const error = expected('bad-shape', 'a picture of 64×64', 'a.png', '64×48', undoRemedy, { hint: 'undo' })
  expect(worded(error).message).toContain('`--undo resize`')
})

it('says which command lists the words of a model', () => {
  const note = { about: 'small', text: "cat: not among this model's 3 words." }
  expect(notedWords(note)).toBe(note.text)
  expect(notedWords({ ...note, hint: 'list-words' })).toBe(
    `${note.text} \`undiffuse models small\` lists them; for others see docs/your-own-model.md.`,
  )
  const error = expected('bad-option', 'a word', '`small`', '`cat`', 'Say it so.', { hint: 'list-words' })
  expect(worded(error).message).toMatch(
    /Say it so\. `undiffuse models small` lists them; for others see docs\/your-own-model\.md\.$/,
  )
})

it('leaves other errors alone', () => {
  const error = expected('bad-option', 'a count', '`steps`', '-1', 'Pass 1 or more.')
  expect(worded(error)).toBe(error)
})
