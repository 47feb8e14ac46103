/** A journal keeps what was appended, whatever ends the run, and goes on only with the run that it belongs to. */
import { spawnSync } from 'node:child_process'
import { appendFile, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { nodeHostFiles } from '../../node/host.js'
import { type Journal, journalOf, type Line, openJournal } from './journal.js'

let folder: string
let path: string
const settings = { solver: 'ddim', falsePositiveRate: '0.01' }
const begun = { task: 'undiffuse test', settings }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'undiffuse-journal-'))
})
afterAll(() => rm(folder, { recursive: true }))
beforeEach(async () => {
  for (const name of await readdir(folder)) await rm(join(folder, name))
  path = journalOf(join(folder, 'out.jsonl'))
})

async function linesOf(journal: Journal): Promise<readonly Line[]> {
  const lines: Line[] = []
  for await (const line of journal.lines()) lines.push(line)
  return lines
}

/** As a process that is killed leaves it. */
async function leaveWith(lines: readonly object[]): Promise<void> {
  const journal = await openJournal(nodeHostFiles, path, { ...begun, resume: false })
  await journal.append(lines)
  await journal.close()
}

it('writes lines one after the other, with its settings first, and takes its name when it is complete', async () => {
  const journal = await openJournal(nodeHostFiles, path, { ...begun, resume: false })
  await journal.append([{ picture: 'a' }])
  await journal.append([{ picture: 'b' }, { picture: 'é\n' }])
  expect(await linesOf(journal)).toEqual([{ picture: 'a' }, { picture: 'b' }, { picture: 'é\n' }])
  await journal.complete(join(folder, 'out.jsonl'))
  await journal.close()
  expect(await readdir(folder)).toEqual(['out.jsonl'])
  const [header, ...lines] = (await readFile(join(folder, 'out.jsonl'), 'utf8')).split('\n')
  expect(JSON.parse(header!)).toMatchObject({ task: 'undiffuse test', settings })
  expect(lines).toEqual(['{"picture":"a"}', '{"picture":"b"}', '{"picture":"é\\n"}', ''])
})

it('leaves nothing where nothing was appended', async () => {
  await (await openJournal(nodeHostFiles, path, { ...begun, resume: false })).close()
  expect(await readdir(folder)).toEqual([])
})

