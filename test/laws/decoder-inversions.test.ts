/** What every decoder inversion promises, on autoencoders whose answer is known. A new method has to join no list. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as methods from '../../src/autoencoder/index.js'
import { type Defined, Task } from '../../src/core/index.js'
import { forwardStep, solve } from '../../src/iterations/index.js'
import { combine, map, norm, subtract, type Tensor, torchGenerator, zeros } from '../../src/math/index.js'
import { autoencoderOf, counted } from '../../src/model/index.js'
import { analyticAutoencoder, imageShape, latentShape, pictureModel } from './analytic-autoencoder.js'

const { encoderOnly } = methods
type Autoencoder = methods.Autoencoder

function isDefined(value: unknown): value is Defined<methods.DecoderInverter> {
  return typeof value === 'function' && 'definition' in value
}

/** Every export that is a decoder inversion, with each way to move that it offers. */
const table = Object.values<unknown>(methods)
  .filter(isDefined)
  .flatMap(({ definition }) => {
    const ways = Object.entries(definition.fields).flatMap(([name, field]) =>
      name === 'iteration' || name === 'optimizer'
        ? field.type === 'choice'
          ? field.choices.map((choice) => ({ [name]: choice }))
          : []
        : [],
    )
    const options = ways.length > 0 ? ways : [{}]
    return options.map((given) => ({
      label: [definition.id, ...Object.values(given)].join(' '),
      definition,
      make: (more: Readonly<Record<string, unknown>> = {}) => definition.make({ ...given, ...more }),
    }))
  })

const run = (inverter: methods.DecoderInverter, image: Tensor, autoencoder: Autoencoder) =>
  new Task(inverter.invert(image, autoencoder))

const pixelResidual = async (latent: Tensor, image: Tensor, autoencoder: Autoencoder) =>
  norm(subtract(await autoencoder.decode(latent), image))

const relativeError = (got: Tensor, want: Tensor) => norm(subtract(got, want)) / norm(want)

type Differentiable = Autoencoder & Required<Pick<Autoencoder, 'pullback'>>

/** E∘D and the gradient are off by the given factor: steps that assume a slope of about 1 overshoot. */
function amplified(plain: Differentiable, gain: number): Differentiable {
  return {
    ...plain,
    async roundTrip(latent) {
      const trip = await plain.roundTrip(latent)
      return { ...trip, latent: map(trip.latent, (value) => gain * value) }
    },
    async pullback(latent, image) {
      const pulled = await plain.pullback(latent, image)
      return { ...pulled, gradient: map(pulled.gradient, (value) => gain * value) }
    },
  }
}

/** The round trips and pullbacks from number `from` on are not finite. */
function broken(plain: Differentiable, from: number, value: number): Differentiable {
  let runs = 0
  const spoil = (x: Tensor) => (++runs >= from ? map(x, () => value) : x)
  return {
    ...plain,
    async roundTrip(latent) {
      const trip = await plain.roundTrip(latent)
      return { ...trip, latent: spoil(trip.latent) }
    },
    async pullback(latent, image) {
      const pulled = await plain.pullback(latent, image)
      return { ...pulled, gradient: spoil(pulled.gradient) }
    },
  }
}

describe('the analytic autoencoder', () => {
  const autoencoder = analyticAutoencoder(0.6)
  const random = torchGenerator(31)
  const latent = random.noise(latentShape)
  const image = random.noise(imageShape)

  it('has the gradient of half the squared pixel error', async () => {
    const { gradient } = await autoencoder.pullback(latent, image)
    const half = async (z: Tensor) => (await pixelResidual(z, image, autoencoder)) ** 2 / 2
    // Central differences: the error is of order h² = 1e-8, rounding of order 1e-16/h = 1e-12.
    const h = 1e-4
    for (let i = 0; i < latent.data.length; i++) {
      const moved = (by: number) => map(latent, (value, j) => (i === j ? value + by : value))
      expect(((await half(moved(h))) - (await half(moved(-h)))) / (2 * h)).toBeCloseTo(gradient.data[i]!, 6)
    }
  })

  it('has round trips that are E after D', async () => {
    const trip = await autoencoder.roundTrip(latent)
    expect(trip.image).toEqual(await autoencoder.decode(latent))
    expect(trip.latent).toEqual(await autoencoder.encode(trip.image))
  })
})

