/** What every edit promises, on a model whose denoiser is known in closed form under each prompt. */
import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { edits } from '../../src/catalog.js'
import { isUndiffuseError } from '../../src/core/errors.js'
import { Task } from '../../src/core/task.js'
import { ddim, dpmSolver2M, edict as edictSolver, heun, oBelm } from '../../src/diffusion/solvers/index.js'
import {
  bdiaRoundTrip,
  type Edit,
  type EditMethod,
  type EditOptions,
  type EditSource,
  edictEdit,
  edit,
  exactBlending,
  naiveEdit,
  negativePromptEdit,
  nullTextEdit,
} from '../../src/edit/index.js'
import { map, sizeOf, type Tensor, tensor, torchNoise, zeros } from '../../src/math/index.js'
import { nmseDb } from '../../src/math/nmse.js'
import { autoencoderOf, counted, type DiffusionModel, type Kind } from '../../src/model/index.js'
import { generate } from '../../src/verbs/generate.js'
import { invert } from '../../src/verbs/invert.js'
import { sideBySide } from '../../src/verbs/side-by-side.js'
import { analyticImageShape, editableModel, editedPrompts } from './analytic-model.js'
import { shape } from './analytic-world.js'

/** What the inverters' default tolerance promises of a latent that comes back. */
const accurateDb = -90
/** Naive steps at guidance 1 and the best that embeddings can do: near, not there. */
const nearDb = -12
/** An edit moves the latent to another place of the world: by much more than errors. */
const movedDb = -20

const [from, to] = editedPrompts

const solver = ddim({ steps: 20, spacing: 'lambda' })

/** A picture of the model's, by the prompt that it is edited from. */
async function made(model: DiffusionModel, guidance = 1) {
  return await generate({ model, prompt: from, seed: 3, guidance, solver })
}

async function edited(method: EditMethod, options: Partial<EditOptions> = {}, source?: EditSource) {
  const { model = editableModel() } = options
  const start = source ?? { latent: (await made(model, options.guidance)).latent }
  return await edit(start, { model, from, to, guidance: 1, solver, method, ...options })
}

/** Everything may change: what comes back then has not been put back. */
const everywhere = (): Tensor => map(zeros([1, 4, 4]), () => 1)
const half = (): Tensor => tensor([1, 4, 4], [0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0])
/** The same over the latent, of which an entry is two pixels high and one wide. */
const halfOfLatent = [0, 0, 1, 1, 0, 0, 1, 1]
const grownByNothing = { dilation: 0 }

const methods = edits.map(({ definition }) => [definition.id, (options = {}) => definition.make(options)] as const)
type MethodCase = (typeof methods)[number]

/** The model that does not answer a kind of question. */
const without = (model: DiffusionModel, kind: Kind): DiffusionModel => ({
  ...model,
  answers: new Set([...model.answers].filter((one) => one !== kind)),
})

it('the catalogue has every method', () => {
  const files = readdirSync(new URL('../../src/edit/methods', import.meta.url))
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && name !== 'index.ts')
    .map((name) => name.replace('.ts', ''))
  expect(edits.map(({ definition }) => definition.id).sort()).toEqual(files.sort())
})

