/**
 * Pictures of any size that the autoencoder takes: latents whose sides the UNet's halvings do not divide, against diffusers
 * (test/golden/odd-sizes), there and back, in every precision.
 */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { configOf } from '../src/checkpoints/config.js'
import { readJsonObject } from '../src/checkpoints/json.js'
import { readSafetensorsHeader } from '../src/checkpoints/safetensors.js'
import { readTensors } from '../src/checkpoints/tensors.js'
import { bdia } from '../src/diffusion/solvers/index.js'
import type { Graph } from '../src/graph/graph.js'
import { vjp } from '../src/graph/passes/vjp.js'
import { nmseDb } from '../src/math/nmse.js'
import { torchNoise } from '../src/math/noise.js'
import { combine, map, type Tensor } from '../src/math/tensor.js'
import { type OpenDiffusionModel, openDiffusionModel } from '../src/models/diffusion-model.js'
import { openNetwork } from '../src/models/open.js'
import { schedulerOf } from '../src/models/scheduler.js'
import { nodeFiles } from '../src/node/files.js'
import { generate } from '../src/verbs/generate.js'
import { invert } from '../src/verbs/invert.js'
import { timesTorch } from './golden-pipelines.js'
import { lastingRuntime } from './lasting-runtime.js'

const golden = join(import.meta.dirname, 'golden')

/** Both sides compute in float32; what is left is the order of their sums. Relative to the largest value. */
const tolerance = 1e-5
/** What an inversion that says it is exact brings the noise back to. */
const exactDb = -90
/** 11 bits, 2⁻¹¹ = 5e-4 for one rounding, through some fifty operators in a row. */
const halfTolerance = 0.01

const runtime = lastingRuntime({ threads: 1 })

const largest = ({ data }: Tensor) => data.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
const error = (ours: Tensor, theirs: Tensor) => {
  expect(ours.data.length).toBe(theirs.data.length)
  return largest(combine([1, { ...ours, shape: theirs.shape }], [-1, theirs])) / largest(theirs)
}

