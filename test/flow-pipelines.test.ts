/**
 * Whole pipelines of transformers and flows as diffusers saves them, in test/golden/pipelines or in the folder that
 * UNDIFFUSE_GOLDEN names: each folder opens and gives the reference's numbers. NOTE.md of each folder says what they are.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readTensors } from '../src/checkpoints/tensors.js'
import { cappedLength } from '../src/diffusion/guidance-mix.js'
import { vjp } from '../src/graph/passes/vjp.js'
import { nmseDb } from '../src/math/nmse.js'
import { combine, map, type Shape, type Tensor } from '../src/math/tensor.js'
import type { Condition } from '../src/model/condition.js'
import { type OpenDiffusionModel, openDiffusionModel } from '../src/models/diffusion-model.js'
import { template } from '../src/models/families/qwen-image.js'
import { openNetwork } from '../src/models/open.js'
import { openChatTemplate } from '../src/models/text/chat-template.js'
import { openQwenTokenizer } from '../src/models/text/qwen-tokenizer.js'
import type { PromptTokenizer } from '../src/models/text/tokenizer-files.js'
import { nodeFiles } from '../src/node/files.js'
import { generate } from '../src/verbs/generate.js'
import { invert } from '../src/verbs/invert.js'
import {
  builtFlows,
  classOf,
  error,
  exactDb,
  golden,
  gradientTolerance,
  holdsMarks,
  isOwn,
  openings,
  row,
  runOn,
  shaped,
  tolerance,
  unpacked,
} from './golden-pipelines.js'
import { lastingRuntime } from './lasting-runtime.js'

/** A noise that shares less than 99 hundredths of its energy with the one that was used is another one; rounding makes none so. */
const anotherDb = -20

const runtime = lastingRuntime({ threads: 1 })

/** What reference.json says of a folder. */
interface Facts {
  readonly prompts: readonly string[]
  readonly texts_after_template: readonly string[]
  readonly runs: Readonly<Record<string, Run>>
  readonly is_distilled?: boolean
  readonly sizes?: Readonly<Record<string, { readonly packed?: Shape; readonly img_shape?: readonly number[] }>>
}

const parsed = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'))

interface Run {
  readonly steps: number
  /** Classes of pipelines have their own names for it. */
  readonly guidance_scale?: number
  readonly true_cfg_scale?: number
  /** Of Z-Image: the longest velocity, by the prompt's, and where guidance ends. */
  readonly cfg_normalization?: number
  readonly cfg_truncation?: number
}

interface AskedGrid {
  readonly shape: Shape
  readonly steps: number
}

/** tokens × channels as channels × rows × columns. */
function channelsFirst(
  { shape: [tokens, channels], data }: Tensor,
  [rows, columns]: readonly [number, number],
): Tensor {
  const moved = data.map((_, i) => data[(i % tokens!) * channels! + Math.floor(i / tokens!)]!)
  return { shape: [channels!, rows, columns], data: moved }
}

/** What the classes of pipelines differ in, as their references name things. */
interface Reference {
  readonly mostTokens: number
  /** What is told of a prompt to the language model. */
  told(tokenizer: string): Promise<(prompt: string) => string>
  /** Our weight for theirs. */
  guidance(theirs: number): number
  /** A latent as the model has it, of a reference's, with the rows and columns of its tokens where it is packed. */
  latent(theirs: Tensor, tokens: readonly [number, number]): Tensor
  /** What guidance leads away from in the generations. */
  readonly negative: string
  /** The latent's shape and the steps of a grid's key; undefined for grids of another configuration. */
  schedule(key: string, scheduler: { readonly shift: number }): AskedGrid | undefined
}

/** Some autoencoders see a picture as a clip of one frame. */
const pictureShape = (shape: Shape): Shape => (shape.length === 4 ? [shape[0]!, shape[2]!, shape[3]!] : shape)

const firstRows = ({ shape: [, width], data }: Tensor, count: number): Tensor => ({
  shape: [count, width!],
  data: data.slice(0, count * width!),
})

const chatted = (thinking: boolean) => async (tokenizer: string) => {
  const chat = await openChatTemplate(nodeFiles, tokenizer)
  return (prompt: string) => chat(prompt, { thinking })
}

