/**
 * Whole pipelines as diffusers and transformers save them, in test/golden/pipelines or in the folder that UNDIFFUSE_GOLDEN
 * names: each folder opens and gives the reference's numbers, or its class is refused by name. NOTE.md of each folder says
 * what its numbers are.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { configOf } from '../src/checkpoints/config.js'
import { parseJsonObject } from '../src/checkpoints/json.js'
import { readSafetensorsHeader } from '../src/checkpoints/safetensors.js'
import { readTensors } from '../src/checkpoints/tensors.js'
import { isUndiffuseError } from '../src/core/index.js'
import { endingWithNoise, type Solver } from '../src/diffusion/index.js'
import type { Graph } from '../src/graph/graph.js'
import { vjp } from '../src/graph/passes/vjp.js'
import { nmseDb } from '../src/math/nmse.js'
import { combine, map, type Tensor } from '../src/math/tensor.js'
import { questionsOf } from '../src/model/index.js'
import { type OpenDiffusionModel, openDiffusionModel } from '../src/models/diffusion-model.js'
import { openNetwork } from '../src/models/open.js'
import { schedulerOf } from '../src/models/scheduler.js'
import { openT5Tokenizer } from '../src/models/text/t5-tokenizer.js'
import { openTokenizer } from '../src/models/text/tokenizer.js'
import { nodeFiles } from '../src/node/files.js'
import { generate } from '../src/verbs/generate.js'
import { invert } from '../src/verbs/invert.js'
import {
  built,
  classOf,
  error,
  exactDb,
  golden,
  gradientTolerance,
  largest,
  others,
  packed,
  row,
  runOn,
  timesTorch,
  tolerance,
} from './golden-pipelines.js'
import { lastingRuntime } from './lasting-runtime.js'

/** Torch's frequencies of sinusoids are off in their last bit for two of 128: so much of an angle of thousands. */
const lastBit = 2 ** -24

const runtime = lastingRuntime({ threads: 1 })
const run = (graph: Graph, feeds: Readonly<Record<string, Tensor>>) => runOn(runtime, graph, feeds)

interface Reference {
  readonly tensors: ReadonlyMap<string, Tensor>
  readonly texts: Readonly<Record<'prompts' | 'more', readonly string[]>>
  readonly note: string
  /** Whether the numbers of its networks are those of another folder, whose test holds their gradients too. */
  readonly isVariant?: true
}

async function ownReference(name: string): Promise<Reference> {
  const file = join(golden, name, 'reference.safetensors')
  const { metadata } = await readSafetensorsHeader(nodeFiles, file)
  const list = (text = '[]') => JSON.parse(text) as string[]
  return {
    tensors: await readTensors(nodeFiles, file),
    texts: { prompts: list(metadata.prompts), more: list(metadata.more) },
    note: readFileSync(join(golden, name, 'NOTE.md'), 'utf8'),
  }
}

const hasOwn = (name: string) => existsSync(join(golden, name, 'reference.safetensors'))

/**
 * The numbers of a folder. A variant has those of the folder that its name begins with; where it has some of its own, those of
 * the networks.
 */
async function referenceOf(name: string): Promise<Reference> {
  const family = name.split('-')[0]!
  if (!hasOwn(name)) return { ...(await ownReference(family)), isVariant: true }
  const own = await ownReference(name)
  if (!hasOwn(family) || [...own.tensors.keys()].some((key) => ofNetworks.test(key))) return own
  const shared = await ownReference(family)
  const networks = [...shared.tensors].filter(([key]) => ofNetworks.test(key))
  const tensors = new Map([...own.tensors, ...networks])
  return { tensors, texts: own.texts, note: `${own.note}\n${shared.note}`, isVariant: true }
}

/**
 * Runs whose inversion uses up its evaluations and says so, in hundreds of them. The same run in 4 steps says it in fewer, and
 * unguided ones in 10 steps are undone.
 */
const likewise = new Set(['sd1 g7.5.n10', 'sd2 g7.5.n10', 'sd3 g4.5.n10'])

const ofNetworks = /^(net|vae)\./

/** Whether a tokenizer is T5's, as model_index.json says. */
function isT5(path: string, tokenizer: string): boolean {
  const index = parseJsonObject(readFileSync(join(path, 'model_index.json'), 'utf8'), path)
  return /^T5/.test((index[tokenizer] as readonly string[])[1]!)
}

