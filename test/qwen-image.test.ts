/** Qwen-Image as folders have it: a miniature of random weights, how it is guided, and what is refused. */
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nmseDb } from '../src/math/nmse.js'
import { torchNoise } from '../src/math/noise.js'
import { combine, dot, type Tensor } from '../src/math/tensor.js'
import { denoiserOf } from '../src/model/index.js'
import { generate } from '../src/verbs/generate.js'
import { invert } from '../src/verbs/invert.js'
import { lastingRuntime, openedOnce } from './lasting-runtime.js'
import { type Fields, type MiniatureFolder, miniatureFolder } from './miniature-folder.js'

const runtime = lastingRuntime({ threads: 1 })
let folder: MiniatureFolder
beforeAll(async () => {
  folder = await miniatureFolder('tiny-qwen-image')
})
afterAll(async () => {
  await folder.remove()
})

const open = openedOnce(runtime)

const shape = [16, 4, 6]
/** What "exact" is in 32 bits. */
const exactDb = -90
/** A central difference of float32 numbers: their rounding over the step, and the step's square. */
const differences = 5e-3
/** 16 bits, a few hundred operators deep. */
const halfDb = -30

describe('the miniature', () => {
  it('makes pictures with the guidance of its pipeline, and finds their noise', async () => {
    const model = await open(folder.path, { steps: 10 })
    expect([model.guidance, model.guiding?.kind, model.defaultSteps]).toEqual([4, 'mixed', 50])
    expect(model.layout.picture).toEqual([3, 1024, 1024])
    const noise = torchNoise(3, shape)
    const made = { model, prompt: 'a red boat', solver: model.schedulerSolver }
    const { latent, image, grid, evaluations } = await generate({ ...made, noise })
    expect([image.shape, evaluations.denoises]).toEqual([[3, 32, 48], 20])
    // Stretched so that the last share of noise is 0.02.
    expect(grid.at(-2)!.sigma).toBeCloseTo(0.02, 6)
    const found = await invert({ latent }, made)
    expect(found.outcome).toBe('converged')
    expect(nmseDb(found.noise, noise)).toBeLessThan(exactDb)
    await model.close()
  })

  it("guides by turning each token's velocity, and has the derivatives of that", async () => {
    const model = await open(folder.path)
    const [condition, negative] = [await model.condition('a red boat'), await model.condition()]
    const [x, tangent, cotangent] = [torchNoise(3, shape), torchNoise(4, shape), torchNoise(5, shape)]
    const level = model.schedule(shape).level(600)
    const at = (guidance: number) => denoiserOf(model, { condition, negative, guidance })
    const velocity = async (guidance: number) => combine([1, x], [-1, await at(guidance).denoise(x, level)])
    const [guided, alone] = [await velocity(4), await velocity(1)]
    expect(lengths(guided).map((length, i) => length / lengths(alone)[i]!)).toEqual(
      Array.from({ length: 6 }, () => expect.closeTo(1, 6)),
    )
    expect(nmseDb(guided, alone)).toBeGreaterThan(-60)
    const { denoise, pullback, pushforward } = at(4)
    const step = 1e-2
    const [above, below] = [
      await denoise(combine([1, x], [step, tangent]), level),
      await denoise(combine([1, x], [-step, tangent]), level),
    ]
    const slope = combine([0.5 / step, above], [-0.5 / step, below])
    const pushed = await pushforward!(x, level, tangent)
    expect(nmseDb(pushed, slope)).toBeLessThan(20 * Math.log10(differences))
    expect(Math.abs(dot(await pullback!(x, level, cotangent), tangent) / dot(cotangent, pushed) - 1)).toBeLessThan(1e-3)
    await model.close()
  })

  it('is told a prompt the same alone and in a batch with a longer one', async () => {
    const model = await open(folder.path)
    const [short, long] = [await model.condition('a boat'), await model.condition(`a boat ${'on a lake '.repeat(9)}`)]
    expect(short.values.encoder_hidden_states!.shape[0]).toBeLessThan(long.values.encoder_hidden_states!.shape[0]!)
    const ask = (condition: typeof short) => ({
      x: torchNoise(3, shape),
      level: model.schedule(shape).level(500),
      condition,
    })
    const [alone] = await model.ask('denoise', [ask(short)])
    const [beside] = await model.ask('denoise', [ask(short), ask(long)])
    expect(nmseDb(beside!, alone!)).toBeLessThan(exactDb)
    await model.close()
  })

  it.each([16, 64] as const)('computes in %i bits', async (precision) => {
    const models = [await open(folder.path), await open(folder.path, { precision })] as const
    const [single, other] = await Promise.all(
      models.map(async (model) => {
        const condition = await model.condition('a red boat')
        const ask = { x: torchNoise(3, shape), level: model.schedule(shape).level(600), condition }
        return (await model.ask('denoise', [ask]))[0]!
      }),
    )
    expect(nmseDb(other!, single!)).toBeLessThan(precision === 64 ? exactDb : halfDb)
    for (const model of models) await model.close()
  })

  it('says which end of a prompt is not read', async () => {
    const model = await open(folder.path)
    const { unread, values } = await model.condition(`a red boat, ${'very '.repeat(1500)}large`)
    expect(unread).toMatch(/large$/)
    expect(values.encoder_hidden_states!.shape).toEqual([512, 32])
    await model.close()
  })

  it('takes the configuration of its language model as older versions wrote it, and newer ones', async () => {
    const file = 'text_encoder/config.json'
    const {
      architectures,
      model_type: kind,
      ...text
    } = JSON.parse(await readFile(join(folder.path, file), 'utf8')) as Fields
    const path = await folder.changed()
    const rope = { mrope_section: [1, 1, 2], rope_type: 'default', rope_theta: 1_000_000 }
    const nested = { ...text, model_type: 'qwen2_5_vl_text', rope_parameters: rope }
    await writeFile(join(path, file), JSON.stringify({ architectures, model_type: kind, text_config: nested }))
    const [older, newer] = [await open(folder.path), await open(path)]
    const told = async (model: typeof older) => (await model.condition('a red boat')).values.encoder_hidden_states
    expect(await told(newer)).toEqual(await told(older))
    for (const model of [older, newer]) await model.close()
  })
})

