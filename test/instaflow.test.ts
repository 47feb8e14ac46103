/** InstaFlow's one step, undone exactly on the miniature that the reference saved: three iterations, evaluations and error. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { implicit, naive } from '../src/diffusion/inverters/index.js'
import { nmseDb } from '../src/math/nmse.js'
import { torchNoise } from '../src/math/noise.js'
import { type OpenDiffusionModel, openDiffusionModel } from '../src/models/diffusion-model.js'
import { nodeFiles } from '../src/node/files.js'
import { generate } from '../src/verbs/generate.js'
import { invert } from '../src/verbs/invert.js'
import { lastingRuntime } from './lasting-runtime.js'

const folder = join(import.meta.dirname, 'golden', 'pipelines', 'instaflow')
const prompt = 'a red boat'
/** What "exact" is in 32 bits. */
const exactDb = -90

const runtime = lastingRuntime({ threads: 1 })
let root = ''
let model: OpenDiffusionModel
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'undiffuse-instaflow-'))
  model = await openDiffusionModel(nodeFiles, folder, runtime)
})
afterAll(async () => {
  await rm(root, { recursive: true })
})

const noise = torchNoise(3, [4, 8, 8])
const made = async () => (await generate({ model, prompt, noise })).latent

describe('one step', () => {
  it('is what the model is sampled with, without guidance', async () => {
    const { evaluations, grid, guidance } = await generate({ model, prompt, noise })
    expect([evaluations.denoises, guidance]).toEqual([1, 1])
    expect(grid.map(({ t, alpha, sigma }) => [t, alpha, sigma])).toEqual([
      [1000, 0, 1],
      [0, 1, 0],
    ])
  })

  // The first paper spends 100 iterations on the step.
  it.each([
    ['forward-step', implicit({ iteration: 'forward-step', rate: 1, iterations: 100, tolerance: 1e-6 }), 40],
    ['anderson', implicit({ iteration: 'anderson', iterations: 100, tolerance: 1e-6 }), 30],
  ] as const)('is undone exactly by %s', async (_, inverter, most) => {
    const found = await invert({ latent: await made() }, { model, prompt, inverter })
    expect(found.outcome).toBe('converged')
    expect(nmseDb(found.noise, noise)).toBeLessThan(exactDb)
    expect(found.steps[0]!.evaluations).toBeLessThanOrEqual(most)
  })

  it('is approached by gradient descent, which says that it did not end', async () => {
    // It solves the normal equations, whose condition is the square of the step's: −18 dB after 100 iterations.
    const descent = (iterations: number) => implicit({ iteration: 'gradient-descent', iterations, tolerance: 1e-6 })
    const latent = await made()
    const few = await invert({ latent }, { model, prompt, inverter: descent(10) })
    const many = await invert({ latent }, { model, prompt, inverter: descent(100) })
    expect([many.outcome, many.noiseExact]).toEqual(['exhausted', 'no'])
    expect(nmseDb(many.noise, noise)).toBeLessThan(nmseDb(few.noise, noise))
    expect(nmseDb(many.noise, noise)).toBeLessThan(-15)
  })

  it('is not undone by the naive step, z = y − v(y)', async () => {
    const found = await invert({ latent: await made() }, { model, prompt, inverter: naive() })
    expect(nmseDb(found.noise, noise)).toBeGreaterThan(exactDb)
    expect(nmseDb(found.noise, noise)).toBeLessThan(0)
  })
})

describe('a folder saved as Stable Diffusion', () => {
  it('is InstaFlow where that is said, and only there', async () => {
    const path = join(root, 'saved')
    await cp(folder, path, { recursive: true })
    const index = join(path, 'model_index.json')
    const text = (await readFile(index, 'utf8')).replace('RectifiedFlowPipeline', 'StableDiffusionPipeline')
    await writeFile(index, text)
    const named = await openDiffusionModel(nodeFiles, path, runtime, { family: 'instaflow' })
    expect((await generate({ model: named, prompt, noise })).latent).toEqual(await made())
    const plain = await openDiffusionModel(nodeFiles, path, runtime)
    expect([named.prediction, plain.prediction]).toEqual(['velocity-to-image', 'epsilon'])
    await expect(openDiffusionModel(nodeFiles, path, runtime, { family: 'flow' })).rejects.toMatchObject({
      code: 'bad-option',
      message: expect.stringMatching(/instaflow.*`flow`/),
    })
  })
})