const references: Readonly<Record<string, Reference>> = {
  ZImagePipeline: {
    mostTokens: 512,
    told: chatted(true),
    // diffusers counts from 0.
    guidance: (theirs) => theirs + 1,
    latent: (theirs) => theirs,
    negative: '',
    schedule(key, scheduler) {
      const [, shift, steps] = /^shift(\d+)\.(\d+)$/.exec(key)!.map(Number) as [number, number, number]
      return shift === scheduler.shift ? { shape: [16, 8, 8], steps } : undefined
    },
  },
  Flux2KleinPipeline: {
    mostTokens: 512,
    told: chatted(false),
    guidance: (theirs) => theirs,
    latent: (theirs, tokens) => (theirs.shape.length === 2 ? channelsFirst(theirs, tokens) : theirs),
    negative: '',
    schedule(key) {
      const [tokens, steps] = key.split('.').map(Number) as [number, number]
      return { shape: [32, tokens / 4, 4], steps }
    },
  },
  QwenImagePipeline: {
    mostTokens: 1058,
    told: async () => template,
    guidance: (theirs) => theirs,
    latent: unpacked,
    negative: '',
    schedule(key) {
      const [tokens, steps] = key.split('.').map(Number) as [number, number]
      return { shape: [4, 2, 2 * tokens], steps }
    },
  },
}

/** Folders of other classes have tests of their own. */
const told = builtFlows.filter((name) => Object.hasOwn(references, classOf(name)))

it.runIf(isOwn)('has the numbers of a folder of each class', () =>
  expect(new Set(told.map(classOf))).toEqual(new Set(Object.keys(references))),
)

