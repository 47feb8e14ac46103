/** `watermark keygen`, and what `generate` says of a mark. */
import { describe, expect, it } from 'vitest'
import { type Given, marked, prompt, sampling, scheme, start, text } from '../../test/hosts/operations.js'
import { readKey } from '../watermark/key.js'
import { calibrateOperation, detectOperation, generateOperation, keygenOperation } from './index.js'

describe('keys', () => {
  it('a key is what the host drew, and the report does not tell it', async () => {
    const { host } = await marked()
    const { secret } = JSON.parse(await text(host, 'key.json'))
    const { result } = await start(keygenOperation, host, { scheme, output: 'other.json' })
    expect(readKey(await text(host, 'other.json'), 'other').id).toBe(result.id)
    expect(JSON.stringify(result)).not.toContain(JSON.parse(await text(host, 'other.json')).secret)
    expect(JSON.parse(await text(host, 'other.json')).secret).not.toBe(secret)
    const again = start(keygenOperation, host, { scheme, output: 'key.json' })
    await expect(again).rejects.toMatchObject({ code: 'bad-option', message: expect.stringMatching(/settings\.force/) })
  })

  it('a key and a calibration are kept under a name', async () => {
    const { host } = await marked()
    for (const task of [
      start(keygenOperation, host, { scheme, output: '-' }),
      start(calibrateOperation, host, { pictures: ['many/plain.png'], output: '-' }),
    ]) {
      const told = { code: 'bad-option', message: expect.stringMatching(/the name of a file.*got `-`\. Name one, as/) }
      await expect(task).rejects.toMatchObject(told)
    }
    expect([...host.written.keys()].filter((path) => path.startsWith('-'))).toEqual([])
  })

  it('keygen draws keys until one keeps its rate: in pictures that it inverts once, or in a calibration', async () => {
    const { host, inverting } = await marked()
    const { key, fpr: _, ...given } = inverting
    const made = await start(keygenOperation, host, { scheme, unmarked: ['many'], output: 'chosen.json' })
    expect(made.result).toMatchObject({ chosen: { pictures: 2 }, modelFiles: '0123456789abcdef' })
    expect(made.result.keyRates!.every(({ found }) => found === 0)).toBe(true)
    expect(made.notes.map(({ about }) => about)).toEqual(['many/broken.png'])
    const asked = { pictures: ['many/plain.png'], ...given, generated: 3, key: [key, 'chosen.json'] }
    const { result } = await start(calibrateOperation, host, asked)
    expect(result.keyRates.map(({ rates }) => rates.length)).toEqual([3, 3])
    expect(result.keyRates.map(({ needsCalibration }) => needsCalibration)).toEqual([false, false])
    const another = { scheme, unmarked: ['calibration.safetensors'], output: 'another.json' }
    const drawn = await start(keygenOperation, host, another)
    expect(drawn.result.chosen!.pictures).toBe(4)
    const judged = await start(detectOperation, host, {
      sources: 'many/plain.png',
      key: 'another.json',
      calibration: 'calibration.safetensors',
      fpr: 0.2,
      prompt,
    })
    // The rates that it was chosen by, and the one that is asked for.
    const { rates } = judged.result.calibration!.keyRates[0]!
    expect(rates.slice(0, 3)).toEqual(drawn.result.keyRates)
    expect(rates[3]).toMatchObject({ nominalRate: 0.2 })
    expect(host.openModels()).toBe(0)
  })

  it('generate says that a mark without a message carries 0, and that pictures tell prompt and seed', async () => {
    const { host } = await marked()
    const given = { prompt, ...sampling, watermark: 'key.json', output: 'x.png' }
    const notesOf = async (more: Given) => {
      const notes: string[] = []
      const task = start(generateOperation, host, { ...given, ...more })
      for await (const { note } of task) if (note) notes.push(note.text)
      await task
      return notes
    }
    const recipe = expect.stringMatching(/tell prompt and seed.*`settings\.recipe false` leaves them out/)
    expect(await notesOf({})).toEqual([expect.stringMatching(/the mark carries `0`\..*`settings\.message`/), recipe])
    expect(await notesOf({ message: '0' })).toEqual([recipe])
    expect(await notesOf({ message: '0', recipe: false })).toEqual([])
  })
})
