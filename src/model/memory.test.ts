/** A size that is refused is answered with one that fits. */

import { describe, expect, it } from 'vitest'
import { isUndiffuseError } from '../core/errors.js'
import { sizeOf } from '../math/tensor.js'
import { scaledLayout } from './layout.js'
import { checkRoom } from './memory.js'

const layout = scaledLayout({ name: 'sd', imageChannels: 3, latentChannels: 4, downscaling: 8, latentMultiple: 8 })
const allowedBytes = 1e9
const weightBytes = 1e6
const asks = { decode: 1 }

/** What values take grows with a power of the area: 1 of convolutions, 2 of attention. */
const growing = (power: number, weights = weightBytes) => ({
  name: 'sd',
  layout,
  memoryFor: (_: string, latent: readonly number[]) => ({
    neededBytes: weights + 100 * sizeOf(latent) + sizeOf(latent) ** power,
    weightBytes: weights,
    allowedBytes,
  }),
})

function refusal(model: Parameters<typeof checkRoom>[0], width: number, height: number): string {
  try {
    checkRoom(model, asks, layout.latentShape([3, height, width]))
  } catch (error) {
    if (isUndiffuseError(error)) return error.message
    throw error
  }
  return ''
}

describe.each([1, 1.5, 2])('values that take area to the power of %d', (power) => {
  it.each([
    [16000, 12032],
    [12032, 16000],
    [160000, 6400],
  ])('name a size of the aspect %d×%d that fits, and hardly a larger one would', (width, height) => {
    const model = growing(power)
    const [, w, h] = /(\d+)×(\d+)(?:, which)? fits/.exec(refusal(model, width, height))!.map(Number)
    expect(refusal(model, w!, h!)).toBe('')
    expect(Math.abs(Math.log(w! / h! / (width / height)))).toBeLessThan(0.2)
    const larger = (side: number) => Math.ceil((1.15 * side) / 64) * 64
    expect(refusal(model, larger(w!), larger(h!))).not.toBe('')
  })
})

it('names a size that is quick beside the one that fits, where the model tells what it was made for', () => {
  const trained = scaledLayout({ name: 'sd', imageChannels: 3, latentChannels: 4, downscaling: 8, side: 64 })
  const asked = { ...growing(1), layout: trained }
  expect(refusal(asked, 32000, 24000)).toMatch(
    /Use a picture of 1024×768\. One of \d+×\d+ fits too, and takes at least \d+ times as long\. Else close/,
  )
  // What fits is smaller than what is quick elsewhere.
  const dear = { ...asked, memoryFor: growing(2.2).memoryFor }
  expect(refusal(dear, 32000, 24000)).toMatch(/which fits, or a smaller one, which is quicker\. Else close/)
  expect(refusal(asked, 32000, 24000)).not.toContain('photographs')
  const small = { ...asked, vocabulary: { words: {}, examples: [] } }
  expect(refusal(small, 32000, 24000)).toMatch(
    /allow more memory\. This small model knows .* no photographs: see docs\/your-own-model\.md\.$/,
  )
})

it('no size fits where weights alone are too much', () => {
  const model = growing(1, 2 * allowedBytes)
  expect(refusal(model, 512, 512)).toMatch(/weights of 8 or 4 bits/)
})