describe.each(methods)('%s', (_: MethodCase[0], make: MethodCase[1]) => {
  it('gives the source back when the prompts are the same, to what it says', async () => {
    const { model } = { model: editableModel() }
    const { latent } = await made(model)
    const same = await edited(make(), { model, to: from, mask: everywhere() })
    expect(nmseDb(same.latent, latent)).toBeLessThan(same.exact === 'no' ? nearDb : accurateDb)
  })

  it.each([
    ['ddim', ddim({ steps: 20, spacing: 'lambda' })],
    ['dpm-solver-2m', dpmSolver2M({ steps: 12, spacing: 'lambda' })],
    ['edict', edictSolver({ steps: 12, spacing: 'lambda' })],
  ] as const)('says of a trajectory of %s that is known only what is true of it', async (_, solver) => {
    const model = editableModel()
    const guidance = 3
    const { states } = await generate({ model, prompt: from, seed: 3, guidance, solver })
    for (const options of [{}, { strength: 0.5 }]) {
      const how = { model, solver, guidance, to: from, mask: everywhere() }
      const same = await edited(make(options), how, { states }).catch((error: unknown) => {
        // Null-text undoes first-order steps alone.
        expect(error).toMatchObject({ code: 'unsupported' })
      })
      if (same && same.exact !== 'no') expect(nmseDb(same.latent, states.at(-1)!.x)).toBeLessThan(accurateDb)
    }
  })

  it('refuses shares of steps after which no mask is minded, before it asks the network', async () => {
    const model: DiffusionModel = { ...editableModel(), ask: () => Promise.reject(new Error('asked')) }
    const none = [
      { blendFrom: 0.6, blendUntil: 0.4 },
      { blendFrom: 0.5, blendUntil: 0.5 },
      { blendFrom: 0.51, blendUntil: 0.52 },
      { blendFrom: 1 },
      { blendUntil: 0 },
    ]
    for (const shares of none) {
      const task = edited(make(shares), { model, mask: half() }, { latent: zeros(shape) })
      await expect(task, JSON.stringify(shares)).rejects.toMatchObject({ code: 'bad-option', message: /blendFrom/ })
    }
  })

  it('walks a step at least, whatever the strength, or says that it cannot', async () => {
    const model = editableModel()
    const { latent } = await made(model)
    const task = edited(make({ strength: 0.01 }), { model, mask: everywhere() }, { latent })
    const walked = await task.catch((error: unknown) => error)
    if (isUndiffuseError(walked)) expect(walked).toMatchObject({ code: 'bad-option', message: /strength/ })
    else expect((walked as Edit).latent).not.toEqual(latent)
  })

  it('gives another picture when they are not', async () => {
    const { model } = { model: editableModel() }
    const { latent } = await made(model)
    const { mask, ...result } = await edited(make({ strength: 1 }), { model })
    expect(nmseDb(result.latent, latent)).toBeGreaterThan(movedDb)
    expect(result.states.at(-1)!.x).toBe(result.latent)
    expect(result.trajectory).toHaveLength(result.grid.length)
  })

  it('puts latents outside a mask back, at every step', async () => {
    const { model } = { model: editableModel() }
    const { latent } = await made(model)
    const result = await edited(make(grownByNothing), { model, mask: half() })
    expect(result.mask).toEqual(half())
    const outside = ({ data }: Tensor) => [...data].filter((_, i) => halfOfLatent[i % 8] === 0)
    expect(outside(result.latent)).toEqual(outside(latent))
    expect(result.latent).not.toEqual(latent)
    const first = result.states[0]!.index
    for (const { index, x } of result.states.slice(1)) {
      expect(outside(x), `level ${index}`).toEqual(outside(result.trajectory[index]!.x))
    }
    expect(result.states).toHaveLength(result.grid.length - first)
  })

  it('puts them back only between the shares of steps that it is told', async () => {
    const blending = { ...grownByNothing, strength: 1, blendFrom: 0.25, blendUntil: 0.5 }
    const { states, trajectory } = await edited(make(blending), { mask: half() })
    const isBack = ({ index, x }: { index: number; x: Tensor }) =>
      x.data.every((value, i) => halfOfLatent[i % 8] === 1 || value === trajectory[index]!.x.data[i])
    const back = states.filter(isBack).map(({ index }) => index)
    expect(back.filter((index) => index > 1)).toEqual([6, 7, 8, 9, 10])
  })

  it('walks only the cleanest share of the grid', async () => {
    const whole = solver.grid(editableModel().schedule(shape))
    const { grid, trajectory, states } = await edited(make({ strength: 0.4 }))
    expect(grid).toEqual(whole.slice(-9))
    expect([trajectory.length, states.at(-1)!.index]).toEqual([9, 8])
  })

  it('is the same twice, and counts what it asks', async () => {
    const { model } = { model: editableModel() }
    const { latent } = await made(model, 3)
    const { model: watched, counts } = counted(model)
    const one = await edited(make(), { model: watched, guidance: 3 }, { latent })
    const { denoise = 0, looks = 0, pullback = 0 } = counts()
    const runs = denoise + looks
    expect(one.evaluations).toMatchObject({ denoises: runs, pullbacks: pullback, autoencoder: { decodes: 2 } })
    expect(runs).toBeGreaterThanOrEqual(3 * (one.grid.length - 1))
    expect((await edited(make(), { model, guidance: 3 }, { latent })).latent).toEqual(one.latent)
  })

  it('stops between evaluations, with the reason', async () => {
    for (const evaluations of [0, 3, 12]) {
      const { model } = { model: editableModel() }
      const { latent } = await made(model)
      const controller = new AbortController()
      let count = 0
      const ask: DiffusionModel['ask'] = (kind, asks, signal) => {
        if (kind === 'denoise' && count++ === evaluations) controller.abort(new Error('enough'))
        return model.ask(kind, asks, signal)
      }
      const stopped: DiffusionModel = { ...model, ask }
      const task = edit(
        { latent },
        { model: stopped, from, to, guidance: 1, solver, method: make(), signal: controller.signal },
      )
      await expect(Promise.resolve(task)).rejects.toThrow('enough')
      expect(count).toBeLessThanOrEqual(evaluations + 2)
    }
  })

  it('refuses masks and latents that do not fit', async () => {
    const wrong = (options: Partial<EditOptions>, source?: EditSource) => edited(make(), options, source)
    await expect(wrong({ mask: zeros([1, 3, 4]) })).rejects.toMatchObject({ code: 'bad-shape' })
    await expect(wrong({ mask: zeros([1, 4, 4]) })).rejects.toMatchObject({ code: 'bad-option' })
    await expect(wrong({ guidance: Number.NaN }, { latent: zeros(shape) })).rejects.toMatchObject({
      code: 'bad-option',
    })
    await expect(wrong({}, { latent: zeros([2, 2, 3]) })).rejects.toMatchObject({ code: 'bad-shape' })
    const nan = map(zeros(shape), () => Number.NaN)
    await expect(wrong({}, { latent: nan })).rejects.toMatchObject({ code: 'not-finite' })
    await expect(wrong({}, { image: zeros([3, 4, 4]) })).resolves.toBeDefined()
  })
})

