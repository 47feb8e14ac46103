/** Stable Diffusion 3 as folders have it: a miniature of random weights, what of the folder may be absent, and what is refused. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bdia, oBelm, rex } from '../src/diffusion/index.js'
import { nmseDb } from '../src/math/nmse.js'
import { torchNoise } from '../src/math/noise.js'
import { combine, dot, norm, type Tensor } from '../src/math/tensor.js'
import { withValue } from '../src/model/index.js'
import { generate } from '../src/verbs/generate.js'
import { invert } from '../src/verbs/invert.js'
import { lastingRuntime, openedOnce } from './lasting-runtime.js'
import { type Fields, type MiniatureFolder, miniatureFolder } from './miniature-folder.js'

const runtime = lastingRuntime({ threads: 1 })
let folder: MiniatureFolder
let tiny = ''
beforeAll(async () => {
  folder = await miniatureFolder('tiny-stable-diffusion-3')
  tiny = folder.path
})
afterAll(async () => {
  await folder.remove()
})
const changed: MiniatureFolder['changed'] = (...how) => folder.changed(...how)
const without: MiniatureFolder['without'] = (...parts) => folder.without(...parts)

const open = openedOnce(runtime)

/** What "exact" is in 32 bits. */
const exactDb = -90
/** A central difference of float32 numbers: their rounding over the step, and the step's square. */
const differences = 5e-3
/** 16 bits, a few hundred operators deep. */
const halfDb = -30

describe('the miniature', () => {
  it('makes pictures in the steps and with the guidance of its pipeline, and finds their noise', async () => {
    const model = await open(tiny)
    expect([model.guidance, model.defaultSteps, model.layout.picture]).toEqual([7, 28, [3, 16, 16]])
    const noise = torchNoise(3, [16, 8, 12])
    const made = { model, prompt: 'a red boat', guidance: 1, solver: model.schedulerSolver }
    const { latent, image, grid } = await generate({ ...made, noise })
    expect([image.shape, grid.length]).toEqual([[3, 16, 24], 29])
    const found = await invert({ latent }, made)
    expect([found.outcome, found.noiseExact]).toEqual(['converged', 'given-latent'])
    expect(nmseDb(found.noise, noise)).toBeLessThan(exactDb)
    await model.close()
  })

  it.each([bdia, oBelm, rex].map((solver) => [solver.definition.id, solver] as const))(
    'is undone by %s from the memory of its last state',
    async (_, solver) => {
      const model = await open(tiny)
      const noise = torchNoise(3, [16, 8, 8])
      const made = { model, prompt: 'a red boat', guidance: 4.5, solver: solver({ steps: 8, end: 'cleanest' }) }
      const { states } = await generate({ ...made, noise })
      const found = await invert({ state: states.at(-1)! }, made)
      expect([found.outcome, found.exact]).toEqual(['converged', 'given-memory'])
      expect(nmseDb(found.noise, noise)).toBeLessThan(exactDb)
      await model.close()
    },
  )

  it.each([16, 64] as const)('computes in %i bits', async (precision) => {
    const models = [await open(tiny), await open(tiny, { precision })] as const
    const [single, other] = await Promise.all(
      models.map(async (model) => {
        const ask = { x: torchNoise(3, [16, 8, 8]), condition: await model.condition('a red boat') }
        const [found] = await model.ask('denoise', [{ ...ask, level: model.schedule([16, 8, 8]).level(600) }])
        return found!
      }),
    )
    expect(nmseDb(other!, single!)).toBeLessThan(precision === 64 ? exactDb : halfDb)
    for (const model of models) await model.close()
  })

  it('has derivatives by x, by the states and by the pooled prompt, and forwards', async () => {
    const model = await open(tiny)
    const [condition, x] = [await model.condition('a red boat'), torchNoise(3, [16, 8, 8])]
    const ask = { x, condition, level: model.schedule(x.shape).level(600) }
    const [cotangent, tangent] = [torchNoise(4, x.shape), torchNoise(5, x.shape)]
    const denoised = async (more: object) => (await model.ask('denoise', [{ ...ask, ...more }]))[0]!
    const pulled = async (wrt?: string) =>
      (await model.ask('pullback', [{ ...ask, cotangent, ...(wrt !== undefined && { wrt }) }]))[0]!
    const step = 1e-2
    const moved = (of: Tensor, along: Tensor, by: number) => combine([1, of], [by, along])
    const slope = async (at: (by: number) => object) => {
      const [above, below] = [await denoised(at(step)), await denoised(at(-step))]
      return combine([1 / (2 * step), above], [-1 / (2 * step), below])
    }
    const byX = await slope((by) => ({ x: moved(x, tangent, by) }))
    expect(dot(await pulled(), tangent)).toBeCloseTo(dot(cotangent, byX), 1)
    const [pushed] = await model.ask('pushforward', [{ ...ask, tangent }])
    expect(norm(combine([1, pushed!], [-1, byX])) / norm(byX)).toBeLessThan(differences)
    for (const name of Object.keys(condition.values)) {
      const value = condition.values[name]!
      const along = torchNoise(6, value.shape)
      const bySlope = await slope((by) => ({ condition: withValue(condition, name, moved(value, along, by)) }))
      expect(Math.abs(dot(await pulled(name), along) / dot(cotangent, bySlope) - 1)).toBeLessThan(differences)
    }
    await model.close()
  })

  it('says which end of a prompt is not read', async () => {
    const model = await open(tiny)
    const { unread, values } = await model.condition(`a red boat, ${'very '.repeat(300)}large`)
    expect(unread).toMatch(/very large$/)
    expect(values.encoder_hidden_states!.shape).toEqual([16 + 256, 48])
    expect((await model.condition('a red boat')).unread).toBeUndefined()
    await model.close()
  })

  it('moves its times by the size of the latent where its scheduler shifts dynamically', async () => {
    const fields = { use_dynamic_shifting: true, base_image_seq_len: 4, max_image_seq_len: 64 }
    const model = await open(await changed('scheduler/scheduler_config.json', fields), { steps: 4 })
    const times = (shape: number[]) => model.schedulerSolver.grid(model.schedule(shape)).map(({ t }) => t)
    // mu = 0.5 at 4 places and 1.15 at 64; σ = e^mu/(e^mu + 1/σ − 1), here for the third of four even shares σ.
    for (const [side, mu] of [
      [4, 0.5],
      [16, 1.15],
    ] as const) {
      expect(times([16, side, side])[2]).toBeCloseTo(1000 / (1 + (1 / evenShare(4, 2) - 1) / Math.exp(mu)), 2)
    }
    await model.close()
  })
})

