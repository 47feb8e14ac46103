/** Z-Image as folders have it: miniatures of random weights, texts of unequal lengths, and what is refused. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nmseDb } from '../src/math/nmse.js'
import { torchNoise } from '../src/math/noise.js'
import { combine, dot } from '../src/math/tensor.js'
import { withValue } from '../src/model/index.js'
import { generate } from '../src/verbs/generate.js'
import { invert } from '../src/verbs/invert.js'
import { lastingRuntime, openedOnce } from './lasting-runtime.js'
import { type Fields, type MiniatureFolder, miniatureFolder } from './miniature-folder.js'

const runtime = lastingRuntime({ threads: 1 })
let turbo: MiniatureFolder
let base: MiniatureFolder
beforeAll(async () => {
  ;[turbo, base] = [await miniatureFolder('tiny-z-image-turbo'), await miniatureFolder('tiny-z-image')]
})
afterAll(async () => {
  for (const each of [turbo, base]) await each.remove()
})

const open = openedOnce(runtime)

const shape = [16, 6, 8]
/** What "exact" is in 32 bits. */
const exactDb = -90
/** The same row of two batches: sums are in another order. */
const orderDb = -100
/** A central difference of float32 numbers: their rounding over the step, and the step's square. */
const differences = 5e-3
/** 16 bits, a few hundred operators deep. */
const halfDb = -30

describe('the miniatures', () => {
  it('make pictures in the steps and with the guidance of their pipelines, and find their noise', async () => {
    for (const [folder, guidance, steps] of [
      [turbo, 1, 9],
      [base, 5, 50],
    ] as const) {
      const model = await open(folder.path)
      expect([model.guidance, model.defaultSteps, model.layout.picture]).toEqual([guidance, steps, [3, 64, 64]])
      await model.close()
    }
    const model = await open(turbo.path)
    const noise = torchNoise(3, shape)
    const made = { model, prompt: 'a red boat' }
    const { latent, image, grid } = await generate({ ...made, noise })
    expect([image.shape, grid.length]).toEqual([[3, 12, 16], 10])
    const found = await invert({ latent }, made)
    expect([found.outcome, found.noiseExact]).toEqual(['converged', 'given-latent'])
    expect(nmseDb(found.noise, noise)).toBeLessThan(exactDb)
    await model.close()
  })

  it('tell texts of unequal lengths in one run as each alone, and have derivatives of their own shapes', async () => {
    const model = await open(base.path)
    const [x, cotangent] = [torchNoise(3, shape), torchNoise(4, shape)]
    const level = model.schedule(shape).level(600)
    const texts = ['a red boat', 'a small red house by the river with nine windows and a garden behind it', '']
    const conditions = await Promise.all(texts.map((text) => model.condition(text)))
    const tokens = conditions.map(({ values }) => values.encoder_hidden_states!.shape[0]!)
    expect(Math.max(...tokens)).toBeGreaterThan(32)
    expect(new Set(tokens).size).toBe(3)
    const asks = conditions.map((condition) => ({ x, level, condition, cotangent }))
    const together = await model.ask('denoise', asks)
    for (const [i, ask] of asks.entries()) {
      const [alone] = await model.ask('denoise', [ask])
      expect(nmseDb(together[i]!, alone!)).toBeLessThan(orderDb)
    }
    const wrt = 'encoder_hidden_states'
    const gradients = await model.ask(
      'pullback',
      asks.map((ask) => ({ ...ask, wrt })),
    )
    expect(gradients.map(({ shape }) => shape)).toEqual(tokens.map((count) => [count, 20]))
    const [condition] = conditions
    const along = torchNoise(5, condition!.values[wrt]!.shape)
    const at = async (by: number) => {
      const moved = withValue(condition!, wrt, combine([1, condition!.values[wrt]!], [by, along]))
      return (await model.ask('denoise', [{ x, level, condition: moved }]))[0]!
    }
    const step = 1e-2
    const slope = combine([0.5 / step, await at(step)], [-0.5 / step, await at(-step)])
    expect(Math.abs(dot(gradients[0]!, along) / dot(cotangent, slope) - 1)).toBeLessThan(differences)
    await model.close()
  })

  it('cap their guidance and end it early where the folder says so, and are undone exactly', async () => {
    const path = await turbo.changed('model_index.json', { _cfg_normalization: 0.9, _cfg_truncation: 0.45 })
    const model = await open(path, { steps: 4 })
    const noise = torchNoise(3, shape)
    const made = { model, prompt: 'a red boat', negativePrompt: 'fog', guidance: 3 }
    const { latent, grid, evaluations } = await generate({ ...made, noise })
    // One evaluation where 1 − σ is above the end, two before.
    const guided = grid.slice(0, -1).filter(({ alpha }) => alpha <= 0.45).length
    expect(evaluations.denoises).toBe(4 + guided)
    const found = await invert({ latent }, made)
    expect(found.outcome).toBe('converged')
    // A step of few has several preimages: this need not be the noise that was used.
    const again = await generate({ ...made, noise: found.noise })
    expect(nmseDb(again.latent, latent)).toBeLessThan(exactDb)
    await model.close()
  })

  it.each([16, 64] as const)('compute in %i bits', async (precision) => {
    const models = [await open(turbo.path), await open(turbo.path, { precision })] as const
    const [single, other] = await Promise.all(
      models.map(async (model) => {
        const ask = { x: torchNoise(3, shape), condition: await model.condition('a red boat') }
        return (await model.ask('denoise', [{ ...ask, level: model.schedule(shape).level(600) }]))[0]!
      }),
    )
    expect(nmseDb(other!, single!)).toBeLessThan(precision === 64 ? exactDb : halfDb)
    for (const model of models) await model.close()
  })

  it('say which end of a prompt is not read', async () => {
    const model = await open(turbo.path)
    const { unread, values } = await model.condition(`a red boat, ${'very '.repeat(600)}large`)
    expect(unread).toMatch(/very large$/)
    expect(values.encoder_hidden_states!.shape).toEqual([512, 20])
    expect((await model.condition('a red boat')).unread).toBeUndefined()
    await model.close()
  })
})

