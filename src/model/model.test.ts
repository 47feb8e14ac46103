import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { analyticAutoencoder, imageShape, latentShape, pictureModel } from '../../test/laws/analytic-autoencoder.js'
import { analyticModel } from '../../test/laws/analytic-model.js'
import { coalescer } from '../core/coalesce.js'
import { lengthOfPrompt } from '../diffusion/guidance-mix.js'
import { torchNoise } from '../math/noise.js'
import { combine, dot, norm, subtract } from '../math/tensor.js'
import {
  autoencoderOf,
  type Condition,
  coalesced,
  counted,
  type DiffusionModel,
  denoiserOf,
  doorOf,
  type Estimating,
  pictureOf,
  remembered,
  scaledLayout,
  sidesOf,
  takes,
  withValue,
} from './index.js'
import { clipLayout, type Layout, type ScaledLayout } from './layout.js'

const autoencoder = analyticAutoencoder(0.5)
const latents = [1, 2, 3].map((seed) => torchNoise(seed, latentShape))

describe('a door', () => {
  it('answers what it has an answerer for, and refuses the rest by name', async () => {
    const door = doorOf('half', { decode: async (some) => some })
    expect([...door.answers]).toEqual(['decode'])
    expect(await door.ask('decode', latents)).toEqual(latents)
    const refused = door.ask('encode', latents)
    await expect(refused).rejects.toMatchObject({ code: 'unsupported', message: expect.stringContaining('`encode`') })
  })

  it('asks nothing after an abort', async () => {
    let asked = 0
    const door = doorOf('counting', {
      decode: async (some) => {
        asked++
        return some
      },
    })
    const reason = new Error('enough')
    await expect(door.ask('decode', latents, AbortSignal.abort(reason))).rejects.toBe(reason)
    expect(asked).toBe(0)
  })
})

describe('counted', () => {
  it('counts questions, whichever way they are asked', async () => {
    const { model, counts } = counted(pictureModel(autoencoder).model)
    await model.ask('decode', latents)
    const single = autoencoderOf(model)
    await single.roundTrip(latents[0]!)
    await single.pullback!(latents[0]!, torchNoise(4, imageShape))
    expect(counts()).toMatchObject({ decode: 3, roundTrip: 1, decodeGradient: 1 })
  })
})

describe('remembered', () => {
  it('asks only for what it was not told, and forgets nothing that somebody holds', async () => {
    const { model: plain, batches } = pictureModel(autoencoder)
    const model = remembered(plain)
    const [trip] = await model.ask('roundTrip', [latents[0]!])
    const both = await model.ask('decode', [latents[0]!, latents[1]!])
    expect(both[0]).toBe(trip!.image)
    expect(batches).toEqual([
      ['roundTrip', 1],
      ['decode', 1],
    ])
    await model.ask('decodeGradient', [{ latent: latents[2]!, reference: both[0]! }])
    await model.ask('decode', latents)
    await model.ask('encode', both)
    await model.ask('encode', both)
    expect(batches.slice(2)).toEqual([
      ['decodeGradient', 1],
      ['encode', 2],
    ])
  })
})