it('finds every method', () => {
  expect(new Set(table.map(({ definition }) => definition.id))).toEqual(
    new Set(['accelerated', 'automatic', 'encoder-only', 'gradient', 'gradient-free', 'rehearsed']),
  )
  expect(table.length).toBeGreaterThan(8)
})

describe.each(table)('$label', ({ label, make, definition }) => {
  const isEncoderOnly = definition.id === 'encoder-only'

  it('has a name and defaults that its own fields accept', () => {
    expect(make().name).toBe(definition.id)
    const defaults = Object.fromEntries(Object.entries(definition.fields).map(([name, field]) => [name, field.default]))
    expect(() => definition.make(defaults)).not.toThrow()
    for (const { description } of Object.values(definition.fields)) expect(description).toMatch(/\.$/)
  })

  it('is never worse in pixels than the encoder, and never NaN, whatever the autoencoder does', async () => {
    const hostile = fc.record({
      seed: fc.integer({ min: 0, max: 1000 }),
      bend: fc.double({ min: 0, max: 3, noNaN: true }),
      gain: fc.constantFrom(-3, -1, 0, 1, 2.5, 40, 1e6, 1e200),
      from: fc.integer({ min: 1, max: 12 }),
      value: fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, 1e300, 0),
      breaks: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(hostile, async ({ seed, bend, gain, from, value, breaks }) => {
        const plain = analyticAutoencoder(bend)
        const spoiled = amplified(plain, gain)
        const autoencoder = breaks ? broken(spoiled, from, value) : spoiled
        const image = torchGenerator(seed).noise(imageShape)
        const solution = await run(make(), image, autoencoder)
        const atStart = await pixelResidual(await plain.encode(image), image, plain)
        expect(await pixelResidual(solution.value, image, plain)).toBeLessThanOrEqual(atStart)
        expect(solution.value.data.every(Number.isFinite)).toBe(true)
        expect(Number.isNaN(solution.residual)).toBe(false)
        expect(solution.history.some(Number.isNaN)).toBe(false)
      }),
      { numRuns: 40, seed: 1 },
    )
  }, 30_000)

  it('says that an autoencoder broke down', async () => {
    const everywhere = broken(analyticAutoencoder(0.6), 1, Number.NaN)
    const decode = async (z: Tensor) => map(await analyticAutoencoder(0.6).decode(z), () => Number.NaN)
    const solution = await run(make(), torchGenerator(33).noise(imageShape), { ...everywhere, decode })
    expect(solution).toMatchObject({ outcome: 'diverged', residual: Number.POSITIVE_INFINITY, evaluations: 1 })
    expect(solution.value.data.every(Number.isFinite)).toBe(true)
  })

  it('refuses an encoder that is not finite', async () => {
    const encode = async () => map(zeros(latentShape), () => Number.NaN)
    const image = torchGenerator(33).noise(imageShape)
    const task = run(make(), image, { ...analyticAutoencoder(0.6), encode })
    await expect(task).rejects.toMatchObject({ code: 'not-finite', message: expect.stringContaining(definition.id) })
  })

  it('costs one encode and what it reports, within its budget', async () => {
    const { model, counts } = counted(pictureModel(analyticAutoencoder(0.6)).model)
    const image = torchGenerator(34).noise(imageShape)
    const solution = await run(make(isEncoderOnly ? {} : { iterations: 7 }), image, autoencoderOf(model))
    const { encode: encodes, decode = 0, roundTrip = 0, decodeGradient = 0 } = counts()
    expect(encodes).toBe(1)
    expect(decode + roundTrip + decodeGradient).toBe(solution.evaluations)
    expect(solution.evaluations).toBeLessThanOrEqual(isEncoderOnly ? 1 : 7)
    // A rehearsal's runs are of another picture, which has no distance from this one.
    const isRehearsal = definition.id === 'automatic' || definition.id === 'rehearsed'
    if (isRehearsal) expect(solution.history.length).toBeLessThan(solution.evaluations)
    else expect(solution.history).toHaveLength(solution.evaluations)
  })

  it('stops at an abort with its reason', async () => {
    const controller = new AbortController()
    const autoencoder = analyticAutoencoder(0.6)
    const image = torchGenerator(35).noise(imageShape)
    const reason = new Error('enough')
    const encode: Autoencoder['encode'] = async (x) => {
      controller.abort(reason)
      return autoencoder.encode(x)
    }
    const { model, counts } = counted(pictureModel({ ...autoencoder, encode }).model)
    const view = autoencoderOf(model, controller.signal)
    await expect(new Task(make().invert(image, view), controller.signal)).rejects.toBe(reason)
    const { encode: encodes, ...others } = counts()
    expect(encodes).toBe(1)
    // The next question is refused at the door.
    expect(Object.values(others).reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(1)
  })

  it('needs a gradient or works without one, and says which', async () => {
    const { pullback: _, ...forwardOnly } = analyticAutoencoder(0.6)
    const task = run(make(), torchGenerator(36).noise(imageShape), forwardOnly)
    if (label.startsWith('gradient ')) {
      await expect(task).rejects.toMatchObject({ code: 'unsupported', message: expect.stringMatching(/gradient-free/) })
    } else expect((await task).value.shape).toEqual(latentShape)
  })
})

describe('the latent of a decoded picture', () => {
  const autoencoder = analyticAutoencoder(0.6)
  const latent = torchGenerator(32).noise(latentShape)
  const methodsThatMove = table.filter(({ definition }) => definition.id !== 'encoder-only')

  it.each(methodsThatMove)('is twice as near with the defaults of $label as with the encoder', async ({ make }) => {
    const image = await autoencoder.decode(latent)
    const { value, residual } = await run(make(), image, autoencoder)
    const start = await autoencoder.encode(image)
    expect(relativeError(value, latent)).toBeLessThan(0.5 * relativeError(start, latent))
    expect(residual).toBe(await pixelResidual(value, image, autoencoder))
  })

  const convergent = methodsThatMove.filter(({ label }) => /accelerated|picard|forward-step|anderson|lbfgs/.test(label))

  it.each(convergent)('is recovered by $label with a large budget', async ({ make, definition }) => {
    const image = await autoencoder.decode(latent)
    const unstopped = 'margin' in definition.fields ? { margin: 0 } : {}
    const { value } = await run(make({ iterations: 300, ...unstopped }), image, autoencoder)
    // Rounding of the pixel error, of which L-BFGS sees the square: √1e-16.
    expect(relativeError(value, latent)).toBeLessThan(1e-7)
  })
})

describe('a linear autoencoder with E∘D = identity', () => {
  const autoencoder = analyticAutoencoder(0)

  it('is solved by one forward step of 1 from anywhere', async () => {
    const random = torchGenerator(37)
    const latent = random.noise(latentShape)
    const target = await autoencoder.encode(await autoencoder.decode(latent))
    const problem = {
      start: random.noise(latentShape),
      evaluate: async (z: Tensor) => ({ residual: subtract((await autoencoder.roundTrip(z)).latent, target) }),
    }
    const rounding = 1e-14
    const solution = await new Task(solve(problem, forwardStep({ rho: 1 }), { iterations: 9, tolerance: rounding }))
    expect(solution).toMatchObject({ outcome: 'converged', iterations: 1 })
    expect(relativeError(solution.value, latent)).toBeLessThan(1e-13)
  })

  it('leaves nothing to do after the encoder', async () => {
    const image = await autoencoder.decode(torchGenerator(38).noise(latentShape))
    const { value } = await run(encoderOnly(), image, autoencoder)
    expect(await pixelResidual(value, image, autoencoder)).toBeLessThan(1e-13)
  })
})

it('the gradient baseline is at a minimum of the pixel error where its gradient is zero', async () => {
  const autoencoder = analyticAutoencoder(0.6)
  const image = torchGenerator(39).noise(imageShape)
  const { value } = await run(methods.gradient({ optimizer: 'lbfgs', iterations: 100 }), image, autoencoder)
  const { gradient } = await autoencoder.pullback(value, image)
  expect(norm(gradient)).toBeLessThan(1e-6)
  const random = torchGenerator(40)
  for (let i = 0; i < 20; i++) {
    const near = combine([1, value], [0.01, random.noise(latentShape)])
    expect(await pixelResidual(near, image, autoencoder)).toBeGreaterThan(
      await pixelResidual(value, image, autoencoder),
    )
  }
})