/** ‖x‖ of each token of 2 × 2 places, in any order. */
function lengths({ data, shape: [channels, height, width] }: Tensor): readonly number[] {
  const sums = new Map<string, number>()
  for (let i = 0; i < channels! * height! * width!; i++) {
    const place = i % (height! * width!)
    const token = `${Math.floor(place / width! / 2)} ${Math.floor((place % width!) / 2)}`
    sums.set(token, (sums.get(token) ?? 0) + data[i]! ** 2)
  }
  return [...sums.values()].map(Math.sqrt)
}

describe('refuses', () => {
  const transformer = (fields: Fields) => () => folder.changed('transformer/config.json', fields)
  const text = (fields: Fields) => () => folder.changed('text_encoder/config.json', fields)

  it.each([
    ['without a transformer', () => folder.without('transformer'), /a transformer/],
    ['without its text encoder', () => folder.without('text_encoder'), /a text_encoder/],
    ['without its autoencoder', () => folder.without('vae'), /a vae/],
    ['without its tokenizer', () => folder.without('tokenizer'), /tokenizer/],
    ['with a field of the next version', transformer({ gated_attention: true }), /`gated_attention`: true/],
    ['with a field of the next version in its text encoder', text({ rotary: 2 }), /`rotary`: 2/],
    ['that edits pictures', transformer({ zero_cond_t: true }), /false for `zero_cond_t`.*true/],
    ['that parts pictures into layers', transformer({ use_layer3d_rope: true }), /false for `use_layer3d_rope`/],
    ['with fewer weights than the configuration says', transformer({ num_layers: 3 }), /transformer_blocks\.2/],
    ['with more weights', transformer({ num_layers: 1 }), /transformer_blocks\.1/],
    ['with weights of another width', transformer({ joint_attention_dim: 64 }), /`txt_(norm|in)\.weight`/],
    ['with channels that do not pack', transformer({ out_channels: 8 }), /out_channels \(32\) for `in_channels`.*64/],
    ['with axes that do not fill a head', transformer({ axes_dims_rope: [4, 4] }), /`axes_dims_rope`.*\[4,4\]/],
    ['with a text encoder of more layers', text({ num_hidden_layers: 3 }), /`model\.layers\.2/],
    ['with a text encoder of stretched places', text({ rope_scaling: { type: 'yarn' } }), /`rope_scaling`.*yarn/],
    ['with windows in its text encoder', text({ use_sliding_window: true }), /`use_sliding_window`/],
  ])('a folder %s', async (_, path, said) => {
    await expect(path().then((each) => open(each))).rejects.toMatchObject({
      code: expect.stringMatching(/^(bad-model|unsupported)$/),
      message: expect.stringMatching(said),
    })
  })

  it('a folder whose tokenizer is another', async () => {
    const path = await folder.changed()
    await rename(join(path, 'tokenizer', 'tokenizer.json'), join(path, 'tokenizer', 'spiece.model'))
    await expect(open(path)).rejects.toMatchObject({
      message: expect.stringMatching(/tokenizer\.json, or vocab\.json/),
    })
  })

  it('sizes that its packing does not allow, and true guidance beside its own', async () => {
    const model = await open(folder.path)
    // Tokens of 2 × 2 entries of 8 × 8 pixels.
    expect(() => model.layout.latentShape([3, 40, 32])).toThrow(/multiples of 16/)
    const made = { model, prompt: 'a boat', noise: torchNoise(3, shape), trueGuidance: 2 }
    await expect(generate(made)).rejects.toMatchObject({ code: 'bad-option', message: expect.stringMatching(/alone/) })
    await model.close()
  })
})
