/** Words that a small model never saw are named before anything is computed. */
import { describe, expect, it } from 'vitest'
import { memoryHost } from '../../test/hosts/memory.js'
import { model, sampling, start } from '../../test/hosts/operations.js'
import { editableModel, editedPrompts } from '../../test/laws/analytic-model.js'
import type { Task } from '../core/task.js'
import { generate } from '../verbs/generate.js'
import { editOperation, generateOperation, invertOperation, roundTripOperation, type Told } from './index.js'

describe('words that a small model never saw', () => {
  const vocabulary = { words: { all: ['anything', 'a', 'dark', 'light'] }, examples: ['anything'] }
  const notesOf = async (task: Task<unknown, Told>) => {
    const notes: Told['note'][] = []
    for await (const { note } of task) if (note) notes.push(note)
    await task
    return notes
  }
  const strange = (words: string) => ({
    about: 'analytic',
    text: `${words}: not among this model's 4 words.`,
    hint: 'list-words',
  })
  const small = { ...model, vocabulary }
  /** A red ball that is to become a red star, by a model of these words. */
  async function edited(vocabulary: typeof small.vocabulary) {
    const [from, to] = editedPrompts
    const host = memoryHost({ ...editableModel(), vocabulary } as typeof small)
    await host.paint('a.png', (await generate({ model: editableModel(), prompt: from, seed: 1 })).image)
    return { host, given: { picture: 'a.png', from, to, method: 'naive', decoder: 'encoder-only', steps: 4 } }
  }

  it('generate, invert and roundtrip name them before they start', async () => {
    const host = memoryHost(small)
    const given = { prompt: 'A cat, anything, cat', negative: 'a dog', ...sampling, saveLatent: 'z.safetensors' }
    expect(await notesOf(start(generateOperation, host, given))).toEqual([strange('cat, dog')])
    // The latent's file remembers the prompt.
    expect(await notesOf(start(invertOperation, host, { sources: ['z.safetensors'] }))).toContainEqual(
      strange('cat, dog'),
    )
    const there = { prompt: 'anything else', ...sampling }
    expect(await notesOf(start(roundTripOperation, host, there))).toContainEqual(strange('else'))
  })

  it('edit names those of both prompts', async () => {
    const { host, given } = await edited({ words: { all: ['a', 'star', 'red'] }, examples: [] })
    expect(await notesOf(start(editOperation, host, given))).toContainEqual({
      ...strange('ball'),
      text: "ball: not among this model's 3 words.",
    })
  })

  it('a word near a known one is asked for; short words are near to nothing', async () => {
    const host = memoryHost(small)
    const told = (prompt: string) => start(generateOperation, host, { prompt, ...sampling })
    expect(await notesOf(told('a drak at'))).toEqual([
      { ...strange('drak, at'), text: "drak, at: not among this model's 4 words. Did you mean `dark`?" },
    ])
  })

  it.each(['edit', 'generate'])('%s names them before anything else is told', async (asked) => {
    const { host, given } = await edited({ words: { all: ['a', 'star', 'red'] }, examples: [] })
    const made = { prompt: 'a red ball', ...sampling, output: 'ball.png' }
    const task = asked === 'edit' ? start(editOperation, host, given) : start(generateOperation, host, made)
    const { value } = await task[Symbol.asyncIterator]().next()
    expect(value?.note).toMatchObject({ text: "ball: not among this model's 3 words." })
    await task
  })

  it('edit keeps what was told of words in its report', async () => {
    const { host, given } = await edited({ words: { all: ['a', 'star', 'red'] }, examples: [] })
    const { result } = await start(editOperation, host, given)
    expect(result.notes).toContain("ball: not among this model's 3 words.")
  })

  it('edit is refused where all that changes is strange, before a network runs', async () => {
    const { host, given } = await edited({ words: { all: ['a', 'red'] }, examples: [] })
    const refused = {
      code: 'bad-option',
      subject: '`analytic`',
      got: '`star`',
      hint: 'list-words',
    }
    await expect(start(editOperation, host, given)).rejects.toMatchObject(refused)
    const removed = start(editOperation, host, { ...given, to: 'a red' })
    await expect(removed).rejects.toMatchObject({ ...refused, got: '`ball`' })
    expect(host.written.has('edited.png')).toBe(false)
  })

  it('nothing is said where all are known, or where nobody knows the words', async () => {
    const given = { prompt: 'anything light', ...sampling }
    expect(await notesOf(start(generateOperation, memoryHost(small), given))).toEqual([])
    expect(await notesOf(start(generateOperation, memoryHost(model), { ...given, prompt: 'a cat' }))).toEqual([])
  })
})
