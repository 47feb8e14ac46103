/** From a diffusers folder to pictures, and back to the noise: tiny folders with random weights on ONNX Runtime. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Task } from '../src/core/task.js'
import { type EmbeddedDenoiser, nullText } from '../src/diffusion/guided-editing/index.js'
import { bdia, ddim, dpmSolver2M, type Grid, type NoiseLevel } from '../src/diffusion/index.js'
import { edit, exactBlending } from '../src/edit/index.js'
import type { Graph } from '../src/graph/graph.js'
import { encodeOnnx } from '../src/graph/onnx/write.js'
import { type Runtime, tensorOf } from '../src/graph/runtime.js'
import { nmseDb } from '../src/math/nmse.js'
import { torchNoise } from '../src/math/noise.js'
import { combine, dot, map, norm, sizeOf, subtract, type Tensor, tensor, zeros } from '../src/math/tensor.js'
import { autoencoderOf, type DiffusionModel, denoiserOf, withValue } from '../src/model/index.js'
import { statesName } from '../src/models/denoiser/unet.js'
import { type OpenDiffusionModel, openDiffusionModel } from '../src/models/diffusion-model.js'
import { pipelineShapes } from '../src/models/families/index.js'
import { openModelFolder } from '../src/models/folder.js'
import { pipelineOf, randomPipeline } from '../src/models/random/pipeline.js'
import type { PipelineShape } from '../src/models/random/published-configs.js'
import { openTokenizer } from '../src/models/text/tokenizer.js'
import { clipTextConfig, clipTextGraph } from '../src/nn/clip-text.js'
import { unet2dConditionConfig, unetGraph } from '../src/nn/unet-2d-condition.js'
import { bundledFile } from '../src/node/bundled.js'
import { nodeFiles } from '../src/node/files.js'
import { makePipeline, writePipeline } from '../src/node/make-checkpoint.js'
import { generate } from '../src/verbs/generate.js'
import { invert, invertAll, type NoiseInversion } from '../src/verbs/invert.js'
import { reconstruct } from '../src/verbs/reconstruct.js'
import { lastingRuntime } from './lasting-runtime.js'

/** Cached keys and values, and batches, are the same sums in other orders. */
const float32 = 1e-5
/** A central difference of float32 numbers: their rounding over the step, and the step's square. */
const differences = 5e-3
/** What a solved step may leave, −80 dB, and what closed forms leave of float64. */
const solvedDb = -80
const closedDb = -200
/** Few large steps through a random network amplify the rounding of float32. */
const coarseDb = -60

const tiny = pipelineShapes.tiny!
const text = (more: Readonly<Record<string, unknown>>) => ({ ...tiny.textEncoders[0]!.config, ...more })

/** Two text encoders, a pooled prompt and sizes told: the layout of Stable Diffusion XL. */
const tinyLarge: PipelineShape = {
  ...tiny,
  className: 'StableDiffusionXLPipeline',
  denoiser: {
    name: 'unet',
    config: {
      ...tiny.denoiser.config,
      addition_embed_type: 'text_time',
      addition_time_embed_dim: 8,
      cross_attention_dim: 24 + 32,
      projection_class_embeddings_input_dim: 20 + 6 * 8,
    },
  },
  textEncoders: [
    { config: text({}), padding: '<|endoftext|>' },
    {
      config: text({ architectures: ['CLIPTextModelWithProjection'], hidden_size: 32, projection_dim: 20 }),
      padding: '!',
    },
  ],
  more: { force_zeros_for_empty_prompt: true },
}

const runtime = lastingRuntime({ threads: 1 })
let root = ''
let folder = ''
let model: OpenDiffusionModel
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'undiffuse-t2i-'))
  folder = join(root, 'tiny')
  await makePipeline(folder, 'tiny')
  model = await openDiffusionModel(nodeFiles, folder, runtime)
})
afterAll(async () => {
  await rm(root, { recursive: true })
})

const relativeError = (ours: Tensor, theirs: Tensor) => norm(subtract(ours, theirs)) / norm(theirs)
const x = torchNoise(5, [4, 8, 8])
const level = (t = 700): NoiseLevel => model.schedule(x.shape).level(t)

