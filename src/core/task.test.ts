import { describe, expect, it } from 'vitest'
import type { Progress, Steps } from './progress.js'
import { Task } from './task.js'

/** Counts to `total`; records how often it was entered and whether its `finally` block ran. */
function counting(total: number, failure?: Error) {
  const log = { entered: 0, steps: 0, closed: 0 }
  async function* run(): Steps<string> {
    log.entered++
    try {
      for (let done = 1; done <= total; done++) {
        await Promise.resolve()
        log.steps++
        yield { stage: 'count', done, total }
      }
      if (failure) throw failure
      return 'counted'
    } finally {
      await Promise.resolve()
      log.closed++
    }
  }
  return { log, steps: run() }
}

async function collect(task: Task<unknown>): Promise<number[]> {
  const seen: number[] = []
  for await (const { done } of task) seen.push(done)
  return seen
}

describe('Task', () => {
  it('gives the result when awaited, twice too, from one run', async () => {
    const { log, steps } = counting(3)
    const task = new Task(steps)
    expect(await Promise.all([task, task])).toEqual(['counted', 'counted'])
    expect(await task).toBe('counted')
    expect(log).toEqual({ entered: 1, steps: 3, closed: 1 })
  })

  it('gives progress when iterated, ends, and then the result', async () => {
    const { log, steps } = counting(3)
    const task = new Task(steps)
    expect(await collect(task)).toEqual([1, 2, 3])
    expect(await task).toBe('counted')
    expect(await collect(task)).toEqual([])
    expect(log.entered).toBe(1)
  })

  it('tells in the stack of an error who called, and of tasks in tasks the outermost', async () => {
    async function* outer(): Steps<string> {
      yield* counting(1).steps
      return await innerCaller()
    }
    const broken = [new Error('broken'), new Error('broken')]
    const innerCaller = () => new Task(counting(2, broken.pop()).steps)
    const outerCaller = () => new Task(outer())
    const error: Error = await Promise.resolve(outerCaller()).catch((thrown) => thrown)
    expect(error.message).toBe('broken')
    expect(error.stack).toMatch(/broken\n(.*\n)*.*outerCaller/)
    expect(error.stack!.split('\n').filter((line) => line.includes('at innerCaller'))).toEqual([])
    const alone: Error = await Promise.resolve(innerCaller()).catch((thrown) => thrown)
    expect(alone.stack).toContain('innerCaller')
  })

  it('does nothing before somebody awaits or iterates', async () => {
    const { log, steps } = counting(3)
    new Task(steps)
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(log.entered).toBe(0)
  })

  it('advances with its reader', async () => {
    const { log, steps } = counting(3)
    for await (const { done } of new Task(steps)) expect(log.steps).toBe(done)
  })

  it('can be awaited and iterated at once', async () => {
    const { log, steps } = counting(5)
    const task = new Task(steps)
    const [result, seen] = await Promise.all([task, collect(task)])
    expect(result).toBe('counted')
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
    expect(log).toEqual({ entered: 1, steps: 5, closed: 1 })
  })

  it('rejects with what the work throws, to awaiting and iterating alike', async () => {
    const failure = new Error('broken')
    const task = new Task(counting(1, failure).steps)
    await expect(collect(task)).rejects.toBe(failure)
    await expect(task).rejects.toBe(failure)
    await expect(collect(task)).rejects.toBe(failure)
  })

  it('runs finally blocks when the loop is left, and rejects afterwards', async () => {
    const { log, steps } = counting(5)
    const task = new Task(steps)
    for await (const { done } of task) if (done === 2) break
    expect(log).toEqual({ entered: 1, steps: 2, closed: 1 })
    await expect(task).rejects.toMatchObject({ name: 'AbortError' })
    await expect(collect(task)).rejects.toMatchObject({ name: 'AbortError' })
  })

  it('runs finally blocks when the loop throws', async () => {
    const { log, steps } = counting(5)
    const failure = new Error('reader')
    const read = async () => {
      for await (const _ of new Task(steps)) throw failure
    }
    await expect(read()).rejects.toBe(failure)
    expect(log.closed).toBe(1)
  })

  it('keeps the result when the loop is left after the end', async () => {
    const task = new Task(counting(1).steps)
    await task
    const iterator = task[Symbol.asyncIterator]()
    await iterator.return?.()
    expect(await task).toBe('counted')
  })

  it.each(['await', 'iterate'])('rejects with the reason of an abort: %s', async (how) => {
    const { log, steps } = counting(1000)
    const controller = new AbortController()
    const reason = new Error('enough')
    const task = new Task(steps, controller.signal)
    setTimeout(() => controller.abort(reason), 0)
    const slow = async () => {
      for await (const _ of task) await new Promise((resolve) => setTimeout(resolve, 1))
    }
    if (how === 'iterate') await expect(slow()).rejects.toBe(reason)
    else {
      controller.abort(reason)
      await expect(task).rejects.toBe(reason)
    }
    expect(log.steps).toBeLessThan(1000)
    expect(log.closed).toBe(log.entered)
    await expect(task).rejects.toBe(reason)
  })

  it('lets the work itself answer an abort in the middle of a step', async () => {
    const controller = new AbortController()
    async function* run(): Steps<never> {
      yield { stage: 'wait', done: 0 } satisfies Progress
      await new Promise((resolve) => setTimeout(resolve, 1))
      controller.abort('stop')
      controller.signal.throwIfAborted()
      throw new Error('not reached')
    }
    await expect(new Task(run(), controller.signal)).rejects.toBe('stop')
  })
})
