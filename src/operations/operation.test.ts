/** What holds of all operations: they are timed by their host, and whatever ends them, nothing stays open. */
import { describe, expect, it } from 'vitest'
import { memoryHost } from '../../test/hosts/memory.js'
import { model, prompt, sampling, start } from '../../test/hosts/operations.js'
import { analyticModel } from '../../test/laws/analytic-model.js'
import { generateOperation, invertOperation, type LatentInversionReport, type NoiseInversionReport } from './index.js'

it('times by the clock of the host what it reports', async () => {
  // Every look at the clock is a millisecond.
  const host = memoryHost(model)
  const { result } = await start(generateOperation, host, { prompt, ...sampling, count: 2, output: 'a.png' })
  const each = result.pictures.map(({ seconds }) => seconds)
  expect(Math.min(...each)).toBeGreaterThan(0)
  expect(each[0]! + each[1]!).toBeLessThan(result.seconds)
  const given = { sources: ['a-0.png', 'a-1.png'], decoder: 'encoder-only' }
  const found = await start(invertOperation, host, { ...given, ...sampling, prompt, floor: 2 })
  for (const { seconds, latent, floor } of (found.result as NoiseInversionReport).sources) {
    expect(latent!.seconds).toBeGreaterThan(0)
    expect(seconds).toBeGreaterThan(latent!.seconds)
    expect(seconds + floor!.seconds).toBeLessThan(found.result.seconds)
  }
  const latents = await start(invertOperation, host, { ...given, to: 'latent' })
  for (const { seconds } of (latents.result as LatentInversionReport).pictures) expect(seconds).toBeGreaterThan(0)
})

describe('whatever ends an operation', () => {
  it('a failure closes the model and writes nothing', async () => {
    const failing = memoryHost({ ...model, ask: () => Promise.reject(new Error('the device is gone')) })
    await expect(start(generateOperation, failing, { prompt })).rejects.toThrow('the device is gone')
    expect({ open: failing.openModels(), files: failing.written.size }).toEqual({ open: 0, files: 0 })
  })

  it('an abort closes the model and writes nothing', async () => {
    const host = memoryHost(model)
    const controller = new AbortController()
    const task = start(generateOperation, host, { prompt, steps: 20 }, controller.signal)
    const reading = (async () => {
      for await (const { done } of task) if (done === 3) controller.abort(new Error('enough'))
    })()
    await expect(reading).rejects.toThrow('enough')
    expect({ open: host.openModels(), files: host.written.size }).toEqual({ open: 0, files: 0 })
  })

  it('what cannot be written fails before the model is asked', async () => {
    const { model: counted, asked } = analyticModel()
    const host = memoryHost(counted)
    const task = start(generateOperation, host, { prompt, output: 'nowhere/a.png' })
    await expect(task).rejects.toMatchObject({ code: 'unavailable' })
    expect(asked().runs).toBe(0)
  })
})