/** One run of a graph, with batch axes of one put in front and taken away. */
async function runAlone(graph: Graph, feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
  const session = await runtime.open(graph)
  const batched = Object.entries(feeds).map(([name, { shape, data }]) => [name, { shape: [1, ...shape], data }])
  const results = await session.run(Object.fromEntries(batched))
  await session.close()
  const alone = Object.entries(results).map(([name, { shape, data }]) => [name, { shape: shape.slice(1), data }])
  return Object.fromEntries(alone)
}

async function networkOf(path: string, name: string) {
  const part = await (await openModelFolder(nodeFiles, path)).part(name)
  if (part.kind !== 'network') throw new Error(`${name} is no network`)
  return { config: part.config, weights: await part.openWeights() }
}

/** The network's own answer, uncached and in a batch of one: what a pipeline of diffusers computes for a branch. */
async function predicted(path: string, states: Tensor, t: number, more: Readonly<Record<string, Tensor>> = {}) {
  const { config, weights } = await networkOf(path, 'unet')
  const size = { batch: 1, height: 8, width: 8, tokens: states.shape[0]! }
  const feeds = { sample: x, timestep: { shape: [], data: new Float64Array([t]) }, encoder_hidden_states: states }
  return (await runAlone(unetGraph(unet2dConditionConfig(config), weights, size), { ...feeds, ...more })).out!
}

async function encoded(path: string, suffix: string, prompt: string): Promise<Record<string, Tensor>> {
  const { encode, length } = await openTokenizer(nodeFiles, join(path, `tokenizer${suffix}`))
  const { config, weights } = await networkOf(path, `text_encoder${suffix}`)
  const graph = clipTextGraph(clipTextConfig(config), weights, { batch: 1, tokens: length })
  return await runAlone(graph, { input_ids: tensor([length], encode(prompt)) })
}

/** (x − sigma·ε)/alpha. */
const cleaned = (noise: Tensor, { alpha, sigma }: NoiseLevel) => combine([1 / alpha, x], [-sigma / alpha, noise])

/** The denoiser of a model under a prompt and guidance. */
const told = async (of: DiffusionModel, guidance: number, prompt = 'a red circle', negative?: string) =>
  denoiserOf(of, { condition: await of.condition(prompt), negative: await of.condition(negative), guidance })

const denoised = async (...asked: Parameters<typeof told>) => await (await told(...asked)).denoise(x, level())

