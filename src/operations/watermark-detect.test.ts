/** `watermark detect` finds marks, and says what its verdicts rest on. */
import { describe, expect, it } from 'vitest'
import { memoryHost } from '../../test/hosts/memory.js'
import {
  fpr,
  type Given,
  marked,
  model,
  prompt,
  sampling,
  scheme,
  start,
  text,
  under,
} from '../../test/hosts/operations.js'
import { zeros } from '../math/tensor.js'
import { resize } from '../pictures/pixels.js'
import {
  calibrateOperation,
  type DetectionLine,
  detectOperation,
  generateOperation,
  identifyOperation,
  keygenOperation,
} from './index.js'

describe('detect', () => {
  it('detect tells a message where there is a mark, or where one was expected', async () => {
    const { host, inverting } = await marked()
    const findingOf = async (more: Given) => {
      const { result } = await start(detectOperation, host, { ...inverting, ...more })
      return (result.results![0] as DetectionLine).findings[0]!
    }
    expect(await findingOf({ sources: 'many/marked.png' })).toMatchObject({ verdict: 'marked', message: '8' })
    expect(await findingOf({ sources: 'many/plain.png' })).not.toHaveProperty('message')
    expect(await findingOf({ sources: 'many/plain.png', message: '8' })).toHaveProperty('message')
  })

  it('detect says where keys go, and that a calibration is missing', async () => {
    const { host, inverting } = await marked()
    await start(keygenOperation, host, { scheme, output: 'old.json' })
    const { result } = await start(detectOperation, host, { ...inverting, sources: ['many/plain.png', 'old.json'] })
    const wanted = { code: 'bad-image', message: expect.stringMatching(/got a key\. Pass it in `settings\.key`/) }
    expect(result.results).toContainEqual(expect.objectContaining({ error: expect.objectContaining(wanted) }))
    const missing = start(detectOperation, host, {
      ...inverting,
      sources: 'many/plain.png',
      calibration: 'no.safetensors',
    })
    await expect(missing).rejects.toMatchObject({ code: 'unavailable', message: expect.stringMatching(/no such file/) })
  })

  it('detect finds the mark, and goes on with what an interrupted run kept', async () => {
    const { host, inverting } = await marked()
    const told: unknown[] = []
    const task = start(detectOperation, host, { sources: ['many'], ...inverting })
    for await (const { line } of task) if (line) told.push(line)
    const { result } = await task
    expect(result).toMatchObject({ pictures: 3, marked: 1, unmarked: 1, failed: 1 })
    expect(told).toEqual(result.results)

    const controller = new AbortController()
    const given = { sources: ['many'], ...inverting, chunk: 1, output: 'lines.jsonl' }
    const begun = start(detectOperation, host, given, controller.signal)
    const kept: (string | readonly string[] | null)[] = []
    const ended = (async () => {
      for await (const { keeps, parts } of begun) {
        if (keeps !== undefined) kept.push(keeps)
        if (parts?.done === 2) controller.abort(new Error('enough'))
      }
    })()
    await expect(ended).rejects.toThrow('enough')
    expect({ kept, open: host.openModels(), locks: host.locks.size }).toEqual({
      kept: ['lines.jsonl.part'],
      open: 0,
      locks: 0,
    })
    const found = await start(detectOperation, host, { ...given, resume: true })
    expect(found.result).toMatchObject({ pictures: 3, marked: 1, unmarked: 1, failed: 1 })
    expect(found.files).toEqual(['lines.jsonl'])
    expect(host.written.has('lines.jsonl.part')).toBe(false)
    expect((await text(host, 'lines.jsonl')).trimEnd().split('\n')).toHaveLength(4)
  })

  it('detect and calibrate bring a picture of another size to the one that is read, where that is asked for', async () => {
    const { host, inverting } = await marked()
    const { image } = await host.pictures.read('many/marked.png')
    const [height, width] = image.shape.slice(1) as [number, number]
    await host.paint('wide/a.png', resize(image, 2 * height, 3 * width))
    for (const fit of ['resize', 'crop'] as const) {
      const { result } = await start(detectOperation, host, { sources: ['wide'], ...inverting, fit })
      expect(result).toMatchObject({ pictures: 1, failed: 0 })
      const { key: _, fpr: __, ...recovering } = inverting
      const asked = { pictures: ['wide'], ...recovering, fit, output: `${fit}.safetensors` }
      expect((await start(calibrateOperation, host, asked)).result).toMatchObject({ pictures: 1, failed: 0 })
    }
    await expect(start(detectOperation, host, { sources: 'wide/a.png', ...inverting })).rejects.toMatchObject({
      code: 'bad-shape',
    })
  })

  it('detect and identify try numbers of steps where nobody knows them, and say that they did', async () => {
    const { host, inverting } = await marked()
    const { steps, ...unknown } = inverting
    const given = { ...unknown, solver: 'ddim', sources: ['many/marked.png'], trySteps: ['4', '20', '4'] }
    const { result } = await start(detectOperation, host, given)
    const [line] = result.results as readonly DetectionLine[]
    expect(line).toMatchObject({
      candidates: 2,
      verdict: 'marked',
      findings: [{ readWith: expect.stringMatching(/ steps$/) }],
    })
    expect(line!.findings[0]!.familyPValue).toBeCloseTo(2 * line!.findings[0]!.pValue, 12)
    const who = await start(identifyOperation, host, given)
    expect(who.result).toMatchObject({ results: [{ candidates: 2, verdict: 'marked' }] })
    expect(host.openModels()).toBe(0)
    const both = start(detectOperation, host, { ...given, steps })
    await expect(both).rejects.toThrow(/`settings.trySteps` alone for `settings.steps`, got both/)
  })

  it('a scan says how many false alarms to expect, and leaves out pictures that failed', async () => {
    const { host, inverting } = await marked()
    const { result } = await start(detectOperation, host, { sources: ['many'], ...inverting })
    expect(result.expectedFalseAlarmsAtMost).toBeCloseTo(2 * fpr, 12)
    const who = await start(identifyOperation, host, { ...inverting, sources: 'marked.safetensors' })
    expect(who.result.expectedFalseAlarmsAtMost).toBe(fpr)
  })

  it('files other than pictures in a folder are named, and so is what failed', async () => {
    const { host, inverting } = await marked()
    const given = { sources: ['many'], ...inverting, output: 'lines.jsonl' }
    const told = async () => {
      const { result, notes } = await start(detectOperation, host, given)
      expect(result).toMatchObject({ failed: 1, firstFailures: [{ picture: 'many/broken.png' }] })
      return notes.map((note) => note.text)
    }
    host.written.set('many/.hidden', new Uint8Array(1))
    expect(await told()).toEqual([])
    host.written.set('many/notes.txt', new Uint8Array(1))
    expect(await told()).toEqual(['Left out 1 file that is not a picture in `many`: `notes.txt`.'])
    for (const name of ['a.md', 'b.md', 'c.md']) host.written.set(`many/${name}`, new Uint8Array(1))
    expect(await told()).toEqual([
      'Left out 4 files that are not pictures in `many`: `a.md`, `b.md`, `c.md`, and 1 more.',
    ])
  })

  it('a line twice in a file of results counts once, and one without a verdict of ours is refused', async () => {
    const { host, inverting } = await marked()
    const given = { sources: ['many'], ...inverting, output: 'lines.jsonl' }
    await start(detectOperation, host, given)
    const lines = (await text(host, 'lines.jsonl')).trimEnd().split('\n')
    const write = (all: readonly string[]) =>
      host.written.set('lines.jsonl', new TextEncoder().encode(`${all.join('\n')}\n`))
    write([...lines, lines[1]!, lines[2]!])
    const again = await start(detectOperation, host, { ...given, resume: true })
    expect(again.result).toMatchObject({ pictures: 3, marked: 1, unmarked: 1, failed: 1, earlier: { lines: 3 } })
    write(lines.map((line) => line.replace('"verdict":"marked"', '"verdict":"perhaps"')))
    await expect(start(detectOperation, host, { ...given, resume: true })).rejects.toThrow(/a verdict.*"perhaps"/)
    host.written.delete('lines.jsonl.part')
    write(lines.map((line) => line.replace('"verdict":"marked"', '"verdict_":1')))
    await expect(start(detectOperation, host, { ...given, resume: true })).rejects.toThrow(/a verdict.*got nothing/)
    expect({ open: host.openModels(), locks: host.locks.size }).toEqual({ open: 0, locks: 0 })
  })

  it('a key is for its weights: a copy under another name reads it, and others of the name are said', async () => {
    const { host, inverting } = await marked()
    const notesOf = async (name: string, identity: string) => {
      const notes: string[] = []
      const task = start(detectOperation, under(host, name, identity), { sources: 'many/marked.png', ...inverting })
      for await (const { note } of task) if (note) notes.push(note.text)
      return { notes, verdict: (await task).result.marked }
    }
    expect(await notesOf('a-copy', '0123456789abcdef')).toEqual({ notes: [], verdict: 1 })
    const { notes } = await notesOf('analytic', 'fedcba9876543210')
    expect(notes).toEqual([expect.stringMatching(/other weights of `analytic`: 0123456789abcdef.*fedcba9876543210/)])
    await expect(notesOf('another', 'fedcba9876543210')).rejects.toThrow(/a key of `another`/)

    // A noise file names its weights.
    const of = async (name: string, identity: string, output: string) => {
      const given = { prompt, ...sampling, saveNoise: output, output: 'x.png', watermark: 'key.json', message: '8' }
      await start(generateOperation, under(host, name, identity), given)
      const notes: string[] = []
      const task = start(detectOperation, host, { sources: output, key: 'key.json', fpr })
      for await (const { note } of task) if (note) notes.push(note.text)
      return [(await task).result.marked, notes.length]
    }
    expect(await of('a-copy', '0123456789abcdef', 'copied.safetensors')).toEqual([1, 0])
    expect(await of('analytic', 'fedcba9876543210', 'other.safetensors')).toEqual([1, 1])
  })
})

it('a key is to be made where there is no file, and one of another kind is told as that', async () => {
  const host = memoryHost(model)
  await host.paint('a.png', zeros([3, 4, 4]))
  const detecting = (key: string) => start(detectOperation, host, { sources: 'a.png', key })
  await expect(detecting('none.json')).rejects.toMatchObject({ code: 'unavailable', hint: 'make-key' })
  for (const content of ['a shopping list', '{}']) {
    host.written.set('other.json', new TextEncoder().encode(content))
    const error = await detecting('other.json').then(undefined, (reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'bad-option', remedy: 'Pass the file of a key.' })
    expect(error).not.toHaveProperty('hint')
  }
})
