/** Chunks, failures and what is finished, with items that need no network. */
import { expected, Task } from 'undiffuse'
import { describe, expect, it } from 'vitest'
import { type Item, type SurveyOptions, survey } from './survey.js'

const badPicture = (name: string) => expected('bad-image', 'a picture', name, 'text', 'Pass another.')

const items = (count: number, broken: readonly number[] = []): readonly Item<number>[] =>
  Array.from({ length: count }, (_, i) => ({
    name: `${i}`,
    async open() {
      if (broken.includes(i)) throw badPicture(`${i}`)
      return i
    },
  }))

function recorder(more: Partial<SurveyOptions<number, string>> = {}) {
  const chunks: (readonly string[])[] = []
  const lines: string[] = []
  const options: SurveyOptions<number, string> = {
    chunk: 3,
    finished: new Set(),
    signal: new AbortController().signal,
    async work(opened) {
      chunks.push(opened.map(({ name }) => name))
      return opened.map(({ name, value }) => `${name} = ${value}`)
    },
    failed: (name) => `${name} failed`,
    keep: async (some) => {
      lines.push(...some)
      return []
    },
    ...more,
  }
  return { chunks, lines, options }
}

describe('survey', () => {
  it('works on whole chunks around what is broken, and keeps a line for each', async () => {
    const { chunks, lines, options } = recorder()
    await new Task(survey(items(8, [1, 2]), options))
    expect(chunks).toEqual([
      ['0', '3', '4'],
      ['5', '6', '7'],
    ])
    expect(lines.toSorted()).toEqual(['0 = 0', '1 failed', '2 failed', ...[3, 4, 5, 6, 7].map((i) => `${i} = ${i}`)])
  })

  it('wherever it is ended, goes on with the same chunks and ends with the same lines', async () => {
    const whole = recorder()
    await new Task(survey(items(20, [0, 4, 5, 13]), whole.options))
    for (let end = 0; end <= whole.lines.length; end++) {
      const lines: string[] = []
      const keep = async (some: readonly string[]) => {
        if (lines.length >= end) throw new Error('killed')
        lines.push(...some)
        return []
      }
      await new Task(survey(items(20, [0, 4, 5, 13]), recorder({ keep }).options)).then(
        () => {},
        () => {},
      )
      const finished = new Set(lines.map((line) => line.split(' ')[0]!))
      const again = recorder({ finished })
      again.lines.push(...lines)
      await new Task(survey(items(20, [0, 4, 5, 13]), again.options))
      expect(again.lines).toEqual(whole.lines)
      for (const chunk of again.chunks) expect(whole.chunks).toContainEqual(chunk)
    }
  })

  it('tries a chunk that fails for one of its pictures again, one by one', async () => {
    const { lines, options } = recorder({
      async work(opened) {
        if (opened.some(({ value }) => value === 4)) throw expected('not-finite', 'numbers', 'x', 'NaN', 'Look.')
        return opened.map(({ name }) => name)
      },
    })
    await new Task(survey(items(6), options))
    expect(lines).toEqual(['0', '1', '2', '3', '4 failed', '5'])
  })

  it('ends where the fault is not one picture’s', async () => {
    const fault = expected('runtime-failed', 'a device', 'cpu', 'none', 'Look.')
    const work = async () => {
      throw fault
    }
    await expect(new Task(survey(items(6), recorder({ work }).options))).rejects.toBe(fault)
  })

  it('is interrupted before the next picture is opened', async () => {
    const controller = new AbortController()
    const { lines, options } = recorder({ chunk: 1, signal: controller.signal })
    const keep: typeof options.keep = async (some) => {
      lines.push(...some)
      if (lines.length === 2) controller.abort(new Error('enough'))
      return []
    }
    await expect(new Task(survey(items(6), { ...options, keep }))).rejects.toThrow('enough')
    expect(lines).toEqual(['0 = 0', '1 = 1'])
  })
})