describe.skipIf(others.length === 0)('pipelines of other families', () => {
  it.each(others.map((name) => [classOf(name), name]))('%s is refused by name (%s)', async (className, name) => {
    await expect(openDiffusionModel(nodeFiles, join(golden, name), runtime)).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining(className),
    })
  })
})

describe.each(built)('%s', async (name) => {
  const path = join(golden, name)
  const { tensors, texts, note, isVariant } = await referenceOf(name)
  const keys = [...tensors.keys()]
  const of = (key: string) => tensors.get(key)!
  const [, prompt, negative] = /prompt '([^']*)', guided away from '([^']*)'/.exec(note)!
  /** What follows a prefix, in the keys that have it. */
  const following = (prefix: string, pattern: RegExp) =>
    keys.flatMap((key) => (key.startsWith(prefix) ? (pattern.exec(key.slice(prefix.length))?.[1] ?? []) : []))

  let model: OpenDiffusionModel
  beforeAll(async () => {
    model = await openDiffusionModel(nodeFiles, path, runtime)
  })
  afterAll(async () => {
    for (const each of [model, ...opening.values()]) await (await each).close()
  })

  it.each(following('tokens.', /^(.*)$/))('cuts texts into the tokens of the reference: %s', async (tokenizer) => {
    const ofLength = (length: number) =>
      isT5(path, tokenizer)
        ? openT5Tokenizer(nodeFiles, join(path, tokenizer), length)
        : openTokenizer(nodeFiles, join(path, tokenizer))
    for (const [key, some] of [
      [`tokens.${tokenizer}`, texts.prompts] as const,
      [`more.${tokenizer}`, texts.more] as const,
    ]) {
      const { encode } = await ofLength(of(key).shape[1]!)
      for (const [i, text] of some.entries()) {
        expect({ text, ids: encode(text) }).toEqual({ text, ids: [...row(of(key), i).data] })
      }
    }
    const { unread } = await ofLength(of(`tokens.${tokenizer}`).shape[1]!)
    expect(texts.prompts.map((text) => unread(text) !== '')).toEqual(texts.prompts.map((text) => text.length > 1000))
  })

  /** A text's condition, in the order of its parts. */
  async function expectCondition(text: string, states: Tensor, pooled: Tensor | undefined) {
    const { values, unread } = await model.condition(text)
    expect(error(values.encoder_hidden_states!, states)).toBeLessThan(tolerance)
    if (pooled) expect(error((values.text_embeds ?? values.pooled_projections)!, pooled)).toBeLessThan(tolerance)
    expect(unread !== undefined).toBe(text.length > 1000)
  }

  it.runIf(tensors.has('prompt_embeds'))('makes of texts what the pipeline tells its network', async () => {
    for (const [i, text] of texts.prompts.entries()) {
      const pooled = tensors.get('pooled_prompt_embeds')
      await expectCondition(text, row(of('prompt_embeds'), i), pooled && row(pooled, i))
    }
    const unsaid = tensors.get('unsaid.negative_prompt_embeds')
    if (unsaid) expect((await model.condition()).values.encoder_hidden_states!.data).toEqual(unsaid.data)
  })

  it.each(['', 'negative_'].filter((which) => tensors.has(`gen.${which}prompt_embeds`)))(
    'tells the network what the generations told it: %sprompt',
    async (which) => {
      const pooled = tensors.get(`gen.${which}pooled_prompt_embeds`)
      const text = which === '' ? prompt! : negative!
      await expectCondition(text, row(of(`gen.${which}prompt_embeds`), 0), pooled && row(pooled, 0))
    },
  )

  // A variant is the same network in other files: one size tells that it is.
  const sizes = following('net.', /^(\w+)\.output$/)
  it.each(isVariant ? sizes.slice(0, 1) : sizes)(
    'has the network of the reference, and its gradients: %s',
    async (size) => {
      const prefix = `net.${size}.`
      const inputs = following(prefix, /^((?!output$|cotangent$|grad_)\w+)$/)
      const feeds = Object.fromEntries(inputs.map((input) => [input, of(prefix + input)]))
      const { timestep } = feeds
      if (timestep!.data.length === 1) {
        const batch = feeds.sample!.shape[0]!
        feeds.timestep = { shape: [batch], data: new Float64Array(batch).fill(timestep!.data[0]!) }
      }
      const shapes = Object.fromEntries(Object.entries(feeds).map(([input, { shape }]) => [input, shape]))
      const graph = await openNetwork(nodeFiles, path, { part: feeds.sample ? 'unet' : 'transformer', shapes })
      const wrt = isVariant ? [] : following(prefix, /^grad_(\w+)$/)
      const cotangent = { 'cotangent.out': of(`${prefix}cotangent`) }
      const results = isVariant
        ? await run(graph, feeds)
        : await run(vjp(graph, { wrt, keep: ['out'] }), { ...feeds, ...cotangent })
      expect(error(results.out!, of(`${prefix}output`))).toBeLessThan(tolerance)
      const own = Number(/gradients of the network ([\d.e-]+)/.exec(note)![1])
      const angle = feeds.guidance ? lastBit * 1000 * largest(feeds.guidance) : 0
      for (const input of wrt) {
        const found = error(results[`gradient.${input}`]!, of(`${prefix}grad_${input}`))
        expect(found).toBeLessThan(Math.min(gradientTolerance, timesTorch * own + angle))
      }
    },
  )

  it.runIf(tensors.has('vae.image'))('encodes and decodes as the reference, and has its gradient', async () => {
    const [image, z] = [of('vae.image'), of('vae.z')]
    const encoder = await openNetwork(nodeFiles, path, { part: 'encoder', shapes: { image: image.shape } })
    const { mean, logvar } = await run(encoder, { image })
    expect(error(mean!, of('vae.mean'))).toBeLessThan(tolerance)
    expect(error(logvar!, of('vae.logvar'))).toBeLessThan(tolerance)
    const [scaled] = await model.ask('encode', [row(image, 0)])
    expect(error(scaled!, of('vae.scaled'))).toBeLessThan(tolerance)
    const decoder = await openNetwork(nodeFiles, path, { part: 'decoder', shapes: { latent: z.shape } })
    const cotangent = { 'cotangent.decoded': combine([2, of('vae.decoded')], [-2, image]) }
    const results = isVariant
      ? await run(decoder, { latent: z })
      : await run(vjp(decoder, { wrt: ['latent'], keep: ['decoded'] }), { latent: z, ...cotangent })
    expect(error(results.decoded!, of('vae.decoded'))).toBeLessThan(tolerance)
    if (!isVariant) expect(error(results['gradient.latent']!, of('vae.grad_z'))).toBeLessThan(gradientTolerance)
  })

  it.each(following('schedule.', /^(\d+)\.timesteps$/).map(Number))(
    'walks the grid of the reference: %i steps',
    async (steps) => {
      const { schedulerSolver, schedule } = await opened(steps)
      const grid = schedulerSolver.grid(schedule(of('gen.noise').shape.slice(1)))
      const times = [...of(`schedule.${steps}.timesteps`).data]
      expect(grid.length).toBe(times.length + 1)
      for (const [i, t] of times.entries()) expect(grid[i]!.t).toBeCloseTo(t, 3)
      const sigmas = tensors.get(`schedule.${steps}.sigmas`)
      const ours = grid.map(({ alpha, sigma }) => (sigma === 0 ? 0 : isFlow(model) ? sigma : sigma / alpha))
      if (sigmas) expect(error({ shape: [ours.length], data: Float64Array.from(ours) }, sigmas)).toBeLessThan(tolerance)
    },
  )

  const opening = new Map<number, Promise<OpenDiffusionModel>>()
  function opened(steps: number): Promise<OpenDiffusionModel> {
    const found = opening.get(steps) ?? openDiffusionModel(nodeFiles, path, runtime, { steps })
    opening.set(steps, found)
    return found
  }

  /** Some runs are with DDIM on the file of the folder's own scheduler. */
  function solverOf(of: OpenDiffusionModel, kind: string, steps: number): Solver {
    if (kind === '') return of.schedulerSolver
    const file = join(path, 'scheduler', 'scheduler_config.json')
    const fields = {
      ...parseJsonObject(readFileSync(file, 'utf8'), file),
      _class_name: 'DDIMScheduler',
      clip_sample: false,
    }
    return schedulerOf(configOf(file, fields), { steps }).solver
  }

  /** Latents as the reference has them: some families' are packed, 2 × 2 places in a row. */
  const isPacked = tensors.has('gen.noise_packed')
  const asTheirs = (x: Tensor) => (isPacked ? packed(x) : x)
  it.runIf(isPacked)('knows how the reference packs its latents', () => {
    expect(packed(row(of('gen.noise'), 0)).data).toEqual(of('gen.noise_packed').data)
  })

  // The same pipeline in other files: once its networks are the same, one run tells that they are put together the same way.
  const runs = following('gen.', /^(.*(?:g|true)[\d.]+\.n\d+)\.latents$/)
  describe.each(hasOwn(name) ? runs : runs.slice(0, 1))('the run %s', (which) => {
    const [, kind, how, weight, steps] = /^(.*?)(g|true)([\d.]+)\.n(\d+)$/.exec(which)! as unknown as [
      string,
      string,
      'g' | 'true',
      string,
      string,
    ]

    async function setting() {
      // Steps are the solver's business: the networks are open.
      const { ask, condition } = model
      const asked = { ...(await opened(Number(steps))), ask, condition }
      const solver = solverOf(asked, kind, Number(steps))
      // Its pipeline passes over guidance for a network that was distilled to need none; ours is 1 then.
      const guidance = asked.guiding?.kind === 'none' ? 1 : how === 'true' ? asked.guidance : Number(weight)
      const made = { model: asked, solver, prompt: prompt!, negativePrompt: negative, guidance }
      return how === 'true' ? { ...made, trueGuidance: Number(weight) } : made
    }

    /** The generation of the reference: what one test holds against its numbers, the other one undoes. */
    let own: ReturnType<typeof generate> | undefined
    const generation = async () => {
      own ??= generate({ ...(await setting()), noise: row(of('gen.noise'), 0) })
      return await own
    }

    it('ends where the reference ends, on the same way', async () => {
      const made = await setting()
      const { latent, image, states, grid } = await generation()
      const rows = of(`gen.${which}.latents`)
      expect(states.length - 1).toBe(rows.shape[0])
      // Samples of these classes are x/alpha.
      const isScaled = /^(Euler|Heun|LMS)/.test(made.model.scheduler) && kind === ''
      for (let i = 0; i < rows.shape[0]!; i++) {
        const x = states[i + 1]!.x
        const theirs = isScaled ? combine([1 / grid[i + 1]!.alpha, x]) : x
        expect(error(asTheirs(theirs), row(rows, i))).toBeLessThan(tolerance)
      }
      expect(error(asTheirs(latent), of(`gen.${which}.final64`))).toBeLessThan(tolerance)
      const picture = tensors.get(`gen.${which}.image`)
      if (picture)
        expect(
          error(
            map(image, (pixel) => pixel / 2 + 0.5),
            picture,
          ),
        ).toBeLessThan(tolerance)
    })

    it.skipIf(likewise.has(`${name} ${which}`))('is undone exactly, or says that it is not', async () => {
      const made = await setting()
      const noise = row(of('gen.noise'), 0)
      const back = async (solver: Solver, { latent }: { readonly latent: Tensor }) => ({
        ...(await invert({ latent }, { ...made, solver })),
        latent,
        solver,
      })
      const found = await back(made.solver, await generation()).catch(async (reason: unknown) => {
        expect(isUndiffuseError(reason) && reason.code === 'unsupported' && /sigma = 0/.test(reason.message)).toBe(true)
        const solver = endingWithNoise(made.solver)
        return await back(solver, await generate({ ...made, solver, noise }))
      })
      // With one estimate the steps of such networks contract, where they are not very long.
      const isSingle = questionsOf(made.model, made) === 1
      if (isSingle && Number(steps) >= 10) expect(found.outcome).toBe('converged')
      if (found.outcome !== 'converged') {
        expect(found.noiseExact).toBe('no')
        return
      }
      if (isSingle || nmseDb(found.noise, noise) < exactDb) {
        expect(nmseDb(found.noise, noise)).toBeLessThan(exactDb)
        return
      }
      // A step that guidance turns over has several preimages: this is another one.
      const again = await generate({ ...made, solver: found.solver, noise: found.noise })
      expect(nmseDb(again.latent, found.latent)).toBeLessThan(exactDb)
    })
  })
})

/** Whether levels are on the straight path alpha + sigma = 1. */
const isFlow = ({ prediction }: OpenDiffusionModel) => prediction.startsWith('velocity')