describe('an unfinished run', () => {
  it('is not begun anew unless it is removed', async () => {
    await leaveWith([{ picture: 'a' }])
    await expect(openJournal(nodeHostFiles, path, { ...begun, resume: false })).rejects.toMatchObject({
      code: 'bad-option',
      message: expect.stringMatching(/settings\.resume/),
    })
  })

  it('that ended before its first result stands in nobody’s way', async () => {
    await leaveWith([{ picture: 'a' }])
    const [header] = (await readFile(path, 'utf8')).split('\n')
    for (const resume of [false, true]) {
      await writeFile(path, `${header}\n`)
      const other = { ...begun, settings: { ...settings, falsePositiveRate: '0.5' } }
      const journal = await openJournal(nodeHostFiles, path, { ...other, resume })
      await journal.append([{ picture: 'b' }])
      expect(await linesOf(journal)).toEqual([{ picture: 'b' }])
      await journal.remove()
    }
  })

  it('goes on after the last complete line, wherever the end came', async () => {
    await leaveWith([{ picture: 'a' }, { picture: 'b' }])
    const whole = await readFile(path, 'utf8')
    const header = whole.indexOf('\n') + 1
    // Of the header some places will do: each is a few writes to the disk.
    for (let end = 0; end <= whole.length; end += end + 25 < header ? 25 : 1) {
      await writeFile(path, whole.slice(0, end))
      const complete = end < header ? [] : whole.slice(header, end).split('\n').slice(0, -1)
      const journal = await openJournal(nodeHostFiles, path, { ...begun, resume: true })
      await journal.append([{ picture: 'c' }])
      expect(await linesOf(journal)).toEqual([...complete.map((line) => JSON.parse(line)), { picture: 'c' }])
      await journal.close()
    }
  })

  it('goes on over lines that are longer than what is read at once', async () => {
    const lines = Array.from({ length: 20 }, (_, i) => ({ picture: `${i}`, noise: 'λ'.repeat(30_000) }))
    await leaveWith(lines)
    const journal = await openJournal(nodeHostFiles, path, { ...begun, resume: true })
    expect(await linesOf(journal)).toEqual(lines)
    await journal.close()
  })

  it('is only of the same settings, whatever their order', async () => {
    await leaveWith([{ picture: 'a' }])
    const others = { falsePositiveRate: '0.01', solver: 'ddim' }
    await (await openJournal(nodeHostFiles, path, { ...begun, settings: others, resume: true })).close()
    const another = { ...begun, settings: { ...settings, falsePositiveRate: '0.05' }, resume: true }
    await expect(openJournal(nodeHostFiles, path, another)).rejects.toThrow(/falsePositiveRate `0\.01`.*got `0\.05`/)
    const more = { ...begun, settings: { ...settings, message: 'ff' }, resume: true }
    await expect(openJournal(nodeHostFiles, path, more)).rejects.toThrow(/message nothing.*got `ff`/)
    await expect(openJournal(nodeHostFiles, path, { ...begun, task: 'another', resume: true })).rejects.toThrow(
      /undiffuse test/,
    )
    expect(await readFile(path, 'utf8')).toMatch(/"picture":"a"/)
  })

  it.each([
    ['text', 'hello\n'],
    ['a list', '[]\n'],
    ['another file of lines', '{"picture": "a"}\n'],
  ])('is refused where it is %s', async (_, text) => {
    await writeFile(path, text)
    await expect(openJournal(nodeHostFiles, path, { ...begun, resume: true })).rejects.toMatchObject({
      code: 'bad-option',
    })
    expect(await readFile(path, 'utf8')).toBe(text)
  })

  it('without a line feed is another file: it is refused after a piece of it, and stays', async () => {
    await writeFile(path, '')
    await truncate(path, 100_000_000)
    let bytes = 0
    const read = async (...asked: Parameters<typeof nodeHostFiles.read>) => {
      const piece = await nodeHostFiles.read(...asked)
      bytes += piece.length
      return piece
    }
    const opened = openJournal({ ...nodeHostFiles, read }, path, { ...begun, resume: true })
    await expect(opened).rejects.toThrow(/without a line feed/)
    expect(bytes).toBeLessThan(2 ** 21)
    expect((await stat(path)).size).toBe(100_000_000)
  })

  it('is refused where a line in the middle was damaged', async () => {
    await leaveWith([{ picture: 'a' }])
    await appendFile(path, '\0\0\0\n{"picture":"b"}\n')
    await expect(openJournal(nodeHostFiles, path, { ...begun, resume: true })).rejects.toThrow(/JSON object in line 3/)
  })
})

it('goes on with a finished run, which stays until the new one is complete', async () => {
  const finished = join(folder, 'out.jsonl')
  await leaveWith([{ picture: 'a' }])
  await (await openJournal(nodeHostFiles, path, { ...begun, resume: true })).complete(finished)
  const journal = await openJournal(nodeHostFiles, path, { ...begun, resume: true, finished })
  expect(await linesOf(journal)).toEqual([{ picture: 'a' }])
  await journal.append([{ picture: 'b' }])
  expect((await readdir(folder)).sort()).toEqual(['out.jsonl', 'out.jsonl.part', 'out.jsonl.part.lock'])
  await journal.complete(finished)
  expect(await readFile(finished, 'utf8')).toMatch(/"a"}\n{"picture":"b"}\n$/)
})

it('leaves nothing beside a finished run that it refuses, or has nothing to add to', async () => {
  const finished = join(folder, 'out.jsonl')
  await leaveWith([{ picture: 'a' }])
  await (await openJournal(nodeHostFiles, path, { ...begun, resume: true })).complete(finished)
  const whole = await readFile(finished, 'utf8')
  const another = { task: begun.task, settings: { ...settings, keys: 'another' }, resume: true, finished }
  await expect(openJournal(nodeHostFiles, path, another)).rejects.toThrow(/keys nothing.*`out\.jsonl`/)
  expect(await readdir(folder)).toEqual(['out.jsonl'])
  await (await openJournal(nodeHostFiles, path, { ...begun, resume: true, finished })).close()
  expect(await readdir(folder)).toEqual(['out.jsonl'])
  expect(await readFile(finished, 'utf8')).toBe(whole)
})