describe('exact-blending', () => {
  it('takes the mask from where the changed words are looked at, and grows it by latent entries', async () => {
    const tight = await edited(exactBlending(grownByNothing))
    expect([...tight.mask!.data]).toEqual([0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1])
    const wide = await edited(exactBlending())
    expect([...wide.mask!.data]).toEqual([0, 1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1])
  })

  it('joins attention that is of no place in particular with the difference of the prompts', async () => {
    const everywhere = editableModel([0, 0, 1, 1, 0, 0, 0, 1])
    const [joined, both] = [
      await edited(exactBlending(grownByNothing), { model: everywhere }),
      await edited(exactBlending({ ...grownByNothing, mask: 'both' }), { model: everywhere }),
    ]
    expect(joined.mask).toEqual(both.mask)
    const alone = await edited(exactBlending({ ...grownByNothing, mask: 'attention' }), { model: everywhere })
    expect([...alone.mask!.data]).toEqual([0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1])
    // More than a quarter, and a gap of four entries is closed: the whole picture.
    expect(joined.mask!.data.every((value) => value === 1)).toBe(true)
    expect(joined.background).toBeUndefined()
  })

  it('looks for no mask where no word changes, and says so before it asks the network', async () => {
    const model: DiffusionModel = { ...editableModel(), ask: () => Promise.reject(new Error('asked')) }
    const same = (from: string, to: string) => edited(exactBlending(), { model, from, to }, { latent: zeros(shape) })
    for (const [one, other] of [
      [from, from],
      [from, 'A red ball.'],
      ['', ''],
    ] as const) {
      await expect(same(one, other)).rejects.toMatchObject({ code: 'bad-option', message: /differ in a word.*mask/ })
    }
  })

  it('changes nothing where no mask is found', async () => {
    const model = editableModel()
    const { latent } = await made(model)
    const result = await edited(exactBlending({ mask: 'difference' }), { model, to: from })
    expect(result.latent).toEqual(latent)
    expect(result.background).toMatchObject({ share: 1, nmse: 0, largestLevels: 0 })
  })

  it('guided from the source, does not take states that were guided otherwise', async () => {
    const model = editableModel()
    const { states, latent } = await made(model, 3)
    const options = { model, to: from, guidance: 3, mask: everywhere() }
    const same = await edited(exactBlending({ guideFrom: 'source' }), options, { states })
    expect(same).toMatchObject({ exact: 'given-latent', outcome: 'converged' })
    expect(nmseDb(same.latent, latent)).toBeLessThan(accurateDb)
  })

  it('takes the mask from where the prompts disagree, without attention', async () => {
    const { model } = { model: editableModel() }
    const blind = without(model, 'looks')
    for (const mask of ['attention', 'both'] as const) {
      await expect(edited(exactBlending({ mask }), { model: blind })).rejects.toMatchObject({ code: 'unsupported' })
    }
    const { mask } = await edited(exactBlending({ mask: 'difference', dilation: 0 }), { model: blind })
    expect((await edited(exactBlending({ dilation: 0 }), { model: blind })).mask).toEqual(mask)
    const inside = mask!.data.filter((value) => value === 1).length
    expect(inside).toBeGreaterThan(0)
    expect(inside).toBeLessThan(sizeOf(mask!.shape))
  })

  it('inverts nothing where the trajectory is known, and then ends where it would have', async () => {
    const { model } = { model: editableModel() }
    const { states, latent } = await made(model, 3)
    const method = exactBlending({ ...grownByNothing, strength: 0.5, tolerance: 1e-9 })
    const options = { model, mask: half(), guidance: 3 }
    const oracle = await edited(method, options, { states })
    expect(oracle.trajectory.map(({ x }) => x)).toEqual(states.slice(10).map(({ x }) => x))
    expect(oracle.evaluations.denoises).toBe(2 * 10)
    const found = await edited(method, options, { latent })
    expect(nmseDb(found.latent, oracle.latent)).toBeLessThan(accurateDb)
    await expect(edited(method, options, { states: states.slice(1) })).rejects.toMatchObject({ code: 'bad-option' })
  })

  it.each([
    ['dpm-solver-2m', dpmSolver2M],
    ['heun', heun],
    ['o-belm', oBelm],
  ] as const)('undoes and walks %s, what it remembers put back too', async (_, make) => {
    const solver = make({ steps: 12, spacing: 'lambda', end: 'cleanest', spread: 'levels' })
    const model = editableModel()
    const { latent } = await generate({ model, prompt: from, seed: 3, guidance: 1, solver })
    const options = { model, solver, mask: half() }
    const same = await edited(exactBlending(grownByNothing), { ...options, to: from }, { latent })
    expect(same.exact).toBe('given-latent')
    expect(nmseDb(same.latent, latent)).toBeLessThan(accurateDb)
    const other = await edited(exactBlending(grownByNothing), options, { latent })
    const outside = ({ data }: Tensor) => [...data].filter((__, i) => halfOfLatent[i % 8] === 0)
    expect(outside(other.latent)).toEqual(outside(latent))
    expect(nmseDb(other.latent, latent)).toBeGreaterThan(movedDb)
  })

  it('edits several at the same time as it edits one', async () => {
    const model = editableModel()
    const { latent } = await made(model)
    const latents = [latent, map(latent, (value) => 1.1 * value)]
    const method = exactBlending()
    const options = { from, to, guidance: 3, solver, method }
    const together = await new Task(
      sideBySide(model, latents, 2, (one, shared) => edit({ latent: one }, { ...options, model: shared })),
    )
    for (const [i, one] of latents.entries()) {
      expect(together[i]!.latent).toEqual((await edit({ latent: one }, { ...options, model })).latent)
    }
  })

  it('says that a picture is exact only where its latent decodes to it', async () => {
    const { model } = { model: editableModel() }
    const { latent } = await made(model)
    const image = await autoencoderOf(model).decode(latent)
    expect((await edited(exactBlending(), { model }, { image })).exact).toBe('given-image')
    // Not every picture has a latent: this model's autoencoder keeps 16 numbers of 48.
    const photograph = torchNoise(9, analyticImageShape)
    expect((await edited(exactBlending(), { model }, { image: photograph })).exact).toBe('given-latent')
  })
})

