/** No default makes a latent worse than the encoder's, whatever directions E∘D shrinks, reverses or turns. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Autoencoder,
  accelerated,
  automaticDecoder,
  type DecoderInverter,
  gradientFree,
  type LatentSolution,
  measureProfile,
  rehearsed,
} from '../../src/autoencoder/index.js'
import { Task } from '../../src/core/index.js'
import { combine, dot, mean, nmseDb, norm, subtract, type Tensor, torchGenerator } from '../../src/math/index.js'
import { round8 } from '../../src/pictures/index.js'
import { analyticAutoencoder, latentShape as analyticLatentShape } from './analytic-autoencoder.js'
import { imageShape, latentShape, spectralAutoencoder } from './spectral-autoencoder.js'

const arbitrary = fc.record({
  seed: fc.integer({ min: 0, max: 10_000 }),
  weak: fc.integer({ min: 0, max: 60 }),
  negative: fc.integer({ min: 0, max: 30 }),
  turned: fc.integer({ min: 0, max: 24 }),
  visibility: fc.constantFrom(1, 0.3, 0.1, 0.03),
  bend: fc.constantFrom(0, 0.1, 0.3),
  // Of a white latent's pixels 0.006 % or 3 % are beyond [−1, 1].
  amplitude: fc.constantFrom(0.25, 0.45) as fc.Arbitrary<number>,
  file: fc.constantFrom('any range', 'clipped', 'rounded'),
  truth: fc.constantFrom('white', 'encoded'),
})
type World = typeof arbitrary extends fc.Arbitrary<infer Drawn> ? Drawn : never

/** Latents and their pictures, the first of them to be inverted. */
function openWorld(world: World) {
  const autoencoder = spectralAutoencoder({ ...world, clips: world.file !== 'any range' })
  const random = torchGenerator(20_000 + world.seed)
  const drawLatent = () => {
    const white = random.noise(latentShape)
    return world.truth === 'white' ? white : autoencoder.shrunk(white)
  }
  const pictureOf = async (latent: Tensor) => {
    const picture = await autoencoder.decode(latent)
    return world.file === 'rounded' ? round8(picture) : picture
  }
  return { autoencoder, drawLatent, pictureOf }
}

interface Found extends LatentSolution {
  /** ‖z − z*‖ over the encoder's. */
  readonly ratio: number
  /** `expectedNmseDb` − its truth; not where there is none. */
  readonly biasDb: number | undefined
}

async function find(method: DecoderInverter, latent: Tensor, image: Tensor, autoencoder: Autoencoder): Promise<Found> {
  const solution = await new Task(method.invert(image, autoencoder))
  const ratio = norm(subtract(solution.value, latent)) / norm(subtract(await autoencoder.encode(image), latent))
  const { expectedNmseDb } = solution
  return {
    ...solution,
    ratio,
    biasDb: expectedNmseDb === undefined ? undefined : expectedNmseDb - nmseDb(solution.value, latent),
  }
}

const ratios = (all: readonly Found[]) => all.map(({ ratio }) => ratio)
const biasesDb = (all: readonly Found[]) => all.flatMap(({ biasDb }) => (biasDb === undefined ? [] : [biasDb]))

/**
 * A rehearsal has as many directions as a latent has entries, 192 here; what few of them do may differ from what those of the
 * picture do. Of 3,000 worlds one was worse, 1.14, with nine bad directions and their clipping 33 times larger in the latent.
 */
const chance = 1.05
/** Methods that trust E∘D lose so much on some of the same worlds: the law has teeth. */
const loss = 1.1

describe('a spectral autoencoder', () => {
  const { autoencoder, drawLatent } = openWorld({
    ...{ seed: 3, weak: 20, negative: 10, turned: 5, visibility: 0.3, bend: 0.3, amplitude: 0.8 },
    ...{ file: 'clipped', truth: 'white' },
  })
  const [latent, image] = [drawLatent(), torchGenerator(4).noise(imageShape)]

  it('has round trips that are E after D', async () => {
    const trip = await autoencoder.roundTrip(latent)
    expect(trip.image).toEqual(await autoencoder.decode(latent))
    expect(trip.latent).toEqual(await autoencoder.encode(trip.image))
  })

  it('has the gradient of half the squared error of clipped pixels', async () => {
    const { gradient } = await autoencoder.pullback(latent, image)
    const half = async (z: Tensor) => norm(subtract(await autoencoder.decode(z), image)) ** 2 / 2
    // Central differences: the error is of order h² = 1e-10; no pixel is so near to the clip.
    const h = 1e-5
    for (let draw = 0; draw < 5; draw++) {
      const way = drawLatent()
      const slope =
        ((await half(combine([1, latent], [h, way]))) - (await half(combine([1, latent], [-h, way])))) / (2 * h)
      expect(slope / dot(gradient, way)).toBeCloseTo(1, 5)
    }
  })
})

