import { describe, expect, it } from 'vitest'
import { latentShape, spectralAutoencoder } from '../../test/laws/spectral-autoencoder.js'
import { linearAutoencoder } from '../../test/linear-autoencoder.js'
import { Task } from '../core/task.js'
import { map, mean, nmseDb, type Tensor, torchGenerator } from '../math/index.js'
import { round8 } from '../pictures/index.js'
import type { Autoencoder } from './autoencoder.js'
import { automaticDecoder } from './automatic.js'
import { measureProfile } from './measure-profile.js'

const measure = (autoencoder: Autoencoder, latents: readonly Tensor[]) =>
  new Task(measureProfile(autoencoder, latents, { weights: 'a1b2', latents: 'drawn' }))

const shape = [3, 8, 8]
/** Small enough that no pixel is clipped. */
const draw = (count: number, seed: number) => {
  const random = torchGenerator(seed)
  return Array.from({ length: count }, () => map(random.noise(shape), (value) => value / 5))
}

/** D(z) = z, E(x) = 0.5·x in one half of the entries and 1.25·x in the other. */
const gains = [0.5, 1.25] as const
const scaled = (x: Tensor) => map(x, (value, i) => gains[i % 2]! * value)
const twoGains: Autoencoder = {
  encode: async (image) => scaled(image),
  decode: async (latent) => latent,
  roundTrip: async (latent) => ({ image: latent, latent: scaled(latent) }),
}

describe('the fitted shares', () => {
  /** Rounding moves a latent by 1 % of its error here, in no direction of its own; over some thousand numbers little is left. */
  const rounding = 0.01

  it('are those of the least-squares polynomial of E∘D', async () => {
    const latents = draw(12, 1)
    const { shares } = await measure(twoGains, latents)
    // e = (a − 1)·r and T = a·e for every other latent r: the first share is Σae²/Σa²e².
    const sums = [0, 0] as [number, number]
    for (const latent of latents.filter((_, k) => k % 2 === 0)) {
      for (const [i, r] of latent.data.entries()) {
        const a = gains[i % 2]!
        const e = (a - 1) * r
        sums[0] += a * e ** 2
        sums[1] += a ** 2 * e ** 2
      }
    }
    const first = sums[0] / sums[1]
    expect(shares[0]![0]).toBeCloseTo(first, 2)
    // Two eigenvalues are zeros of 1 − (u + v)·a + v·first·a² = (1 − a/0.5)(1 − a/1.25).
    const [u, v] = shares[1]!
    expect(Math.abs(u! + v! - (1 / gains[0] + 1 / gains[1]))).toBeLessThan(rounding * 10)
    expect(Math.abs(v! * first - 1 / (gains[0] * gains[1]))).toBeLessThan(rounding * 10)
  })

  it('have one row for each step, as long as there are residuals', async () => {
    const { shares } = await measure(twoGains, draw(4, 2))
    expect(shares.map((row) => row.length)).toEqual([1, 2, 3, 4, 5, 6])
    expect(shares.flat().every(Number.isFinite)).toBe(true)
  })
})

describe('the choice', () => {
  it('is one fitted step where E∘D is a multiple of the identity', async () => {
    const profile = await measure(linearAutoencoder(0.6), draw(6, 3))
    expect(profile).toMatchObject({
      steps: 'fitted',
      roundTrips: 1,
      weights: 'a1b2',
      latentCount: 6,
      latentShape: shape,
    })
    expect(profile.shares[0]![0]).toBeCloseTo(1 / 0.6, 2)
  })

  const spectral = (bad: number, bend: number) =>
    spectralAutoencoder({
      ...{ seed: 2, weak: bad, negative: bad / 2, turned: 0, visibility: 1, bend, amplitude: 0.25, clips: true },
    })
  const latentsOf = (autoencoder: ReturnType<typeof spectral>, count: number, seed: number) => {
    const random = torchGenerator(seed)
    return Array.from({ length: count }, () => autoencoder.shrunk(random.noise(latentShape)))
  }

  it("is Anderson's steps where a map bends and six steps are not enough", async () => {
    const { pullback: _, ...bent } = spectral(4, 0.3)
    const { steps, roundTrips, expected } = await measure(bent, latentsOf(spectral(4, 0.3), 4, 4))
    expect(steps).toBe('anderson')
    expect(expected.andersonNmseDb[roundTrips - 1]).toBeLessThan(Math.min(...expected.fittedNmseDb))
    expect(expected).not.toHaveProperty('gradientNmseDb')
  })

  it('expects the errors that fresh pictures have', async () => {
    const autoencoder = spectral(20, 0.1)
    const { pullback: _, ...forwardOnly } = autoencoder
    const profile = await measure(forwardOnly, latentsOf(autoencoder, 8, 5))
    const [expected, found, encoder]: [number[], number[], number[]] = [[], [], []]
    for (const latent of latentsOf(autoencoder, 6, 7)) {
      const image = round8(await autoencoder.decode(latent))
      const solution = await new Task(automaticDecoder().invert(image, { ...forwardOnly, profile }))
      expected.push(solution.expectedNmseDb!)
      found.push(nmseDb(solution.value, latent))
      encoder.push(nmseDb(await autoencoder.encode(image), latent))
    }
    // From picture to picture the encoder's error varies by 0.6 dB, that after 19 steps by 1.8: means of four and of six of
    // them differ by 0.4 and 1.1, and hardly by twice that.
    expect(Math.abs(profile.expected.encoderNmseDb - mean(encoder))).toBeLessThan(0.8)
    expect(Math.abs(mean(expected) - mean(found))).toBeLessThan(2.2)
    expect(mean(found)).toBeLessThan(mean(encoder) - 3)
  })

  it('is no gradient where gradients gain nothing, and some where they do', async () => {
    const autoencoder = spectral(40, 0)
    const latents = latentsOf(autoencoder, 4, 8)
    const flat: Autoencoder = {
      ...autoencoder,
      pullback: async (latent, image) => {
        const pulled = await autoencoder.pullback(latent, image)
        return { ...pulled, gradient: map(pulled.gradient, () => 0) }
      },
    }
    const useless = await measure(flat, latents)
    expect(useless.pullbacks).toBe(0)
    const after = [useless.expected.encoderNmseDb, ...useless.expected[`${useless.steps}NmseDb`]][useless.roundTrips]
    expect(useless.expected.gradientNmseDb).toBeCloseTo(after!, 10)
    const useful = await measure(autoencoder, latents)
    expect(useful.pullbacks).toBeGreaterThan(0)
    expect(useful.expected.gradientNmseDb).toBeLessThan(after! - 3)
  })
})

it('wants four latents', async () => {
  await expect(measure(linearAutoencoder(0.6), draw(3, 9))).rejects.toMatchObject({
    code: 'bad-option',
    message: expect.stringMatching(/at least 4 latents.*3/),
  })
})