it('a known trajectory is walked from what it remembers, not from x alone', async () => {
  const model = editableModel()
  const solver = edictSolver({ steps: 12, spacing: 'lambda' })
  const { latent } = await made(model)
  // The twins part on the way back.
  const { states } = await invert({ latent }, { model, prompt: from, guidance: 1, solver })
  const same = await edited(naiveEdit(), { model, solver, to: from, mask: everywhere() }, { states })
  expect(same.exact).toBe('given-latent')
  expect(nmseDb(same.latent, latent)).toBeLessThan(accurateDb)
})

describe('guidance', () => {
  const back = async (method: EditMethod) => {
    const { model } = { model: editableModel() }
    const { latent } = await made(model, 7.5)
    const options = { model, to: from, guidance: 7.5, mask: everywhere() }
    return nmseDb((await edited(method, options, { latent })).latent, latent)
  }

  it('takes naive inversion away from the source, and none of the exact ones', async () => {
    const lost = await back(naiveEdit())
    for (const method of [exactBlending(), bdiaRoundTrip(), edictEdit()])
      expect(await back(method)).toBeLessThan(lost - 40)
    // Guidance from the source's prompt to itself is none.
    expect(await back(negativePromptEdit())).toBeLessThan(lost)
    expect(await back(nullTextEdit())).toBeLessThan(lost)
  })

  it('leads negative-prompt editing from the source, and so leaves no place for another negative prompt', async () => {
    await expect(edited(negativePromptEdit(), { negativePrompt: 'rain' })).rejects.toMatchObject({ code: 'bad-option' })
  })
})

it('bdia-round-trip needs two steps: the first is not walked again', async () => {
  const few = (steps: number) => edited(bdiaRoundTrip({ strength: 1 }), { solver: ddim({ steps, spacing: 'lambda' }) })
  await expect(few(1)).rejects.toMatchObject({ code: 'bad-option', message: /at least 2 steps.*strength/ })
  await expect(few(2)).resolves.toBeDefined()
})

it('null-text needs a model that is told embeddings', async () => {
  const plain = without(editableModel(), 'pullback')
  await expect(edited(nullTextEdit(), { model: plain })).rejects.toMatchObject({ code: 'unsupported' })
  await expect(edited(nullTextEdit(), { solver: edictSolver({ steps: 4 }) })).rejects.toMatchObject({
    code: 'unsupported',
  })
})