async function run(graph: Graph, feeds: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>> {
  const session = await runtime.open(graph)
  const results = await session.run(feeds)
  await session.close()
  return results
}

describe.each(['sd1', 'sd2', 'sdxl'])('%s', async (name) => {
  const path = join(golden, 'pipelines', name)
  const file = join(golden, 'odd-sizes', `${name}.safetensors`)
  const tensors = await readTensors(nodeFiles, file)
  const { metadata } = await readSafetensorsHeader(nodeFiles, file)
  const of = (key: string) => tensors.get(key)!
  const sizes = (kind: string) => [
    ...new Set([...tensors.keys()].flatMap((key) => new RegExp(`^${kind}\\.(\\d+x\\d+)\\.`).exec(key)?.[1] ?? [])),
  ]

  it.each(sizes('net'))('answers as diffusers at latents of %s, and has its gradients', async (size) => {
    const prefix = `net.${size}.`
    const named = [...tensors.keys()].flatMap((key) => (key.startsWith(prefix) ? key.slice(prefix.length) : []))
    const inputs = named.filter((key) => !/^(output|cotangent|grad_.*)$/.test(key))
    const feeds = Object.fromEntries(inputs.map((input) => [input, of(prefix + input)]))
    feeds.timestep = map(torchNoise(0, [2]), () => of(`${prefix}timestep`).data[0]!)
    const shapes = Object.fromEntries(Object.entries(feeds).map(([input, { shape }]) => [input, shape]))
    const graph = await openNetwork(nodeFiles, path, { part: 'unet', shapes })

    const wrt = named.flatMap((key) => /^grad_(.*)$/.exec(key)?.[1] ?? [])
    expect(wrt).toContain('sample')
    const cotangent = { 'cotangent.out': of(`${prefix}cotangent`) }
    const results = await run(vjp(graph, { wrt, keep: ['out'] }), { ...feeds, ...cotangent })
    expect(error(results.out!, of(`${prefix}output`))).toBeLessThan(tolerance)
    const own = (JSON.parse(metadata.gradientErrors!) as Record<string, number>)[size]!
    for (const input of wrt) {
      expect(error(results[`gradient.${input}`]!, of(`${prefix}grad_${input}`))).toBeLessThan(timesTorch * own)
    }
  })

  it.each(sizes('vae'))('encodes and decodes as diffusers at latents of %s', async (size) => {
    const [image, latent] = [of(`vae.${size}.image`), of(`vae.${size}.z`)]
    const encoder = await openNetwork(nodeFiles, path, { part: 'encoder', shapes: { image: image.shape } })
    expect(error((await run(encoder, { image })).mean!, of(`vae.${size}.mean`))).toBeLessThan(tolerance)
    const decoder = await openNetwork(nodeFiles, path, { part: 'decoder', shapes: { latent: latent.shape } })
    const feeds = { latent, 'cotangent.decoded': combine([2, of(`vae.${size}.decoded`)], [-2, image]) }
    const results = await run(vjp(decoder, { wrt: ['latent'], keep: ['decoded'] }), feeds)
    expect(error(results.decoded!, of(`vae.${size}.decoded`))).toBeLessThan(tolerance)
    expect(error(results['gradient.latent']!, of(`vae.${size}.grad_z`))).toBeLessThan(tolerance)
  })

  describe('a whole generation', async () => {
    const [steps, guidance] = [Number(metadata.steps), Number(metadata.guidance)]
    const scheduler = join(path, 'scheduler', 'scheduler_config.json')
    const fields = { ...(await readJsonObject(nodeFiles, scheduler)), _class_name: 'DDIMScheduler', clip_sample: false }
    const { solver } = schedulerOf(configOf(scheduler, fields), { steps })
    const noise = { ...of('gen.noise'), shape: of('gen.noise').shape.slice(1) }
    let model: OpenDiffusionModel
    beforeAll(async () => {
      model = await openDiffusionModel(nodeFiles, path, runtime)
    })
    afterAll(() => model.close())
    const asked = () => ({ model, prompt: metadata.prompt!, negativePrompt: metadata.negative!, guidance, solver })

    it('goes the way of the pipeline, and ends with its picture', async () => {
      const { states, image } = await generate({ ...asked(), noise })
      const rows = of('gen.latents')
      const size = noise.data.length
      for (let i = 0; i < steps; i++) {
        const row = { shape: noise.shape, data: rows.data.slice(i * size, (i + 1) * size) }
        expect(error(states[i + 1]!.x, row)).toBeLessThan(tolerance)
      }
      const seen = map(image, (pixel) => pixel / 2 + 0.5)
      expect(error(seen, of('gen.image'))).toBeLessThan(tolerance)
    })

    it('is undone: the noise comes back', async () => {
      const algebraic = { ...asked(), solver: bdia({ steps: 4 }) }
      const { states } = await generate({ ...algebraic, noise })
      const back = await invert({ state: states.at(-1)! }, algebraic)
      expect(back.exact).toBe('given-memory')
      expect(nmseDb(back.noise, noise)).toBeLessThan(exactDb)
    })
  })
})

describe('precisions', () => {
  const path = join(golden, 'pipelines', 'sd1')
  const shape = [4, 7, 5]
  const [x, cotangent] = [torchNoise(1, shape), torchNoise(2, shape)] as const

  async function answers(precision: 16 | 32 | 64) {
    const model = await openDiffusionModel(nodeFiles, path, runtime, { precision })
    const level = model.solver.grid(model.schedule(shape))[5]!
    const asked = { x, level, condition: await model.condition('a red boat') }
    const [estimate] = await model.ask('denoise', [asked])
    const [gradient] = await model.ask('pullback', [{ ...asked, cotangent }])
    const [tangent] = await model.ask('pushforward', [{ ...asked, tangent: cotangent }])
    await model.close()
    return [estimate!, gradient!, tangent!] as const
  }

  it('agree at sides that are not divided: 64, 32 and 16 bits', async () => {
    const wide = await answers(64)
    for (const [i, found] of (await answers(32)).entries()) expect(error(found, wide[i]!)).toBeLessThan(tolerance)
    for (const [i, found] of (await answers(16)).entries()) expect(error(found, wide[i]!)).toBeLessThan(halfTolerance)
  })
})
