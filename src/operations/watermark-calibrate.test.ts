/** `watermark calibrate` on a host without a machine. */
import { describe, expect, it } from 'vitest'
import { fpr, marked, prompt, start } from '../../test/hosts/operations.js'
import { calibrateOperation, detectOperation } from './index.js'

describe('calibrate', () => {
  it('calibrate keeps the noise that detect would find, and how well it is found', async () => {
    const { host, inverting } = await marked()
    const { key: _, fpr: __, ...given } = inverting
    const { result } = await start(calibrateOperation, host, { pictures: ['many'], ...given, generated: 2 })
    expect(result).toMatchObject({ pictures: 4, generated: 2, failed: 1, smallestPValue: 1 / 5 })
    // The decoder of the analytic world loses the 8-bit rounding alone.
    expect(result.correlation).toBeGreaterThan(0.9)
    const judged = await start(detectOperation, host, {
      sources: 'many/plain.png',
      key: 'key.json',
      fpr,
      calibration: 'calibration.safetensors',
      prompt,
    })
    expect(judged.result.settings).toMatchObject({ decoder: 'encoder-only', solver: 'ddim:steps=20' })
  })

  it('pictures to make need prompts', async () => {
    const { host } = await marked()
    await expect(start(calibrateOperation, host, { generated: 12 })).rejects.toMatchObject({
      expected: 'prompts of what to make',
      remedy: 'Pass `settings.prompts`, a file with a prompt a line, or `settings.prompt`, one for all.',
    })
  })
})
