/** FLUX.2 klein as folders have it: miniatures of random weights, what guidance is to both, and what is refused. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nmseDb } from '../src/math/nmse.js'
import { torchNoise } from '../src/math/noise.js'
import { generate } from '../src/verbs/generate.js'
import { invert } from '../src/verbs/invert.js'
import { lastingRuntime, openedOnce } from './lasting-runtime.js'
import { type MiniatureFolder, miniatureFolder } from './miniature-folder.js'

const runtime = lastingRuntime({ threads: 1 })
let distilled: MiniatureFolder
let base: MiniatureFolder
beforeAll(async () => {
  distilled = await miniatureFolder('tiny-flux.2-klein-4b')
  base = await miniatureFolder('tiny-flux.2-klein-base-4b')
})
afterAll(async () => {
  for (const each of [distilled, base]) await each.remove()
})

const open = openedOnce(runtime)

const shape = [16, 3, 4]
/** What "exact" is in 32 bits. */
const exactDb = -90
/** 16 bits, a few hundred operators deep. */
const halfDb = -30

describe('the distilled one', () => {
  it('makes pictures in 4 steps at one evaluation each, finds their noise, and refuses guidance', async () => {
    const model = await open(distilled.path)
    expect([model.guidance, model.guiding?.kind, model.defaultSteps]).toEqual([1, 'none', 4])
    const noise = torchNoise(3, shape)
    const made = { model, prompt: 'a red boat' }
    const { latent, image, evaluations } = await generate({ ...made, noise })
    expect([image.shape, evaluations.denoises]).toEqual([[3, 12, 16], 4])
    const found = await invert({ latent }, made)
    expect([found.outcome, found.noiseExact]).toEqual(['converged', 'given-latent'])
    expect(nmseDb(found.noise, noise)).toBeLessThan(exactDb)
    await expect(generate({ ...made, noise, guidance: 4 })).rejects.toMatchObject({
      code: 'bad-option',
      message: expect.stringMatching(/a guidance of 1.*4.*distilled/),
    })
    await model.close()
  })

  it.each([16, 64] as const)('computes in %i bits', async (precision) => {
    const models = [await open(distilled.path), await open(distilled.path, { precision })] as const
    const [single, other] = await Promise.all(
      models.map(async (model) => {
        const ask = { x: torchNoise(3, shape), condition: await model.condition('a red boat') }
        return (await model.ask('denoise', [{ ...ask, level: model.schedule(shape).level(600) }]))[0]!
      }),
    )
    expect(nmseDb(other!, single!)).toBeLessThan(precision === 64 ? exactDb : halfDb)
    for (const model of models) await model.close()
  })
})

describe('the base', () => {
  it('is guided by two evaluations, and moves its times by the size and the steps', async () => {
    const model = await open(base.path, { steps: 2 })
    expect([model.guidance, model.guiding, model.defaultSteps]).toEqual([4, undefined, 50])
    const { evaluations } = await generate({ model, prompt: 'a red boat', noise: torchNoise(3, shape) })
    expect(evaluations.denoises).toBe(4)
    const { unread, values } = await model.condition(`a red boat, ${'very '.repeat(600)}large`)
    expect(unread).toMatch(/very large$/)
    expect(values.encoder_hidden_states!.shape).toEqual([512, 60])
    const middle = (of: typeof model, side: number) =>
      of.schedulerSolver.grid(of.schedule([16, side, side])).at(-2)!.sigma
    const more = await open(base.path, { steps: 4 })
    const times = [middle(model, 4), middle(model, 64), middle(more, 4)]
    expect(new Set(times.map((time) => time.toFixed(3))).size).toBe(3)
    for (const each of [model, more]) await each.close()
  })
})

describe('refuses', () => {
  it.each([
    ['without a transformer', () => base.without('transformer'), /a transformer/],
    ['without a text encoder', () => base.without('text_encoder'), /a text_encoder/],
    [
      'with a field of the next version',
      () => base.changed('transformer/config.json', { gated_attention: true }),
      /`gated_attention`: true/,
    ],
    [
      'that is told its guidance, as FLUX.2 dev',
      () => base.changed('transformer/config.json', { guidance_embeds: true }),
      /false for `guidance_embeds`.*true/,
    ],
    [
      'with axes that are not a head',
      () => base.changed('transformer/config.json', { axes_dims_rope: [2, 2, 4] }),
      /four even numbers.*`axes_dims_rope`/,
    ],
    [
      'with fewer weights than the configuration says',
      () => base.changed('transformer/config.json', { num_single_layers: 3 }),
      /single_transformer_blocks\.2/,
    ],
    [
      'with more weights',
      () => base.changed('transformer/config.json', { num_single_layers: 1 }),
      /more, such as single_transformer_blocks\.1/,
    ],
    [
      'with a text encoder of too few layers',
      () => base.changed('text_encoder/config.json', { num_hidden_layers: 20 }),
      /at least 27 for `num_hidden_layers`.*20/,
    ],
    [
      'with an autoencoder of other patches',
      () => base.changed('vae/config.json', { patch_size: [4, 4] }),
      /\[2, 2\] for `patch_size`.*\[4,4\]/,
    ],
    [
      'with a decoder of fewer stages',
      () => base.changed('vae/config.json', { decoder_block_out_channels: [8] }),
      /`decoder_block_out_channels`.*\[8\]/,
    ],
  ])('a folder %s', async (_, path, said) => {
    await expect(path().then((folder) => open(folder))).rejects.toMatchObject({
      code: expect.stringMatching(/^(bad-model|unsupported)$/),
      message: expect.stringMatching(said),
    })
  })

  it('sizes that its patches do not fill', async () => {
    const model = await open(base.path)
    expect(() => model.layout.latentShape([3, 18, 16])).toThrowError(
      expect.objectContaining({ code: 'bad-shape', message: expect.stringMatching(/multiples of 4/) }),
    )
    await model.close()
  })
})