describe('worlds with weak, negative and turned directions', async () => {
  const methods = {
    rehearsed: rehearsed(),
    accelerated: accelerated(),
    forwardStep: gradientFree({ iteration: 'forward-step' }),
  }
  const found: Record<keyof typeof methods, Found[]> = { rehearsed: [], accelerated: [], forwardStep: [] }
  const worlds = fc.sample(arbitrary, { numRuns: 60, seed: 7 })
  for (const world of worlds) {
    const { autoencoder, drawLatent, pictureOf } = openWorld(world)
    const latent = drawLatent()
    const image = await pictureOf(latent)
    for (const [name, method] of Object.entries(methods)) {
      found[name as keyof typeof methods].push(await find(method, latent, image, autoencoder))
    }
  }

  it('never make rehearsed worse than the encoder, and better on the mean', () => {
    expect(Math.max(...ratios(found.rehearsed))).toBeLessThan(chance)
    expect(mean(ratios(found.rehearsed))).toBeLessThan(0.9)
  })

  it('make the accelerated and the forward step worse', () => {
    expect(Math.max(...ratios(found.accelerated))).toBeGreaterThan(loss)
    expect(Math.max(...ratios(found.forwardStep))).toBeGreaterThan(loss)
    expect(mean(ratios(found.forwardStep))).toBeGreaterThan(1)
  })

  it('let rehearsed tell its error', () => {
    const of = (truth: World['truth']) => biasesDb(found.rehearsed.filter((_, i) => worlds[i]!.truth === truth))
    // Like an encoder's answers, as latents of pictures are: −0.7 dB over 600 worlds.
    expect(Math.abs(mean(of('encoded')))).toBeLessThan(2)
    // White latents have more in the directions that an encoder shrinks than anything shows: −2.5 dB over 600.
    expect(mean(of('white'))).toBeLessThan(0)
    expect(mean(of('white'))).toBeGreaterThan(-4)
  })
})

describe('a profile that was measured in the same world', async () => {
  const found: Found[] = []
  const worlds = fc.sample(arbitrary, { numRuns: 12, seed: 8 })
  for (const world of worlds) {
    const { autoencoder, drawLatent, pictureOf } = openWorld(world)
    const { pullback: _, ...forwardOnly } = autoencoder
    const latents = Array.from({ length: 6 }, drawLatent)
    const profile = await new Task(measureProfile(forwardOnly, latents, { weights: 'w', latents: 'drawn' }))
    const latent = drawLatent()
    found.push(await find(automaticDecoder(), latent, await pictureOf(latent), { ...forwardOnly, profile }))
  }

  it('never makes automatic worse than the encoder, and better on the mean', () => {
    expect(Math.max(...ratios(found))).toBeLessThan(chance)
    expect(mean(ratios(found))).toBeLessThan(0.8)
  })

  it('tells its error', () => {
    // Over 100 worlds 0.7 dB too high, from −6 to 9.
    expect(Math.abs(mean(biasesDb(found)))).toBeLessThan(3)
  })
})

describe('well-conditioned worlds', () => {
  const good = { weak: 0, negative: 0, turned: 0, visibility: 1, bend: 0.1, amplitude: 0.25 } as const

  it.each([1, 2, 3])('let rehearsed reach the rounding, seed %i', async (seed) => {
    const { autoencoder, drawLatent, pictureOf } = openWorld({ ...good, seed, file: 'rounded', truth: 'white' })
    const latent = drawLatent()
    const solution = await find(rehearsed(), latent, await pictureOf(latent), autoencoder)
    expect(solution).toMatchObject({ outcome: 'converged', why: 'rounding-reached' })
    // The rounding of pixels is 0.0023 of 0.25: −41 dB. A latent of half as many numbers keeps half of it.
    expect(nmseDb(solution.value, latent)).toBeLessThan(-38)
  })

  it('are solved exactly with a large budget where nothing is rounded', async () => {
    const { autoencoder, drawLatent, pictureOf } = openWorld({ ...good, seed: 4, file: 'any range', truth: 'white' })
    const latent = drawLatent()
    const unrounded = { levels: 2 ** 50 }
    const solution = await find(
      rehearsed({ iterations: 100, ...unrounded }),
      latent,
      await pictureOf(latent),
      autoencoder,
    )
    // Gram–Schmidt leaves out what is dependent up to 1e-8.
    expect(nmseDb(solution.value, latent)).toBeLessThan(-140)
  })

  it('cost automatic one round trip where the encoder is right up to the rounding', async () => {
    const inverse = analyticAutoencoder(0)
    const latent = combine([0.25, torchGenerator(6).noise(analyticLatentShape)])
    const image = round8(await inverse.decode(latent))
    const solution = await new Task(automaticDecoder().invert(image, inverse))
    expect(solution).toMatchObject({ outcome: 'converged', why: 'rounding-reached', evaluations: 1 })
  })
})