/** One of so many shares that lie evenly from 1 to 1/1000. */
const evenShare = (count: number, i: number) => 1 + (i / (count - 1)) * (1 / 1000 - 1)

describe('a folder without T5', () => {
  it('is said to lack it where its index lists it, and not where the index leaves it out', async () => {
    const path = await changed()
    for (const part of ['text_encoder_3', 'tokenizer_3']) await rm(join(path, part), { recursive: true })
    const listed = await open(path)
    expect(listed.notes).toEqual([expect.stringMatching(/lists text_encoder_3.*missing/)])
    const left = await open(await without('text_encoder_3', 'tokenizer_3'))
    expect(left.notes).toBeUndefined()
    for (const model of [listed, left]) await model.close()
  })

  it.each([
    ['0.42.1', 256],
    ['0.36.0', 256],
    ['0.35.2', 16],
    ['0.29.0', 16],
  ])('that diffusers %s wrote has %i rows of zeros in its place', async (version, rows) => {
    const path = await without('text_encoder_3', 'tokenizer_3')
    const index = JSON.parse(await readFile(join(path, 'model_index.json'), 'utf8')) as Fields
    await writeFile(join(path, 'model_index.json'), JSON.stringify({ ...index, _diffusers_version: version }))
    const model = await open(path)
    const { encoder_hidden_states: states } = (await model.condition('a red boat')).values
    expect(states!.shape).toEqual([16 + rows, 48])
    expect(states!.data.slice(16 * 48).every((value) => value === 0)).toBe(true)
    // CLIP's widths are 20 and 24: zeros up to 48.
    expect([...states!.data.slice(0, 48)].map((value) => value !== 0)).toEqual(
      Array.from({ length: 48 }, (_, i) => i < 44),
    )
    await model.close()
  })
})

