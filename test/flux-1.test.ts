/** FLUX.1 as folders have it: miniatures of random weights, what guidance is to dev and to schnell, and what is refused. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nmseDb } from '../src/math/nmse.js'
import { torchNoise } from '../src/math/noise.js'
import { combine, dot, tensor } from '../src/math/tensor.js'
import { denoiserOf, withValue } from '../src/model/index.js'
import { generate } from '../src/verbs/generate.js'
import { invert } from '../src/verbs/invert.js'
import { lastingRuntime, openedOnce } from './lasting-runtime.js'
import { type MiniatureFolder, miniatureFolder } from './miniature-folder.js'

const runtime = lastingRuntime({ threads: 1 })
let dev: MiniatureFolder
let schnell: MiniatureFolder
beforeAll(async () => {
  ;[dev, schnell] = [await miniatureFolder('tiny-flux.1-dev'), await miniatureFolder('tiny-flux.1-schnell')]
})
afterAll(async () => {
  for (const each of [dev, schnell]) await each.remove()
})

const open = openedOnce(runtime)

const shape = [16, 8, 12]
/** What "exact" is in 32 bits. */
const exactDb = -90
/** A central difference of float32 numbers: their rounding over the step, and the step's square. */
const differences = 5e-3
/** 16 bits, a few hundred operators deep. */
const halfDb = -30

describe('dev', () => {
  it('makes pictures in the steps and with the guidance of its pipeline, and finds their noise', async () => {
    const model = await open(dev.path)
    expect([model.guidance, model.guiding?.kind, model.defaultSteps]).toEqual([3.5, 'embedded', 28])
    expect(model.layout.picture).toEqual([3, 256, 256])
    const noise = torchNoise(3, shape)
    const made = { model, prompt: 'a red boat', solver: model.schedulerSolver }
    const { latent, image, grid, guidance, evaluations } = await generate({ ...made, noise })
    expect([image.shape, grid.length, guidance, evaluations.denoises]).toEqual([[3, 16, 24], 29, 3.5, 28])
    const found = await invert({ latent }, made)
    expect([found.outcome, found.noiseExact]).toEqual(['converged', 'given-latent'])
    expect(nmseDb(found.noise, noise)).toBeLessThan(exactDb)
    await model.close()
  })

  it('is told its guidance at one evaluation, and mixes two under true guidance', async () => {
    const model = await open(dev.path, { steps: 2 })
    const made = { model, prompt: 'a red boat', negativePrompt: 'clouds', noise: torchNoise(3, shape) }
    const [usual, same, strong] = [
      await generate(made),
      await generate({ ...made, guidance: 3.5, negativePrompt: 'anything' }),
      await generate({ ...made, guidance: 7 }),
    ]
    expect(same.latent).toEqual(usual.latent)
    expect(nmseDb(strong.latent, usual.latent)).toBeGreaterThan(-60)
    expect(strong.evaluations.denoises).toBe(2)
    const both = await generate({ ...made, trueGuidance: 4 })
    expect(both.evaluations.denoises).toBe(4)
    expect(nmseDb(both.latent, usual.latent)).toBeGreaterThan(-60)
    await model.close()
  })

  it('has a derivative by its guidance', async () => {
    const model = await open(dev.path)
    const [condition, x] = [await model.condition('a red boat'), torchNoise(4, shape)]
    const level = model.schedule(shape).level(600)
    const cotangent = torchNoise(5, shape)
    const told = (weight: number) => withValue(condition, 'guidance', tensor([1], [weight]))
    const asked = async (weight: number) => await denoiserOf(model, { condition, guidance: weight }).denoise(x, level)
    const ask = { x, level, condition: told(2), cotangent, wrt: 'guidance' }
    const [slope] = await model.ask('pullback', [ask])
    // Its sinusoids turn by 1000 for each unit.
    const step = 1e-4
    const difference = combine([0.5 / step, await asked(2 + step)], [-0.5 / step, await asked(2 - step)])
    expect(Math.abs(slope!.data[0]! / dot(cotangent, difference) - 1)).toBeLessThan(differences)
    await model.close()
  })

  it.each([16, 64] as const)('computes in %i bits', async (precision) => {
    const models = [await open(dev.path), await open(dev.path, { precision })] as const
    const [single, other] = await Promise.all(
      models.map(async (model) => {
        const { denoise } = denoiserOf(model, { condition: await model.condition('a red boat'), guidance: 3.3 })
        return await denoise(torchNoise(3, shape), model.schedule(shape).level(600))
      }),
    )
    expect(nmseDb(other!, single!)).toBeLessThan(precision === 64 ? exactDb : halfDb)
    for (const model of models) await model.close()
  })

  it('moves its times by the size of the latent', async () => {
    const model = await open(dev.path, { steps: 4 })
    const times = (shape: number[]) => model.schedulerSolver.grid(model.schedule(shape)).map(({ t }) => t)
    // mu = 0.5 at 256 tokens and 1.15 at 4096; σ = e^mu/(e^mu + 1/σ − 1), here for the third of 1, 3/4, 1/2, 1/4.
    for (const [side, mu] of [
      [32, 0.5],
      [128, 1.15],
    ] as const) {
      expect(times([16, side, side])[2]).toBeCloseTo(1000 / (1 + 1 / Math.exp(mu)), 2)
    }
    await model.close()
  })

  it('reads as many tokens as T5 does, whatever CLIP leaves out, and as many as the folder says', async () => {
    const model = await open(dev.path)
    const words = `a red boat ${'on a lake '.repeat(12)}`
    expect((await model.condition(words)).unread).toBeUndefined()
    const { unread, values } = await model.condition(`${words}${'very '.repeat(600)}large`)
    expect(unread).toMatch(/very large$/)
    expect(values.encoder_hidden_states!.shape).toEqual([512, 48])
    await model.close()
    const short = await open(await dev.changed('model_index.json', { _max_sequence_length: 64 }))
    expect((await short.condition('a red boat')).values.encoder_hidden_states!.shape).toEqual([64, 48])
    await short.close()
  })
})