describe.each(told)('%s', async (name) => {
  const path = join(golden, name)
  const facts = parsed(join(path, 'reference.json')) as Facts
  const tensors = await readTensors(nodeFiles, join(path, 'reference.safetensors'))
  const reference = references[classOf(name)]!
  const of = (key: string) => tensors.get(key)!
  const following = (prefix: string, pattern: RegExp) =>
    [...tensors.keys()].flatMap((key) =>
      key.startsWith(prefix) ? (pattern.exec(key.slice(prefix.length))?.[1] ?? []) : [],
    )

  /** Rows and columns of the tokens of a picture: those of a network's evaluation, or of the generations. */
  function tokensOf(prefix: string): readonly [number, number] {
    const shape = tensors.get(`${prefix}.img_shape`)
    if (shape) return [shape.data[1]!, shape.data[2]!]
    const last = tensors.get(`${prefix}.img_ids`)?.data.slice(-4)
    if (last) return [last[1]! + 1, last[2]! + 1]
    const side = of('gen.noise').shape
    if (side.length === 4) return [side[2]!, side[3]!]
    const found = Object.values(facts.sizes ?? {}).find(({ packed }) => packed?.join() === side.join())
    return found ? [found.img_shape![1]!, found.img_shape![2]!] : [0, 0]
  }

  let model: OpenDiffusionModel
  let tokenizer: PromptTokenizer
  beforeAll(async () => {
    model = await openDiffusionModel(nodeFiles, path, runtime)
    const folder = join(path, 'tokenizer')
    const told = await reference.told(folder)
    tokenizer = await openQwenTokenizer(nodeFiles, folder, { length: reference.mostTokens, told })
  })
  afterAll(async () => {
    await model.close()
    await closeAll()
  })

  it('puts its template around texts, and cuts them into the tokens of the reference', async () => {
    const told = await reference.told(join(path, 'tokenizer'))
    expect(facts.prompts.map(told)).toEqual(facts.texts_after_template)
    for (const [i, prompt] of facts.prompts.entries()) {
      expect(tokenizer.encode(prompt)).toEqual([...row(of('text.input_ids'), i).data])
      const used = row(of('text.attention_mask'), i).data.reduce((sum, one) => sum + one, 0)
      expect(tokenizer.used(prompt)).toBe(used)
    }
  })

  /** Of the prompts in one batch, filled up to the longest. */
  function ofBatch(i: number): Tensor | undefined {
    const all = tensors.get('text.embeds')
    if (!all || !tensors.has('text.embeds_mask')) return undefined
    const used = row(of('text.embeds_mask'), i).data.reduce((sum, one) => sum + one, 0)
    return firstRows(row(all, i), used)
  }

  const states = ({ values }: Condition) => values.encoder_hidden_states!

  /** Of a prompt: alone, or one of all; of the first and the last where the middle one is left out. */
  function embedding(prompt: number): Tensor | undefined {
    const all = tensors.get('text.embeds')
    if (!all) return tensors.get(`text.${prompt}.embeds`)
    const place = all.shape[0] === facts.prompts.length ? prompt : [0, 2].indexOf(prompt)
    return place < 0 ? undefined : row(all, place)
  }

  it('makes of texts what the pipeline tells its network', async () => {
    for (const [i, prompt] of facts.prompts.entries()) {
      const theirs = ofBatch(i) ?? embedding(i)
      if (!theirs) continue
      const condition = await model.condition(prompt)
      expect(states(condition).shape).toEqual(theirs.shape)
      expect(error(states(condition), theirs)).toBeLessThan(tolerance)
      expect(condition.unread !== undefined).toBe(prompt.length > 1000)
    }
  })

  /** Prompts of the two evaluations. */
  const textsOf = { square: [2], wide: [2, 0] } as const

  it.each(following('net.', /^(\w+)\.velocity$/) as (keyof typeof textsOf)[])(
    'has the velocities of the reference, and their gradients: %s',
    async (size) => {
      const key = (what: string) => of(`net.${size}.${what}`)
      const tokens = tokensOf(`net.${size}`)
      const latents = (what: string) => textsOf[size].map((_, i) => reference.latent(row(key(what), i), tokens))
      const x = latents('sample')
      const level = model.schedule(x[0]!.shape).level(key('timestep').data[0]!)
      const short = size === 'wide' ? tensors.get('text.short_embeds') : undefined
      const conditions = await Promise.all(
        textsOf[size].map(async (text, i) =>
          short ? { values: { encoder_hidden_states: row(short, i) } } : await model.condition(facts.prompts[text]!),
        ),
      )
      const asks = x.map((each, i) => ({ x: each, level, condition: conditions[i]! }))
      // D = x − σ·velocity.
      const estimates = await model.ask('denoise', asks)
      const velocities = estimates.map((estimate, i) => combine([1 / level.sigma, x[i]!], [-1 / level.sigma, estimate]))
      for (const [i, theirs] of latents('velocity').entries()) {
        expect(error(velocities[i]!, theirs)).toBeLessThan(tolerance)
      }
      const cotangents = latents('cotangent')
      const pulled = async (wrt?: string) =>
        await model.ask(
          'pullback',
          asks.map((ask, i) => ({ ...ask, cotangent: cotangents[i]!, ...(wrt !== undefined && { wrt }) })),
        )
      const bySample = await pulled()
      for (const [i, theirs] of latents('grad_sample').entries()) {
        const ours = combine([1 / level.sigma, cotangents[i]!], [-1 / level.sigma, bySample[i]!])
        expect(error(ours, theirs)).toBeLessThan(gradientTolerance)
      }
      const byText = await pulled('encoder_hidden_states')
      for (const [i, text] of textsOf[size].entries()) {
        const count = states(conditions[i]!).shape[0]!
        const theirs = tensors.get(`net.${size}.grad_text.${text}`) ?? firstRows(row(key('grad_text'), i), count)
        expect(error(combine([-1 / level.sigma, byText[i]!]), theirs)).toBeLessThan(gradientTolerance)
      }
    },
  )

  it('encodes and decodes as the reference, and has its gradient', async () => {
    const [image, z] = [of('vae.image'), of('vae.z')]
    const encoder = await openNetwork(nodeFiles, path, { part: 'encoder', shapes: { image: image.shape } })
    const { mean } = await runOn(runtime, encoder, { image })
    expect(error(mean!, of('vae.mean'))).toBeLessThan(tolerance)
    const picture = row(image, 0)
    const [latent] = await model.ask('encode', [shaped(picture, pictureShape(picture.shape))])
    expect(error(latent!, of('vae.latent'))).toBeLessThan(tolerance)
    const decoder = await openNetwork(nodeFiles, path, { part: 'decoder', shapes: { latent: z.shape } })
    const feeds = { latent: z, 'cotangent.decoded': combine([2, of('vae.decoded')], [-2, image]) }
    const results = await runOn(runtime, vjp(decoder, { wrt: ['latent'], keep: ['decoded'] }), feeds)
    expect(error(results.decoded!, of('vae.decoded'))).toBeLessThan(tolerance)
    expect(error(results['gradient.latent']!, of('vae.grad_z'))).toBeLessThan(gradientTolerance)
  })

  const { opened, closeAll } = openings((steps) => openDiffusionModel(nodeFiles, path, runtime, { steps }))

  const scheduler = parsed(join(path, 'scheduler', 'scheduler_config.json')) as { readonly shift: number }
  const grids = following('schedule.', /^(.*)\.timesteps$/).flatMap((key) => {
    const asked = reference.schedule(key, scheduler)
    return asked ? [[key, asked] as const] : []
  })

  it.each(grids)('walks the grid of the reference: %s', async (key, asked) => {
    const { schedulerSolver, schedule } = await opened(asked.steps)
    const grid = schedulerSolver.grid(schedule(asked.shape))
    const listed = (values: readonly number[]) => ({ shape: [values.length], data: Float64Array.from(values) })
    const times = grid.slice(0, -1).map(({ t }) => t)
    expect(error(listed(times), of(`schedule.${key}.timesteps`))).toBeLessThan(tolerance)
    const sigmas = grid.map(({ sigma }) => sigma)
    expect(error(listed(sigmas), of(`schedule.${key}.sigmas`))).toBeLessThan(tolerance)
  })

  it.runIf(facts.is_distilled)('refuses guidance, which it was distilled to need none of', async () => {
    const made = { model, prompt: facts.prompts[2]!, noise: row(of('gen.noise'), 0) }
    await expect(generate({ ...made, guidance: 4 })).rejects.toMatchObject({
      code: 'bad-option',
      message: expect.stringMatching(/a guidance of 1.*4.*distilled/),
    })
  })

  it('has room for every mark, and says in which layout', async () => {
    const { layout, name } = await opened(4)
    holdsMarks(layout, name)
  })

  const runs = following('gen.', /^((?:plain|cfg)\d+\w*)\.latents$/)
  const ours = runs.filter((which) => !facts.is_distilled || which.startsWith('plain'))

  describe.each(ours)('the run %s', (which) => {
    const { steps, guidance_scale, true_cfg_scale, cfg_normalization: most, cfg_truncation: until } = facts.runs[which]!
    const guidance = reference.guidance((guidance_scale ?? true_cfg_scale)!)
    const tokens = tokensOf('gen')
    const noise = reference.latent(row(of('gen.noise'), 0), tokens)
    const setting = async () => {
      // Steps are the solver's business: the networks are open.
      const { ask, condition } = model
      const plain = { ...(await opened(steps)), ask, condition }
      // 0 is no cap.
      const mix = most ? cappedLength(most) : undefined
      const guided: OpenDiffusionModel =
        until === undefined ? plain : { ...plain, guiding: { kind: 'mixed', mix, until } }
      return {
        model: guided,
        solver: guided.schedulerSolver,
        prompt: facts.prompts[2]!,
        negativePrompt: reference.negative,
        guidance,
      }
    }

    it('ends where the reference ends, on the same way', async () => {
      const made = await setting()
      const { latent, image, states } = await generate({ ...made, noise })
      const rows = of(`gen.${which}.latents`)
      expect(states.length - 1).toBe(steps)
      for (let i = 0; i < steps; i++) {
        expect(error(states[i + 1]!.x, reference.latent(row(rows, i), tokens))).toBeLessThan(tolerance)
      }
      expect(error(latent, reference.latent(row(of(`gen.${which}.final_float64`), 0), tokens))).toBeLessThan(tolerance)
      const pixels = map(image, (pixel) => pixel / 2 + 0.5)
      expect(error(pixels, shaped(of(`gen.${which}.image`), image.shape))).toBeLessThan(tolerance)
    })

    it('is undone exactly, or says that it is not', async () => {
      const made = await setting()
      const { latent } = await generate({ ...made, noise })
      const found = await invert({ latent }, made)
      if (found.outcome !== 'converged') {
        expect(found.noiseExact).toBe('no')
        return
      }
      const apart = nmseDb(found.noise, noise)
      if (apart < exactDb) return
      // A step of few has several preimages: this is another one, and the inversion says that there may be.
      if (apart > anotherDb) expect(found.roots).toBe('not tried')
      const again = await generate({ ...made, noise: found.noise })
      expect(nmseDb(again.latent, latent)).toBeLessThan(exactDb)
    })
  })
})