describe('a text encoder', () => {
  const rope = { rope_theta: 1_000_000, rope_type: 'default' }

  it('may say its rotary positions as transformers 4 or 5, and name either class', async () => {
    const states = async (fields: Fields) => {
      const model = await open(await turbo.changed('text_encoder/config.json', fields))
      const { values } = await model.condition('a red boat')
      await model.close()
      return values.encoder_hidden_states!.data
    }
    const usual = await states({})
    expect(await states({ rope_theta: undefined, rope_scaling: undefined, rope_parameters: rope })).toEqual(usual)
    expect(await states({ architectures: ['Qwen3ForCausalLM'] })).toEqual(usual)
    expect(await states({ rope_theta: 500 })).not.toEqual(usual)
  })
})

describe('refuses', () => {
  const without = async (...path: readonly string[]) => {
    const folder = await turbo.changed()
    await rm(join(folder, ...path), { recursive: true })
    return folder
  }

  it.each([
    ['without a transformer', () => turbo.without('transformer'), /a transformer/],
    ['without a text encoder', () => turbo.without('text_encoder'), /a text_encoder/],
    ['without an autoencoder', () => turbo.without('vae'), /a vae/],
    ['without a class', () => turbo.without('model_index.json'), /a model_index\.json, which names the class/],
    ['without a tokenizer', () => turbo.without('tokenizer'), /tokenizer/],
    ['without a chat template', () => without('tokenizer', 'chat_template.jinja'), /chat_template\.jinja/],
    [
      'with a scheduler of noise predictions',
      () => turbo.changed('scheduler/scheduler_config.json', { _class_name: 'DDIMScheduler' }),
      /FlowMatchEulerDiscreteScheduler|a scheduler of flows|sigmas/,
    ],
    [
      'with a field of the next version',
      () => turbo.changed('transformer/config.json', { gated_attention: true }),
      /`gated_attention`: true/,
    ],
    [
      'with a field of the next version in the text encoder',
      () => turbo.changed('text_encoder/config.json', { experts: 8 }),
      /`experts`: 8/,
    ],
    [
      'that is shown pictures',
      () => turbo.changed('transformer/config.json', { siglip_feat_dim: 1152 }),
      /null for `siglip_feat_dim`.*1152/,
    ],
    [
      'with a cap of guidance of zero',
      () => turbo.changed('model_index.json', { _cfg_normalization: 0 }),
      /a positive number for `_cfg_normalization`/,
    ],
    [
      'with axes that are not a head',
      () => turbo.changed('transformer/config.json', { axes_dims: [4, 4, 6] }),
      /`axes_dims`.*\[4,4,6\]/,
    ],
    [
      'with fewer weights than the configuration says',
      () => turbo.changed('transformer/config.json', { n_layers: 3 }),
      /layers\.2/,
    ],
    ['with more weights', () => turbo.changed('transformer/config.json', { n_layers: 1 }), /more, such as layers\.1/],
    [
      'with a text encoder of another width',
      () => turbo.changed('transformer/config.json', { cap_feat_dim: 24 }),
      /cap_embedder|cap_feat_dim/,
    ],
    [
      'with rotary positions that were stretched',
      () => turbo.changed('text_encoder/config.json', { rope_scaling: { rope_type: 'yarn', factor: 4 } }),
      /type default for `rope_scaling`.*yarn/,
    ],
    [
      'with windows of attention',
      () => turbo.changed('text_encoder/config.json', { layer_types: ['sliding_attention'] }),
      /full_attention for `layer_types`.*sliding_attention/,
    ],
    [
      'with another tokenizer',
      () => turbo.changed('tokenizer/tokenizer_config.json', { tokenizer_class: 'LlamaTokenizer' }),
      /Qwen2Tokenizer for `tokenizer_class`.*LlamaTokenizer/,
    ],
    [
      'with a tokenizer that splits otherwise',
      () => turbo.changed('tokenizer/tokenizer.json', { pre_tokenizer: { type: 'ByteLevel' } }),
      /Qwen's for `pre_tokenizer`/,
    ],
  ])('a folder %s', async (_, path, said) => {
    await expect(path().then((folder) => open(folder))).rejects.toMatchObject({
      code: expect.stringMatching(/^(bad-model|unsupported|bad-option)$/),
      message: expect.stringMatching(said),
    })
  })

  it('sizes that patches do not fill, and those beyond the last place', async () => {
    const model = await open(turbo.path)
    // Patches of 2 × 2 entries of 2 × 2 pixels; 16 places an axis.
    for (const [height, width] of [
      [18, 16],
      [16, 68],
    ] as const) {
      expect(() => model.layout.latentShape([3, height, width])).toThrowError(
        expect.objectContaining({ code: 'bad-shape', message: expect.stringMatching(/multiples of 4 up to 64/) }),
      )
    }
    await model.close()
  })
})