describe('coalesced', () => {
  it('runs what members ask at the same time as one batch of each kind, and gives each its own', async () => {
    const { model, batches } = pictureModel(autoencoder)
    const { join } = coalescer()
    const viewOf = coalesced(model)
    const [a, b, c] = [viewOf(join()), viewOf(join()), viewOf(join())]
    const image = torchNoise(4, imageShape)
    const [one, two, three] = await Promise.all([
      a.ask('decode', [latents[0]!, latents[1]!]),
      b.ask('encode', [image]),
      c.ask('decode', [latents[2]!]),
    ])
    expect(batches).toEqual([
      ['decode', 3],
      ['encode', 1],
    ])
    expect([...one, ...three]).toEqual(await model.ask('decode', latents))
    expect(two).toEqual(await model.ask('encode', [image]))
  })

  it('lets members join and leave', async () => {
    const { model, batches } = pictureModel(autoencoder)
    const { join } = coalescer()
    const viewOf = coalesced(model)
    const first = join()
    await viewOf(first).ask('decode', [latents[0]!])
    const second = join()
    const waiting = viewOf(first).ask('decode', [latents[0]!])
    await viewOf(second).ask('decode', [latents[1]!])
    await waiting
    const alone = viewOf(first).ask('decode', [latents[0]!])
    second.leave()
    await alone
    expect(batches.map(([, size]) => size)).toEqual([1, 2, 1])
  })

  it('takes a signal each: one that aborts does not end the others', async () => {
    const { model } = pictureModel(autoencoder)
    const { join } = coalescer()
    const viewOf = coalesced(model)
    const [a, b] = [viewOf(join()), viewOf(join())]
    const controller = new AbortController()
    const lost = a.ask('decode', [latents[0]!], controller.signal)
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(lost).rejects.toBe(reason)
    expect(await b.ask('decode', [latents[1]!])).toEqual(await model.ask('decode', [latents[1]!]))
  })

  it('fails one where one is the reason', async () => {
    const { model } = pictureModel(autoencoder)
    const bad = torchNoise(9, latentShape)
    const ask: typeof model.ask = async (kind, asks, signal) => {
      if ((asks as readonly unknown[]).includes(bad)) throw new Error('bad one')
      return await model.ask(kind, asks, signal)
    }
    const { join } = coalescer()
    const viewOf = coalesced({ ...model, ask })
    const [a, b] = [viewOf(join()), viewOf(join())]
    const [failed, answered] = await Promise.allSettled([a.ask('decode', [bad]), b.ask('decode', [latents[0]!])])
    expect(failed).toMatchObject({ status: 'rejected', reason: { message: 'bad one' } })
    expect(answered).toMatchObject({ status: 'fulfilled', value: await model.ask('decode', [latents[0]!]) })
  })

  it('refuses what waits and what comes when it is closed', async () => {
    const { model } = pictureModel(autoencoder)
    const { join, close } = coalescer()
    const viewOf = coalesced(model)
    const [a, b] = [viewOf(join()), viewOf(join())]
    const waiting = a.ask('decode', [latents[0]!])
    close(new Error('closed'))
    await expect(waiting).rejects.toThrow('closed')
    await expect(b.ask('decode', [latents[0]!])).rejects.toThrow('closed')
  })
})