describe('published shapes', () => {
  it.each([
    ['stable-diffusion-1-5', { unet: 859_520_964, text_encoder: 123_060_480 }],
    ['stable-diffusion-2-1', { unet: 865_910_724, text_encoder: 340_387_840 }],
    ['stable-diffusion-xl', { unet: 2_567_463_684, text_encoder: 123_060_480 }],
    ['stable-diffusion-3-medium', { transformer: 2_084_951_104, text_encoder: 123_650_304 }],
    ['stable-diffusion-3-5-medium', { transformer: 2_469_663_936, text_encoder_3: 4_762_310_656 }],
    ['flux.1-dev', { transformer: 11_901_408_320, text_encoder_2: 4_762_310_656 }],
    ['flux.1-schnell', { transformer: 11_891_178_560, text_encoder: 123_060_480 }],
  ])('%s has as many parameters as the published one', (id, wanted) => {
    const { parts } = randomPipeline(id)
    const count = (name: string) => [...parts[name]!.network.shapes.values()].reduce((sum, s) => sum + sizeOf(s), 0)
    expect(Object.fromEntries(Object.keys(wanted).map((name) => [name, count(name)]))).toEqual(wanted)
  })

  it('are not written over something, nor in part', async () => {
    await expect(makePipeline(folder, 'tiny')).rejects.toMatchObject({ code: 'bad-option' })
    await expect(makePipeline(join(root, 'none'), 'tiny-2')).rejects.toMatchObject({ code: 'bad-option' })
    const stopped = join(root, 'stopped')
    const reason = new Error('enough')
    await expect(makePipeline(stopped, 'tiny', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(await nodeFiles.list(stopped)).toEqual([])
  })
})

describe('a model', () => {
  it('tells the network what a pipeline tells it', async () => {
    const { last_hidden_state: states } = await encoded(folder, '', 'a red circle')
    const alone = cleaned(await predicted(folder, states!, 700), level())
    expect(relativeError(await denoised(model, 1), alone)).toBeLessThan(float32)
  })

  it('runs both branches of guidance in one run, as two runs would', async () => {
    const [prompt, negative] = [await denoised(model, 1), await denoised(model, 0, 'a red circle', 'blue')]
    const before = (await runtime.usage()).runs
    const guided = await denoised(model, 7.5, 'a red circle', 'blue')
    expect((await runtime.usage()).runs - before).toBe(1)
    expect(relativeError(guided, combine([7.5, prompt], [-6.5, negative]))).toBeLessThan(float32)
    expect(relativeError(prompt, negative)).toBeGreaterThan(1e-3)
  })

  it('tells where it looks: each place once, several questions in one run, at the places of words', async () => {
    const conditions = [await model.condition('a red circle'), await model.condition('blue')]
    const ask = (some: typeof conditions) =>
      model.ask(
        'looks',
        some.map((condition) => ({ x, level: level(), condition })),
      )
    // Keys and values are computed once.
    await ask(conditions)
    const before = (await runtime.usage()).runs
    const both = await ask(conditions)
    expect((await runtime.usage()).runs - before).toBe(1)
    for (const [i, looks] of both.entries()) {
      expect(looks.shape).toEqual([16, 8, 8])
      for (let place = 0; place < 64; place++) {
        let total = 0
        for (let token = 0; token < 16; token++) total += looks.data[token * 64 + place]!
        expect(Math.abs(total - 1)).toBeLessThan(float32)
      }
      expect(relativeError((await ask([conditions[i]!]))[0]!, looks)).toBeLessThan(float32)
    }
    expect(relativeError(both[0]!, both[1]!)).toBeGreaterThan(1e-3)
    const places = conditions[0]!.words!.flat()
    expect(places).toEqual(places.map((_, k) => k + 1))
  })

  it('pulls back through guidance', async () => {
    const { denoise, pullback } = await told(model, 3, 'a red circle', 'blue')
    const [v, cotangent] = [torchNoise(6, x.shape), torchNoise(7, x.shape)]
    const step = 1e-2
    const [ahead, behind] = [
      await denoise(combine([1, x], [step, v]), level()),
      await denoise(combine([1, x], [-step, v]), level()),
    ]
    const slope = combine([1 / (2 * step), ahead], [-1 / (2 * step), behind])
    const pulled = await pullback!(x, level(), cotangent)
    expect(Math.abs(dot(pulled, v) - dot(cotangent, slope)) / (norm(cotangent) * norm(slope))).toBeLessThan(differences)
    expect(Math.abs(dot(pulled, v))).toBeGreaterThan(
      (10 * differences * norm(cotangent) * norm(slope)) / Math.sqrt(256),
    )
  })

  it('carries forwards what it pulls back, through guidance', async () => {
    const { pushforward, pullback } = await told(model, 3, 'a red circle', 'blue')
    const [tangent, cotangent] = [torchNoise(6, x.shape), torchNoise(7, x.shape)]
    const forward = await pushforward!(x, level(), tangent)
    const back = await pullback!(x, level(), cotangent)
    const apart = dot(forward, cotangent) - dot(tangent, back)
    expect(Math.abs(apart) / (norm(forward) * norm(cotangent))).toBeLessThan(float32)
    expect(norm(forward)).toBeGreaterThan(norm(tangent) / 100)
  })

  it('is told any states, and pulled back to them', async () => {
    const condition = await model.condition('a red circle')
    const states = condition.values[statesName]!
    const estimate = async (embedding: Tensor) => {
      const bent = withValue(condition, statesName, embedding)
      return (await model.ask('denoise', [{ x, level: level(), condition: bent }]))[0]!
    }
    expect(relativeError(await estimate(map(states, (value) => value)), await denoised(model, 1))).toBeLessThan(float32)
    const [v, cotangent] = [torchNoise(6, states.shape), torchNoise(7, x.shape)]
    const step = 1e-2
    const ahead = await estimate(combine([1, states], [step, v]))
    const behind = await estimate(combine([1, states], [-step, v]))
    const slope = dot(cotangent, combine([1 / (2 * step), ahead], [-1 / (2 * step), behind]))
    const ask = { x, level: level(), condition, cotangent, wrt: statesName }
    const [pulled, again] = (await model.ask('pullback', [ask, ask])) as [Tensor, Tensor]
    expect(relativeError(again, pulled)).toBeLessThan(float32)
    expect(Math.abs(dot(pulled, v) - slope)).toBeLessThan(differences * norm(pulled) * norm(v))
    expect(Math.abs(slope)).toBeGreaterThan((2 * differences * norm(pulled) * norm(v)) / 10)
    const unknown = model.ask('pullback', [{ ...ask, wrt: 'time_ids' }])
    await expect(unknown).rejects.toMatchObject({ code: 'unsupported', message: expect.stringContaining('`time_ids`') })
  })

  it('null-text optimisation bends guidance towards its own image', async () => {
    const solver = ddim({ steps: 5 })
    const grid = solver.grid(model.schedule(x.shape))
    const condition = await model.condition('a red circle')
    const [prompt, empty] = [condition, await model.condition('')].map(({ values }) => values[statesName]!) as [
      Tensor,
      Tensor,
    ]
    const clean = { index: 5, x: combine([0.5, x]), memory: [] }
    const inverter = nullText({ guidance: 3 })
    const bent = (embedding: Tensor) => withValue(condition, statesName, embedding)
    const denoiser: EmbeddedDenoiser = {
      denoise: async (x, level, embedding) =>
        (await model.ask('denoise', [{ x, level, condition: bent(embedding) }]))[0]!,
      pullback: async (x, level, embedding, cotangent) =>
        (await model.ask('pullback', [{ x, level, condition: bent(embedding), cotangent, wrt: statesName }]))[0]!,
    }
    const { losses, solutions } = await new Task(inverter.invert(clean, solver, { grid, denoiser, prompt, empty }))
    const firstLosses = solutions.map(({ history }) => history[0]!)
    expect(losses.every((loss, i) => loss <= firstLosses[i]!)).toBe(true)
    expect(losses.some((loss, i) => loss < 0.9 * firstLosses[i]!)).toBe(true)
  })

  it('has two text encoders and sizes in the layout of Stable Diffusion XL', async () => {
    const path = join(root, 'large')
    await writePipeline(path, pipelineOf(tinyLarge))
    const large = await openDiffusionModel(nodeFiles, path, runtime)
    const [first, second] = [await encoded(path, '', 'a dog'), await encoded(path, '_2', 'a dog')]
    const [a, b] = [first.penultimate_hidden_state!, second.penultimate_hidden_state!]
    const rows = Array.from({ length: 16 }, (_, i) => [
      ...a.data.slice(24 * i, 24 * i + 24),
      ...b.data.slice(32 * i, 32 * i + 32),
    ])
    const sizes = { time_ids: tensor([6], [16, 16, 0, 0, 16, 16]) }
    const told = await predicted(path, tensor([16, 56], rows.flat()), 700, {
      ...sizes,
      text_embeds: second.text_embeds!,
    })
    expect(relativeError(await denoised(large, 1, 'a dog'), cleaned(told, level()))).toBeLessThan(float32)
    const nothing = await predicted(path, zeros([16, 56]), 700, { ...sizes, text_embeds: zeros([20]) })
    expect(relativeError(await denoised(large, 0, 'a dog'), cleaned(nothing, level()))).toBeLessThan(float32)
    const [looks] = await large.ask('looks', [{ x, level: level(), condition: await large.condition('a dog') }])
    expect(Math.abs(looks!.data.reduce((sum, value) => sum + value, 0) - 64)).toBeLessThan(64 * float32)
    expect(large.guidance).toBe(5)
    await large.close()
  })

  it('is the same from ONNX files', async () => {
    const path = join(root, 'onnx')
    await cp(folder, path, { recursive: true })
    const whole = async (graph: Graph) => {
      const initializers = [...graph.initializers].map(async ([name, { storage, ...type }]) => {
        const bytes =
          'bytes' in storage ? storage.bytes : await nodeFiles.read(storage.file, storage.offset, storage.length)
        return [name, { ...type, storage: { bytes } }] as const
      })
      return encodeOnnx({ ...graph, initializers: new Map(await Promise.all(initializers)) }, (file) => file)
    }
    const unet = await networkOf(folder, 'unet')
    const encoder = await networkOf(folder, 'text_encoder')
    const size = { batch: 1, height: 8, width: 8, tokens: 16 }
    await writeFile(
      join(path, 'unet/model.onnx'),
      await whole(unetGraph(unet2dConditionConfig(unet.config), unet.weights, size)),
    )
    await writeFile(
      join(path, 'text_encoder/model.onnx'),
      await whole(clipTextGraph(clipTextConfig(encoder.config), encoder.weights, { batch: 1, tokens: 16 })),
    )
    const exported = await openDiffusionModel(nodeFiles, path, runtime)
    expect(relativeError(await denoised(exported, 1), await denoised(model, 1))).toBeLessThan(float32)
    const method = exactBlending({ mask: 'attention' })
    const byAttention = edit({ latent: x }, { model: exported, from: 'a dog', to: 'a cat', method })
    await expect(Promise.resolve(byAttention)).rejects.toMatchObject({ code: 'unsupported' })
    await exported.close()
  })

  it('is close in 16 bits, whatever the time', async () => {
    const half = await openDiffusionModel(nodeFiles, folder, runtime, { precision: 16 })
    // 11 bits, through some hundred operators.
    expect(relativeError(await denoised(half, 1), await denoised(model, 1))).toBeLessThan(2e-2)
    const looks = async (of: OpenDiffusionModel) =>
      (await of.ask('looks', [{ x, level: level(), condition: await of.condition('a red circle') }]))[0]!
    expect(relativeError(await looks(half), await looks(model))).toBeLessThan(2e-2)
    await half.close()
  })

  it('keeps one network open when lean', async () => {
    const counts = { open: 0, most: 0 }
    const counting: Runtime = {
      ...runtime,
      async open(graph, options) {
        counts.open++
        counts.most = Math.max(counts.most, counts.open)
        const session = await runtime.open(graph, options)
        return {
          ...session,
          close() {
            counts.open--
            return session.close()
          },
        }
      },
    }
    const lean = await openDiffusionModel(nodeFiles, folder, counting, { lean: true })
    await generate({ model: lean, prompt: 'a', solver: ddim({ steps: 1 }) })
    expect(counts).toEqual({ open: 1, most: 1 })
    await lean.close()
    expect(counts.open).toBe(0)
  })
})

const prompt = 'a red circle'

describe('verbs', () => {
  it('generate from the noise that torch draws, the same each time', async () => {
    const solver = ddim({ steps: 4 })
    const [first, again] = [
      await generate({ model, prompt, seed: 3, solver }),
      await generate({ model, prompt, seed: 3, solver }),
    ]
    expect(first.noise).toEqual(torchNoise(3, [4, 8, 8]))
    expect(first.image).toEqual(again.image)
    expect(first.image).toEqual(await autoencoderOf(model).decode(first.latent))
    expect(first.evaluations).toMatchObject({ denoises: 8, autoencoder: { decodes: 1 } })
    const wide = await generate({ model, prompt, size: { height: 16, width: 24 }, solver: ddim({ steps: 1 }) })
    expect([wide.latent.shape, wide.image.shape]).toEqual([
      [4, 8, 12],
      [3, 16, 24],
    ])
  })

  it.each([
    ['DDIM', ddim({ steps: 6 }), 1],
    ['guided DDIM', ddim({ steps: 6 }), 3],
    ['DPM-Solver++(2M)', dpmSolver2M({ steps: 6 }), 1],
  ])('invert %s from the latent alone', async (_, solver, guidance) => {
    const made = await generate({ model, prompt, seed: 4, solver, guidance })
    const found = await invert({ latent: made.latent }, { model, prompt, solver, guidance })
    expect([found.exact, found.outcome, found.steps.length]).toEqual(['given-latent', 'converged', 6])
    expect(nmseDb(found.noise, made.noise)).toBeLessThan(solvedDb)
    const back = await reconstruct(found.noise, { model, prompt, solver, guidance, reference: made })
    expect(back.match.latentNmseDb).toBeLessThan(solvedDb)
    // A pixel of 768 may lie at the edge of its byte.
    expect(back.match.equalValues).toBeGreaterThan(0.995)
  })

  it('invert in closed form given the memory, one evaluation a step and one for the check', async () => {
    const solver = bdia({ steps: 6 })
    const made = await generate({ model, prompt, seed: 4, solver, guidance: 3 })
    const found = await invert({ state: made.states.at(-1)! }, { model, prompt, solver, guidance: 3 })
    expect(found.exact).toBe('given-memory')
    expect(nmseDb(found.noise, made.noise)).toBeLessThan(closedDb)
    expect(found.evaluations.denoises).toBe(2 * 6)
  })

  it('say what a picture alone allows', async () => {
    const solver = ddim({ steps: 4 })
    const made = await generate({ model, prompt, seed: 4, solver, guidance: 1 })
    const image = map(made.image, (pixel) => Math.max(-1, Math.min(1, pixel)))
    const found = await invert({ image }, { model, solver })
    expect(found.exact).toBe(found.decoder!.exact)
    expect(found.guidance).toBe(1)
    expect(found.latent).toEqual(found.decoder!.latent)
    expect(found.evaluations.autoencoder).toEqual(found.decoder!.evaluations)
  })

  it('invert several in shared runs, each as alone', async () => {
    const [solver, guidance] = [ddim({ steps: 4 }), 2]
    const settings = { model, solver, guidance }
    const prompts = ['a red circle', 'blue']
    const made = await Promise.all(
      prompts.map((each, seed) => generate({ model, prompt: each, seed, solver, guidance })),
    )
    const sources = made.map(({ latent }, i) => ({ latent, prompt: prompts[i]! }))
    const before = (await runtime.usage()).runs
    const together = await invertAll(sources, { ...settings, chunk: 2 })
    const shared = (await runtime.usage()).runs - before
    const alone: NoiseInversion[] = []
    for (const { latent, prompt: each } of sources) alone.push(await invert({ latent }, { ...settings, prompt: each }))
    together.forEach((found, i) => {
      expect(nmseDb(found.noise, alone[i]!.noise)).toBeLessThan(20 * Math.log10(float32))
      expect(nmseDb(found.noise, made[i]!.noise)).toBeLessThan(coarseDb)
    })
    const most = Math.max(...together.map(({ evaluations }) => evaluations.denoises / 2))
    expect(shared).toBe(most)
  })

  it('stop when asked', async () => {
    const controller = new AbortController()
    const task = generate({ model, prompt, solver: ddim({ steps: 9 }), signal: controller.signal })
    const read = async () => {
      for await (const { done } of task) if (done === 2) controller.abort('enough')
    }
    await expect(read()).rejects.toBe('enough')
    expect((await generate({ model, prompt, solver: ddim({ steps: 1 }) })).image.shape).toEqual([3, 16, 16])
  })
})

describe('bad input', () => {
  const simple = { solver: ddim({ steps: 2 }) }
  it.each([
    ['guidance', () => generate({ model, prompt, guidance: Number.NaN }), 'bad-option', /finite number for `guidance`/],
    ['seed', () => generate({ model, prompt, seed: -1 }), 'bad-option', /integer from 0 .* `seed`, got -1/],
    ['seed and noise', () => generate({ model, prompt, seed: 1, noise: x }), 'bad-option', /one of `noise` and `seed`/],
    ['words', () => generate({ model, prompt: 'word '.repeat(30_000) }), 'bad-option', /at most 100000 characters/],
    ['noise', () => generate({ model, prompt, noise: zeros([16, 8, 8]) }), 'bad-shape', /4 channels .* got 16×8×8/],
    [
      'size',
      () => generate({ model, prompt, size: { height: 17, width: 16 } }),
      'bad-shape',
      /multiples of 2 .* got 16×17/,
    ],
    ['latent', () => invert({ latent: zeros([4, 8]) }, { model, ...simple }), 'bad-shape', /got 4×8/],
    [
      'numbers',
      () => invert({ latent: map(x, () => Number.NaN) }, { model, ...simple }),
      'not-finite',
      /`latent` of a source/,
    ],
    ['picture', () => invert({ image: zeros([1, 16, 16]) }, { model, ...simple }), 'bad-shape', /3 channels/],
    [
      'state',
      () => invert({ state: { index: 1, x, memory: [] } }, { model, ...simple }),
      'bad-option',
      /level 2, the cleanest/,
    ],
    [
      'end',
      () => invert({ latent: x }, { model, solver: ddim({ steps: 2, end: 'zero' }) }),
      'unsupported',
      /`automatic`/,
    ],
    ['chunk', () => invertAll([{ latent: x }], { model, chunk: 0 }), 'bad-option', /`chunk`, got 0/],
    [
      'reference',
      () => reconstruct(x, { model, ...simple, reference: { latent: zeros([4, 4, 4]) } }),
      'bad-shape',
      /4×8×8 for the reference/,
    ],
  ])('is refused: %s', async (_, attempt, code, message) => {
    await expect(attempt()).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  })

  it.each([0, 10_001, 1.5])('is refused: %s steps', (steps) => {
    expect(() => ddim({ steps })).toThrowError(expect.objectContaining({ code: 'bad-option' }))
  })

  it('is a condition of another model', async () => {
    const request = { x, level: level(), condition: { values: { [statesName]: zeros([16, 7]) } } }
    await expect(model.ask('denoise', [request])).rejects.toMatchObject({ code: 'bad-option' })
  })

  it('is a network that predicts noise under a configuration that says velocities', async () => {
    // Near pure noise a network that predicts noise repeats what it sees: this runtime does just that.
    const answering = (answer: (sample: Tensor) => Tensor): Runtime => ({
      ...runtime,
      open: async (graph) => ({
        run: async (feeds) =>
          Object.fromEntries(
            graph.outputs.map(({ name, shape }) => [
              name,
              name === 'out' ? answer(tensorOf(feeds.sample!)) : zeros(shape),
            ]),
          ),
        close: async () => {},
      }),
    })
    const echo = answering((sample) => sample)
    const path = await changed('scheduler/scheduler_config.json', { prediction_type: 'v_prediction' })
    const wrong = await openDiffusionModel(nodeFiles, path, echo)
    const message = expect.stringMatching(/velocities for `prediction_type`.*predicts noise.*`epsilon`/)
    await expect(generate({ model: wrong, prompt })).rejects.toMatchObject({ code: 'bad-model', message })
    // Velocities may be like x to 0.92, far from pictures: every 25th number has the other sign.
    const alike = answering((sample) => map(sample, (value, i) => (i % 25 === 0 ? -value : value)))
    const velocities = await openDiffusionModel(nodeFiles, path, alike)
    expect((await generate({ model: velocities, prompt, ...simple })).latent.shape).toEqual([4, 8, 8])
    const right = await openDiffusionModel(nodeFiles, folder, echo)
    expect((await generate({ model: right, prompt, ...simple })).latent.shape).toEqual([4, 8, 8])
  })
})

describe('the solver that a folder asks for', () => {
  const lambdas = (grid: Grid) => grid.map(({ lambda }) => lambda)

  it('is taken where nothing else is said; the one of the scheduler stays at hand', async () => {
    const path = await changed('scheduler/scheduler_config.json', { _solver: 'ddim:spacing=lambda' })
    const asking = await openDiffusionModel(nodeFiles, path, runtime, { steps: 7 })
    const plain = await openDiffusionModel(nodeFiles, folder, runtime, { steps: 7 })
    expect(asking.solverText).toBe('ddim:spacing=lambda')
    expect(asking.solver.grid(asking.schedule(x.shape))).toEqual(
      ddim({ steps: 7, spacing: 'lambda' }).grid(asking.schedule(x.shape)),
    )
    expect(asking.schedulerSolver.grid(asking.schedule(x.shape))).toEqual(plain.solver.grid(plain.schedule(x.shape)))
    expect(plain.solverText).toBeUndefined()
    expect(plain.solver).toBe(plain.schedulerSolver)
  })

  it('of the bundled model has a grid whose steps are even in lambda', async () => {
    const bundled = await openDiffusionModel(nodeFiles, bundledFile('models', 'undiffuse-scenes'), runtime)
    const of = lambdas(bundled.solver.grid(bundled.schedule(x.shape)))
    const steps = of.slice(1).map((lambda, i) => lambda - of[i]!)
    // The ends are exact, times within are found by bisection.
    for (const step of steps) expect(step).toBeCloseTo(steps[0]!, 6)
    expect(steps).toHaveLength(50)
    // The scheduler's own, even in time, leaps near the clean end.
    const own = lambdas(bundled.schedulerSolver.grid(bundled.schedule(x.shape)))
    expect(own.at(-2)! - own.at(-3)!).toBeGreaterThan(5 * steps[0]!)
  })
})

/** A copy of the tiny folder with fields of one JSON file replaced; `undefined` removes them. */
async function changed(file: string, fields: Readonly<Record<string, unknown>>): Promise<string> {
  const path = await mkdtemp(join(root, 'changed-'))
  await cp(folder, path, { recursive: true })
  const before = JSON.parse(await readFile(join(path, file), 'utf8')) as Record<string, unknown>
  await writeFile(join(path, file), JSON.stringify({ ...before, ...fields }))
  return path
}

describe('a folder that is not what its configurations say', () => {
  it.each([
    [
      'model_index.json',
      { _class_name: 'KandinskyPipeline' },
      'unsupported',
      /class such as StableDiffusionPipeline.*KandinskyPipeline/,
    ],
    ['model_index.json', { _class_name: 'PixArtAlphaPipeline' }, 'unsupported', /got PixArtAlphaPipeline/],
    ['model_index.json', { _class_name: 'StableDiffusionXLPipeline' }, 'bad-model', /a text_encoder_2/],
    [
      'scheduler/scheduler_config.json',
      { _class_name: 'KarrasVeScheduler' },
      'bad-model',
      /DDIMScheduler.*got KarrasVeScheduler/,
    ],
    [
      'scheduler/scheduler_config.json',
      { prediction_type: 'eps' },
      'bad-model',
      /epsilon, sample or v_prediction.*got eps/,
    ],
    ['scheduler/scheduler_config.json', { beta_schedule: 'sigmoid' }, 'bad-model', /scaled_linear.*got sigmoid/],
    ['scheduler/scheduler_config.json', { clip_more: true }, 'unsupported', /`clip_more`: true/],
    ['model_index.json', { controlnet: ['diffusers', 'ControlNetModel'] }, 'unsupported', /`controlnet`: /],
    ['unet/config.json', { ffn_gate: 2 }, 'unsupported', /`ffn_gate`: 2/],
    ['vae/config.json', { latents_mean: [0, 0, 0, 0] }, 'bad-model', /`latents_mean` and `latents_std`/],
    ['text_encoder/config.json', { rope_theta: 1e4 }, 'unsupported', /`rope_theta`: 10000/],
    ['scheduler/scheduler_config.json', { trained_betas: [0.1] }, 'unsupported', /`trained_betas`/],
    ['scheduler/scheduler_config.json', { _solver: 'dim' }, 'bad-model', /`_solver`.*got dim.*`ddim`/],
    ['scheduler/scheduler_config.json', { _solver: 'ddim:steps=9' }, 'bad-model', /`_solver`.*once/],
    ['unet/config.json', { in_channels: 9 }, 'unsupported', /as many channels out as in.*inpainting/],
    ['unet/config.json', { cross_attention_dim: 32 }, 'bad-model', /a tensor of shape .*×32/],
    ['unet/config.json', { layers_per_block: 2 }, 'bad-model', /down_blocks/],
    ['unet/config.json', { transformer_layers_per_block: 2 }, 'bad-model', /transformer_blocks\.1/],
    ['unet/config.json', { _class_name: 'UNet2DModel' }, 'bad-model', /UNet2DConditionModel.*got UNet2DModel/],
    [
      'text_encoder/config.json',
      { num_hidden_layers: 1 },
      'bad-model',
      /16 more, such as text_model\.encoder\.layers\.1/,
    ],
    ['text_encoder/config.json', { architectures: ['T5EncoderModel'] }, 'bad-model', /CLIPTextModel.*T5EncoderModel/],
    ['tokenizer/tokenizer_config.json', { model_max_length: 77 }, 'bad-model', /at most 1024 tokens and 16 places/],
    ['vae/config.json', { latent_channels: 8 }, 'bad-model', /./],
  ])('is refused: %s with %j', async (file, fields, code, message) => {
    const attempt = openDiffusionModel(nodeFiles, await changed(file, fields), runtime)
    await expect(attempt).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  })

  it.each([
    ['tokenizer/vocab.json', 'bad-model', /vocab\.json/],
    ['tokenizer/merges.txt', 'bad-model', /merges\.txt/],
    ['scheduler', 'bad-model', /scheduler_config\.json/],
    ['text_encoder', 'unsupported', /a text_encoder.*vae, unet/],
    ['unet', 'bad-model', /a unet/],
  ])('is refused without %s', async (missing, code, message) => {
    const path = await changed('model_index.json', {})
    await rm(join(path, missing), { recursive: true })
    const attempt = openDiffusionModel(nodeFiles, path, runtime)
    await expect(attempt).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  })
})
