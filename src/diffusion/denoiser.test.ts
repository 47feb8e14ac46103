import { describe, expect, it } from 'vitest'
import { combine, norm, subtract, type Tensor, tensor, torchNoise } from '../math/index.js'
import { denoiser, denoiserPullback, guided, guidedPullback, noiseOf, predictions } from './denoiser.js'
import type { Denoiser } from './diffusion.js'
import type { NoiseLevel } from './level.js'
import { betas, edmSchedule, rectifiedFlow, variancePreserving } from './schedules.js'

const shape = [2, 3]
const [clean, noise] = [torchNoise(1, shape), torchNoise(2, shape)]
const levels = [
  variancePreserving(betas('scaled-linear')).level(600),
  edmSchedule().level(3),
  rectifiedFlow().level(700),
]
const always =
  (x: Tensor): Denoiser =>
  async () =>
    x

/** What a perfect network would say of x = alpha·clean + sigma·noise, by the definitions. */
const perfect = {
  epsilon: () => noise,
  v: ({ alpha, sigma }: NoiseLevel) => combine([alpha, noise], [-sigma, clean]),
  sample: () => clean,
  velocity: () => subtract(noise, clean),
  'velocity-to-image': () => subtract(clean, noise),
}

describe.each(predictions)('a network that predicts %s', (prediction) => {
  it('gives back the clean tensor when it is right, on every schedule', async () => {
    for (const level of levels) {
      const x = combine([level.alpha, clean], [level.sigma, noise])
      const found = await denoiser(always(perfect[prediction](level)), prediction)(x, level)
      expect(norm(subtract(found, clean))).toBeLessThan(1e-14 * (1 + level.sigma / level.alpha))
      expect(norm(subtract(noiseOf(x, found, level), noise))).toBeLessThan(1e-13)
    }
  })

  it('has the pullback of its denoiser', async () => {
    const network: Denoiser = async (x) => combine([2, x])
    const pullback = denoiserPullback(async (_, __, cotangent) => combine([2, cotangent]), prediction)
    const [x, other, cotangent] = [torchNoise(3, shape), torchNoise(4, shape), torchNoise(5, shape)]
    // The denoiser of a linear network is linear: D(x + d) − D(x) = J·d.
    const denoise = denoiser(network, prediction)
    const along = subtract(await denoise(combine([1, x], [1, other]), levels[0]!), await denoise(x, levels[0]!))
    const pulled = await pullback(x, levels[0]!, cotangent)
    const [left, right] = [along, other].map((a, k) =>
      a.data.reduce((sum, value, i) => sum + value * (k === 0 ? cotangent : pulled).data[i]!, 0),
    )
    expect(left).toBeCloseTo(right!, 12)
  })
})

function counting(plain: Denoiser) {
  let count = 0
  const denoise: Denoiser = (x, level) => {
    count++
    return plain(x, level)
  }
  return { denoise, evaluations: () => count }
}

it('guidance mixes the two, and asks only what it needs', async () => {
  const [prompt, none] = [counting(always(clean)), counting(always(noise))]
  const at = (weight: number) => guided(prompt.denoise, none.denoise, weight)(clean, levels[0]!)
  expect(await at(1)).toEqual(clean)
  expect([prompt.evaluations(), none.evaluations()]).toEqual([1, 0])
  expect(await at(0)).toEqual(noise)
  expect([prompt.evaluations(), none.evaluations()]).toEqual([1, 1])
  expect(norm(subtract(await at(7.5), combine([7.5, clean], [-6.5, noise])))).toBe(0)
  const pullback = guidedPullback(
    async () => clean,
    async () => noise,
    3,
  )
  expect(await pullback(clean, levels[0]!, clean)).toEqual(combine([-2, noise], [3, clean]))
  expect(() => guided(prompt.denoise, none.denoise, Number.NaN)).toThrow(/finite number for guidance, got NaN/)
})

it('says where a network went wrong', async () => {
  const broken = denoiser(always(tensor(shape, [1, 2, Number.NaN, 4, 5, 6])), 'epsilon')
  await expect(broken(clean, levels[0]!)).rejects.toMatchObject({
    code: 'not-finite',
    message: expect.stringContaining('t = 600'),
  })
  const pure = denoiser(always(noise), 'epsilon')(clean, rectifiedFlow().level(1000))
  await expect(pure).rejects.toMatchObject({ code: 'unsupported', message: expect.stringContaining('t = 1000') })
})