describe('guidance', () => {
  const { model } = analyticModel()
  const shape = model.layout.latentShape(model.layout.picture)
  const x = torchNoise(5, shape)
  const level = model.schedule(shape).level(500)

  it('is two questions of one run, and the mix of their answers', async () => {
    const { model: watched, counts } = counted(model)
    const [condition, negative] = [await model.condition('a'), await model.condition()]
    const alone = async (told: typeof condition) =>
      await denoiserOf(model, { condition: told, guidance: 1 }).denoise(x, level)
    await fc.assert(
      fc.asyncProperty(fc.double({ min: -2, max: 9, noNaN: true }), async (guidance) => {
        const { denoise: before = 0 } = counts()
        const mixed = await denoiserOf(watched, { condition, negative, guidance }).denoise(x, level)
        const wanted = combine([guidance, await alone(condition)], [1 - guidance, await alone(negative)])
        expect(norm(subtract(mixed, wanted))).toBeLessThan(1e-12 * (1 + Math.abs(guidance)) * norm(wanted) + 1e-12)
        expect(counts().denoise! - before).toBe(guidance === 0 || guidance === 1 ? 1 : 2)
      }),
      { numRuns: 30 },
    )
  })

  it('may depend on the level', async () => {
    const [condition, negative] = [await model.condition('a'), await model.condition()]
    const other = model.schedule(shape).level(900)
    const weightAt = ({ t }: { readonly t: number }) => (t > 700 ? 3 : 1)
    const { denoise } = denoiserOf(model, { condition, negative, guidance: weightAt })
    const fixed = (guidance: number) => denoiserOf(model, { condition, negative, guidance }).denoise
    expect(await denoise(x, level)).toEqual(await fixed(1)(x, level))
    expect(await denoise(x, other)).toEqual(await fixed(3)(x, other))
  })

  it('is refused where it is not finite, or leads away from nothing', async () => {
    const condition = await model.condition('a')
    expect(() => denoiserOf(model, { condition, guidance: Number.NaN })).toThrow(/finite number for `guidance`/)
    const { denoise } = denoiserOf(model, { condition, guidance: 2 })
    await expect(denoise(x, level)).rejects.toMatchObject({ code: 'bad-option' })
  })

  it('is told to a network that embeds it, and mixed only where true guidance is asked for beside it', async () => {
    const told: Condition[] = []
    const embedding: DiffusionModel = {
      ...model,
      guiding: { kind: 'embedded', value: 'guidance' },
      async ask(kind, asks, signal) {
        told.push(...(asks as readonly Estimating[]).map(({ condition }) => condition))
        return await model.ask(kind, asks, signal)
      },
    }
    const [condition, negative] = [await model.condition('a'), await model.condition()]
    const alone = await denoiserOf(embedding, { condition, guidance: 3.5 }).denoise(x, level)
    expect(alone).toEqual(await denoiserOf(model, { condition, guidance: 1 }).denoise(x, level))
    expect(told.map(({ values }) => [...values.guidance!.data])).toEqual([[3.5]])
    told.length = 0
    const both = await denoiserOf(embedding, { condition, negative, guidance: 2, trueGuidance: 4 }).denoise(x, level)
    expect(both).toEqual(await denoiserOf(model, { condition, negative, guidance: 4 }).denoise(x, level))
    expect(told.map(({ values }) => [...values.guidance!.data])).toEqual([[2], [2]])
    told.length = 0
    await denoiserOf(embedding, { condition, guidance: ({ t }) => t / 100 }).denoise(x, level)
    expect([...told[0]!.values.guidance!.data]).toEqual([5])
  })

  it('is 1 for a model that was distilled to need none, and true guidance is for those whose own is another thing', async () => {
    const [condition, negative] = [await model.condition('a'), await model.condition()]
    const distilled: DiffusionModel = { ...model, guiding: { kind: 'none' } }
    expect(() => denoiserOf(distilled, { condition, negative, guidance: 4 })).toThrow(
      `Expected a guidance of 1 for \`${model.name}\`, got 4. It was distilled to be used without guidance: leave it out.`,
    )
    const both = await denoiserOf(distilled, { condition, negative, guidance: 1, trueGuidance: 4 }).denoise(x, level)
    expect(both).toEqual(await denoiserOf(model, { condition, negative, guidance: 4 }).denoise(x, level))
    expect(() => denoiserOf(model, { condition, negative, guidance: 1, trueGuidance: 4 })).toThrow(
      /`guidance` alone .* got `trueGuidance` too/,
    )
  })

  it('may keep the length of each token, with derivatives that agree with differences', async () => {
    const turning: DiffusionModel = { ...model, guiding: { kind: 'mixed', mix: lengthOfPrompt(2) } }
    const [condition, negative] = [await model.condition('a'), await model.condition()]
    const bent = withValue(negative, 'encoder_hidden_states', torchNoise(8, shape))
    const { denoise, pullback } = denoiserOf(turning, { condition, negative: bent, guidance: 4 })
    const [tangent, cotangent] = [torchNoise(6, shape), torchNoise(7, shape)]
    const step = 1e-5
    const [above, below] = [
      await denoise(combine([1, x], [step, tangent]), level),
      await denoise(combine([1, x], [-step, tangent]), level),
    ]
    const slope = combine([1 / (2 * step), above], [-1 / (2 * step), below])
    expect(dot(await pullback!(x, level, cotangent), tangent)).toBeCloseTo(dot(cotangent, slope), 5)
    const at = (weight: number) => denoiserOf(turning, { condition, negative: bent, guidance: weight })
    expect(await at(1).denoise(x, level)).toEqual(await denoiserOf(model, { condition, guidance: 1 }).denoise(x, level))
  })

  it('takes bent conditions: a value is only a value', async () => {
    const condition = await model.condition('a')
    const moved = torchNoise(8, shape)
    const bent = withValue(condition, 'encoder_hidden_states', moved)
    expect(bent.text).toBeUndefined()
    const [there] = await model.ask('denoise', [{ x: combine([1, x], [level.alpha, moved]), level, condition: bent }])
    const [here] = await model.ask('denoise', [{ x, level, condition }])
    // The analytic world moves as a whole.
    expect(norm(subtract(there!, combine([1, here!], [1, moved])))).toBeLessThan(1e-12 * norm(there!))
  })
})

