import { expect, it } from 'vitest'
import { createCallQueue } from './call-queue.js'

/** A call that ends when told, and notes what happens to it. */
function slow(name: string, log: string[]) {
  let end: (error?: Error) => void = () => {}
  const perform = (proceed: () => void) =>
    new Promise<string>((resolve, reject) => {
      log.push(`${name} starts`)
      end = (error) => {
        log.push(`${name} ends`)
        if (error) reject(error)
        else resolve(name)
      }
      void proceed
    })
  return { perform, end: (error?: Error) => end(error) }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

it('performs calls one after another, a failed one too', async () => {
  const log: string[] = []
  const queue = createCallQueue(() => log.push('interrupt'))
  const [a, b] = [slow('a', log), slow('b', log)]
  const first = queue.add(a.perform)
  const second = queue.add(b.perform)
  await settled()
  expect(log).toEqual(['a starts'])
  a.end(new Error('no'))
  await expect(first.result).rejects.toThrow('no')
  await settled()
  b.end()
  expect(await second.result).toBe('b')
  expect(log).toEqual(['a starts', 'a ends', 'b starts', 'b ends'])
})

it('never performs a call that was cancelled while it waited, and leaves the one before alone', async () => {
  const log: string[] = []
  const queue = createCallQueue(() => log.push('interrupt'))
  const [a, b] = [slow('a', log), slow('b', log)]
  const first = queue.add(a.perform)
  const second = queue.add(b.perform)
  await settled()
  second.cancel('stop')
  await expect(second.result).rejects.toBe('stop')
  a.end()
  expect(await first.result).toBe('a')
  await settled()
  expect(log).toEqual(['a starts', 'a ends'])
})

/** Longer than the grace after a cancellation. */
const decided = () => new Promise((resolve) => setTimeout(resolve, 60))

it('lets a cancelled call come to its end while another waits, and starts that one then', async () => {
  const log: string[] = []
  const queue = createCallQueue(() => log.push('interrupt'))
  const [a, b] = [slow('a', log), slow('b', log)]
  const first = queue.add(a.perform)
  const second = queue.add(b.perform)
  await settled()
  first.cancel('stop')
  await expect(first.result).rejects.toBe('stop')
  await decided()
  a.end()
  await settled()
  b.end()
  expect(await second.result).toBe('b')
  expect(log).toEqual(['a starts', 'a ends', 'b starts', 'b ends'])
})

it('interrupts a cancelled call when the last that waited is cancelled too', async () => {
  const log: string[] = []
  const queue = createCallQueue(() => log.push('interrupt'))
  const [a, b, c] = [slow('a', log), slow('b', log), slow('c', log)]
  const first = queue.add(a.perform)
  const second = queue.add(b.perform)
  const last = queue.add(c.perform, { patient: false })
  await settled()
  first.cancel('stop')
  await expect(first.result).rejects.toBe('stop')
  await decided()
  expect(log).toEqual(['a starts'])
  second.cancel('stop')
  await expect(second.result).rejects.toBe('stop')
  await decided()
  expect(log).toEqual(['a starts', 'interrupt'])
  a.end(new Error('killed'))
  await settled()
  c.end()
  expect(await last.result).toBe('c')
})

it('rejects a cancelled call at once, and starts the next when it has really ended', async () => {
  const log: string[] = []
  const queue = createCallQueue(() => log.push('interrupt'))
  const [a, b] = [slow('a', log), slow('b', log)]
  const first = queue.add(a.perform)
  const second = queue.add(b.perform, { patient: false })
  await settled()
  first.cancel('stop')
  first.cancel('again')
  await expect(first.result).rejects.toBe('stop')
  await decided()
  expect(log).toEqual(['a starts', 'interrupt'])
  a.end(new Error('killed'))
  await settled()
  b.end()
  expect(await second.result).toBe('b')
})

it('stops a cancelled call at its next part', async () => {
  const queue = createCallQueue(() => {})
  let reached = false
  const call = queue.add(async (proceed) => {
    await settled()
    proceed()
    reached = true
  })
  // Past the microtask that starts it, before the part after `settled`.
  await Promise.resolve()
  call.cancel('stop')
  await expect(call.result).rejects.toBe('stop')
  await settled()
  await settled()
  expect(reached).toBe(false)
})

it('does nothing when a call is cancelled after its end', async () => {
  const log: string[] = []
  const queue = createCallQueue(() => log.push('interrupt'))
  const call = queue.add(async () => 1)
  await call.result
  call.cancel('late')
  expect(await call.result).toBe(1)
  expect(log).toEqual([])
})