describe('schnell', () => {
  it('makes pictures in four steps without guidance, and refuses another', async () => {
    const model = await open(schnell.path)
    expect([model.guidance, model.guiding?.kind, model.defaultSteps]).toEqual([1, 'none', 4])
    const made = { model, prompt: 'a red boat', solver: model.schedulerSolver }
    const { latent, grid } = await generate({ ...made, noise: torchNoise(3, shape) })
    expect(grid.map(({ sigma }) => sigma)).toEqual([1, 0.75, 0.5, 0.25, 0])
    expect((await invert({ latent }, made)).outcome).toBe('converged')
    await expect(generate({ ...made, guidance: 4 })).rejects.toMatchObject({
      code: 'bad-option',
      message:
        'Expected a guidance of 1 for `tiny`, got 4. It was distilled to be used without guidance: leave it out.',
    })
    expect((await model.condition('a red boat')).values.encoder_hidden_states!.shape).toEqual([256, 48])
    await model.close()
  })
})

describe('refuses', () => {
  it.each([
    ['without a transformer', () => dev.without('transformer'), /a transformer/],
    ['without CLIP', () => dev.without('text_encoder'), /a text_encoder for/],
    ['without T5', () => dev.without('text_encoder_2'), /a text_encoder_2/],
    ["without T5's tokenizer", () => dev.without('tokenizer_2'), /tokenizer_2/],
    ['without an autoencoder', () => dev.without('vae'), /vae/],
    [
      'with a scheduler of noise predictions',
      () => dev.changed('scheduler/scheduler_config.json', { _class_name: 'DDIMScheduler' }),
      /a scheduler of flows.*`epsilon`/,
    ],
    [
      'with a field of the next version',
      () => dev.changed('transformer/config.json', { gated_attention: true }),
      /`gated_attention`: true/,
    ],
    [
      'with patches of its own',
      () => dev.changed('transformer/config.json', { patch_size: 2 }),
      /1 for `patch_size`.*got 2/,
    ],
    [
      'with axes that do not fill a head',
      () => dev.changed('transformer/config.json', { axes_dims_rope: [4, 2, 4] }),
      /attention_head_dim \(8\) for `axes_dims_rope`.*\[4,2,4\]/,
    ],
    [
      'that is told a picture too',
      () => dev.changed('transformer/config.json', { out_channels: 32 }),
      /channels out as in \(64\).*32|proj_out/,
    ],
    [
      'with fewer weights than the configuration says',
      () => dev.changed('transformer/config.json', { num_single_layers: 3 }),
      /single_transformer_blocks\.2/,
    ],
    ['with more weights', () => dev.changed('transformer/config.json', { num_layers: 1 }), /transformer_blocks\.1/],
    [
      'with weights for guidance that it is not told',
      () => dev.changed('transformer/config.json', { guidance_embeds: false }),
      /guidance_embedder/,
    ],
    [
      'that is told guidance without weights for it',
      () => schnell.changed('transformer/config.json', { guidance_embeds: true }),
      /guidance_embedder/,
    ],
    [
      'with weights of another width',
      () => dev.changed('transformer/config.json', { joint_attention_dim: 64 }),
      /`context_embedder\.weight`/,
    ],
    [
      'with an autoencoder of other channels',
      () => dev.changed('vae/config.json', { latent_channels: 4 }),
      /conv|in_channels/,
    ],
  ])('a folder %s', async (_, path, said) => {
    await expect(path().then((folder) => open(folder))).rejects.toMatchObject({
      code: expect.stringMatching(/^(bad-model|unsupported|bad-option)$/),
      message: expect.stringMatching(said),
    })
  })

  it('sizes that its packing does not allow', async () => {
    const model = await open(schnell.path)
    // Tokens of 2 × 2 entries of 2 × 2 pixels.
    expect(() => model.layout.latentShape([3, 18, 16])).toThrowError(
      expect.objectContaining({ code: 'bad-shape', message: expect.stringMatching(/multiples of 4/) }),
    )
    expect(() => model.layout.check([16, 7, 8])).toThrow(/multiples of 2/)
    await model.close()
  })
})