describe('a layout', () => {
  it('leads from pictures to latents and back, and refuses all other sizes', () => {
    const sizes = fc.record({
      imageChannels: fc.integer({ min: 1, max: 4 }),
      latentChannels: fc.integer({ min: 1, max: 16 }),
      downscaling: fc.integer({ min: 1, max: 16 }),
      latentMultiple: fc.integer({ min: 1, max: 8 }),
    })
    const side = fc.integer({ min: 1, max: 300 })
    fc.assert(
      fc.property(sizes, side, side, (parts, height, width) => {
        const layout = scaledLayout({ name: 'drawn', ...parts })
        const multiple = parts.downscaling * parts.latentMultiple
        expect(layout.multiple).toBe(multiple)
        const picture = pictureOf(layout, { height, width })
        expect(sidesOf(layout, picture)).toEqual({ height, width })
        if (height % multiple === 0 && width % multiple === 0) {
          const latent = layout.latentShape(picture)
          expect(layout.pictureShape(latent)).toEqual(picture)
          expect(takes(layout, latent)).toBe(true)
          expect(takes(layout, latent.slice(1))).toBe(false)
        } else expect(() => layout.latentShape(picture)).toThrow(new RegExp(`multiples of ${multiple}`))
        expect(layout.latentShape(layout.picture)).toHaveLength(3)
      }),
    )
  })

  it('answers a size that it does not take with the nearest that it takes', () => {
    const parts = { name: 'small', imageChannels: 3, latentChannels: 4, downscaling: 8, latentLargest: 16 }
    const layout = scaledLayout(parts)
    const refused = (height: number, width: number) => () => layout.latentShape([3, height, width])
    expect(refused(100, 100)).toThrow('Choose 96×96 or 104×104.')
    expect(refused(3, 64)).toThrow('Choose 64×8.')
    expect(refused(100, 64)).toThrow('Choose 64×96 or 64×104.')
    expect(refused(400, 64)).toThrow('Choose 64×128.')
  })

  it('says that the first axis of a batch of one is to be dropped', () => {
    const parts = { name: 'own', imageChannels: 3, latentChannels: 4, downscaling: 8 }
    const refused = (layout: Layout, latent: readonly number[]) => () => layout.check(latent)
    const dropped = /Drop the first axis.*`\{ \.\.\.read, shape: read\.shape\.slice\(1\) \}`.*docs\/python\.md/
    expect(refused(scaledLayout(parts), [1, 4, 16, 16])).toThrow(dropped)
    expect(refused(clipLayout({ ...parts, frameDownscaling: 4 }), [1, 4, 3, 16, 16])).toThrow(dropped)
    expect(refused(scaledLayout(parts), [1, 5, 16, 16])).not.toThrow(/first axis/)
  })

  it('asks for multiples only where there are any', () => {
    const parts = { name: 'own', imageChannels: 3, latentChannels: 4, downscaling: 8 }
    const refused = (more: Partial<ScaledLayout>) => () => scaledLayout({ ...parts, ...more }).check([5, 16, 16])
    expect(refused({})).toThrow('a latent of 4 channels × height × width for `own`')
    expect(refused({ latentMultiple: 2 })).toThrow('with sides that are multiples of 2 for')
    expect(refused({ latentLargest: 8 })).toThrow('with sides that are up to 8 (as memory allows) for')
  })
})