describe('a lock', () => {
  const lock = () => `${path}.lock`
  /** The number of a process that has ended. */
  const goneProcess = () => spawnSync(process.execPath, ['--version']).pid
  const held = { code: 'unavailable', message: expect.stringMatching(/no other run/) }
  const leaveLock = (more: object) =>
    writeFile(lock(), JSON.stringify({ pid: goneProcess(), host: hostname(), id: 'a', ...more }))

  it('keeps a second run away, whatever it would do, until the first one closes', async () => {
    const first = await openJournal(nodeHostFiles, path, { ...begun, resume: false })
    await first.append([{ picture: 'a' }])
    for (const resume of [false, true]) {
      await expect(openJournal(nodeHostFiles, path, { ...begun, resume })).rejects.toMatchObject(held)
    }
    expect(JSON.parse(await readFile(lock(), 'utf8'))).toMatchObject({ pid: process.pid, host: hostname() })
    await first.append([{ picture: 'b' }])
    await first.close()
    expect(await readdir(folder)).toEqual(['out.jsonl.part'])
    const second = await openJournal(nodeHostFiles, path, { ...begun, resume: true })
    expect(await linesOf(second)).toEqual([{ picture: 'a' }, { picture: 'b' }])
    await second.remove()
    expect(await readdir(folder)).toEqual([])
  })

  it('does not stay where the journal is refused', async () => {
    await leaveWith([{ picture: 'a' }])
    await expect(openJournal(nodeHostFiles, path, { ...begun, resume: false })).rejects.toThrow(/settings\.resume/)
    await expect(openJournal(nodeHostFiles, path, { ...begun, task: 'another', resume: true })).rejects.toThrow(
      /undiffuse test/,
    )
    expect(await readdir(folder)).toEqual(['out.jsonl.part'])
  })

  it.each([
    ['is gone', {}],
    ['had the number that this one has now', { pid: process.pid }],
  ])('of a process that %s is taken over by one of those that come', async (_, more) => {
    await leaveLock(more)
    const all = await Promise.allSettled(
      Array.from({ length: 8 }, () => openJournal(nodeHostFiles, path, { ...begun, resume: false })),
    )
    const opened = all.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    expect(opened).toHaveLength(1)
    for (const one of all) if (one.status === 'rejected') expect(one.reason).toMatchObject(held)
    await opened[0]!.close()
    expect(await readdir(folder)).toEqual([])
  })

  it.each([
    ['nothing yet', ''],
    ['zeros, after a power cut,', '\0\0\0'],
  ])('that holds %s is waited for, and taken over', async (_, text) => {
    await writeFile(lock(), text)
    await (await openJournal(nodeHostFiles, path, { ...begun, resume: false })).close()
    expect(await readdir(folder)).toEqual([])
  })

  it('left while another was taken over is no obstacle', async () => {
    await leaveLock({})
    await writeFile(`${lock()}.lock`, await readFile(lock()))
    await (await openJournal(nodeHostFiles, path, { ...begun, resume: false })).close()
    expect(await readdir(folder)).toEqual([])
  })

  it.each([
    ['a living process', { pid: process.ppid }, 'unavailable', /wait for it, or write elsewhere/i],
    ['another machine', { host: 'elsewhere' }, 'unavailable', /of `elsewhere`.*remove that file/],
    ['nobody', { pid: 0 }, 'bad-option', /a lock for .*something else/],
  ])('of %s is left alone, and the message says what to do', async (_, more, code, wanted) => {
    await leaveLock(more)
    const before = await readFile(lock(), 'utf8')
    await expect(openJournal(nodeHostFiles, path, { ...begun, resume: true })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(wanted),
    })
    expect(await readFile(lock(), 'utf8')).toBe(before)
    expect(await readdir(folder)).toEqual(['out.jsonl.part.lock'])
  })
})

it('says that it cannot be written', async () => {
  const nowhere = join(folder, 'none', 'x.part')
  await expect(openJournal(nodeHostFiles, nowhere, { ...begun, resume: false })).rejects.toMatchObject({
    code: 'unavailable',
  })
})
