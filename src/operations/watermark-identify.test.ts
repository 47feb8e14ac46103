/** `watermark identify` and `detect` of a family, on a host without a machine. */
import { describe, expect, it } from 'vitest'
import { memoryHost } from '../../test/hosts/memory.js'
import { type Given, marked, model, start } from '../../test/hosts/operations.js'
import { encodeNpy } from '../checkpoints/npy.js'
import { torchNoise } from '../math/noise.js'
import { newKey, readKey } from '../watermark/key.js'
import { detectOperation, identifyOperation } from './index.js'

type Asked = [host: ReturnType<typeof memoryHost>, given: Given, signal?: AbortSignal]

describe('identify', () => {
  it('identify reads noise files without a model, and tells the message', async () => {
    const { host, inverting } = await marked()
    const { result } = await start(identifyOperation, host, { ...inverting, sources: 'marked.safetensors' })
    expect(result).toMatchObject({ model: null, marked: 1, results: [{ by: 'message', verdict: 'marked' }] })
  })

  it.each([
    ['identify', (...asked: Asked) => start(identifyOperation, ...asked)],
    ['detect', (...[host, given, signal]: Asked) => start(detectOperation, host, { ...given, member: 'all' }, signal)],
  ] as const)('%s tells how far it is in a large family, and hears an interruption', async (_, begin) => {
    const latentShape = [4, 16, 16]
    const fields = { scheme: 'ring-id', model: 'analytic', latentShape, members: 10_000 }
    const text = newKey(fields, new Uint8Array(32).fill(7))
    const host = memoryHost(model)
    host.written.set('users.json', new TextEncoder().encode(text))
    const noise = readKey(text, 'users.json').mark(4711).imprint(torchNoise(1, latentShape))
    host.written.set('n.npy', new Uint8Array(Buffer.concat(encodeNpy(noise))))
    const given = { sources: 'n.npy', key: 'users.json', fpr: 1e-3 }
    const task = begin(host, given)
    const told: (number | undefined)[][] = []
    for await (const { stage, done, total } of task) if (stage === 'members') told.push([done, total])
    expect(told).toEqual([
      [4096, 10_000],
      [8192, 10_000],
    ])
    expect((await task).result).toMatchObject({ marked: 1 })
    const controller = new AbortController()
    const stopped = new Error('stopped')
    const pause = async () => controller.abort(stopped)
    await expect(begin({ ...host, pause }, given, controller.signal)).rejects.toBe(stopped)
  })
})