describe('refuses', () => {
  it.each([
    ['without a transformer', () => without('transformer'), /a transformer/],
    ['without its first text encoder', () => without('text_encoder'), /a text_encoder/],
    ['without its second text encoder', () => without('text_encoder_2'), /a text_encoder_2/],
    [
      'with a scheduler of noise predictions',
      () => changed('scheduler/scheduler_config.json', { _class_name: 'DDIMScheduler' }),
      /a scheduler of flows.*scheduler_config\.json.*`epsilon`/,
    ],
    ['with a T5 and no tokenizer for it', () => without('tokenizer_3'), /tokenizer_3/],
    [
      'with a field of the next version',
      () => changed('transformer/config.json', { gated_attention: true }),
      /`gated_attention`: true/,
    ],
    [
      'with a field of the next version in T5',
      () => changed('text_encoder_3/config.json', { rotary: 2 }),
      /`rotary`: 2/,
    ],
    [
      'with other norms of queries',
      () => changed('transformer/config.json', { qk_norm: 'layer_norm' }),
      /rms_norm or null for `qk_norm`.*layer_norm/,
    ],
    [
      'with the feed-forward of the first T5',
      () => changed('text_encoder_3/config.json', { feed_forward_proj: 'relu' }),
      /gated-gelu for `feed_forward_proj`.*relu/,
    ],
    [
      'with a caption width that is not that of the heads',
      () => changed('transformer/config.json', { caption_projection_dim: 40 }),
      /the width of all heads \(32\) for `caption_projection_dim`.*40/,
    ],
    [
      'with fewer weights than the configuration says',
      () => changed('transformer/config.json', { num_layers: 3 }),
      /transformer_blocks/,
    ],
    [
      'with more weights',
      () => changed('transformer/config.json', { num_layers: 1 }),
      /transformer_blocks|norm1_context/,
    ],
    [
      'with weights of another width',
      () => changed('transformer/config.json', { joint_attention_dim: 64 }),
      /`context_embedder\.weight`/,
    ],
    [
      'with a T5 of more layers than its weights',
      () => changed('text_encoder_3/config.json', { num_layers: 3 }),
      /`encoder\.block\.2/,
    ],
    [
      'with CLIPs that have no projection',
      () => changed('text_encoder/config.json', { architectures: ['CLIPTextModel'] }),
      /projection|more, such as text_projection/,
    ],
    [
      'with a T5 that has fewer words than its tokenizer',
      () => changed('text_encoder_3/config.json', { vocab_size: 512 }),
      /shared\.weight|tokenizer of at most 512/,
    ],
  ])('a folder %s', async (_, path, said) => {
    await expect(path().then((folder) => open(folder))).rejects.toMatchObject({
      code: expect.stringMatching(/^(bad-model|unsupported)$/),
      message: expect.stringMatching(said),
    })
  })

  it('a T5 tokenizer that was saved as spiece.model alone, and says what to do', async () => {
    const path = await changed()
    await rename(join(path, 'tokenizer_3', 'tokenizer.json'), join(path, 'tokenizer_3', 'spiece.model'))
    await expect(open(path)).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringMatching(/tokenizer\.json.*spiece\.model.*save_pretrained/),
    })
  })

  it.each([
    ['normalizer', { type: 'NFKC' }],
    ['pre_tokenizer', { type: 'Metaspace', replacement: '_' }],
    ['post_processor', { type: 'TemplateProcessing', single: [{ Sequence: { id: 'A' } }] }],
    ['model', { type: 'BPE' }],
  ])('a T5 tokenizer with another %s', async (field, value) => {
    const path = await changed('tokenizer_3/tokenizer.json', { [field]: value })
    await expect(open(path)).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining(`\`${field}\``),
    })
  })

  it.each([
    ['a table of replacements that is cut', { type: 'Precompiled', precompiled_charsmap: 'AAQAAACQAQBl' }],
    ['one that is not base64', { type: 'Precompiled', precompiled_charsmap: '!' }],
  ])('%s', async (_, normalizer) => {
    const path = await changed('tokenizer_3/tokenizer.json', { normalizer })
    await expect(open(path)).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringMatching(/replacements/),
    })
  })

  it('sizes that patches do not fill, and those beyond the table of positions', async () => {
    const model = await open(tiny)
    // Patches of 2 × 2 entries of 2 × 2 pixels; a table of 16 × 16 patches.
    for (const [height, width] of [
      [18, 16],
      [16, 68],
    ] as const) {
      expect(() => model.layout.latentShape([3, height, width])).toThrowError(
        expect.objectContaining({ code: 'bad-shape', message: expect.stringMatching(/multiples of 4 up to 64/) }),
      )
    }
    expect(() => model.layout.check([16, 7, 8])).toThrow(/multiples of 2 up to 32/)
    expect(model.layout.latentShape([3, 64, 64])).toEqual([16, 32, 32])
    await model.close()
  })
})
