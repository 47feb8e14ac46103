/**
 * LaVie's pipeline in miniature, in test/golden/pipelines or in the folder that UNDIFFUSE_GOLDEN names. NOTE.md of the folder says
 * what its numbers are.
 */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { configOf } from '../src/checkpoints/config.js'
import { readSafetensorsHeader } from '../src/checkpoints/safetensors.js'
import { readTensors } from '../src/checkpoints/tensors.js'
import { vjp } from '../src/graph/passes/vjp.js'
import { nmseDb } from '../src/math/nmse.js'
import { combine, map } from '../src/math/tensor.js'
import { autoencoderGraph } from '../src/models/autoencoder/graphs.js'
import { type OpenDiffusionModel, openDiffusionModel } from '../src/models/diffusion-model.js'
import { openAutoencoderNetworks, openNetwork } from '../src/models/open.js'
import { unet3dConditionConfig } from '../src/nn/unet-3d-condition.js'
import { nodeFiles } from '../src/node/files.js'
import { generate } from '../src/verbs/generate.js'
import { invert } from '../src/verbs/invert.js'
import {
  builtLaVie,
  error,
  exactDb,
  golden,
  gradientTolerance,
  isOwn,
  openings,
  row,
  runOn,
  swapped,
  tolerance,
} from './golden-pipelines.js'
import { lastingRuntime } from './lasting-runtime.js'

/** What two orders of float32 sums differ by. */
const sameDb = -110

const runtime = lastingRuntime({ threads: 1 })

const prompt = 'a red boat on the quiet lake, oil painting'
const negativePrompt = 'dark clouds'

it.runIf(isOwn)('has the numbers of a folder', () => expect(builtLaVie).not.toEqual([]))

describe.each(builtLaVie)('%s', async (name) => {
  const path = join(golden, name)
  const file = join(path, 'reference.safetensors')
  const tensors = await readTensors(nodeFiles, file)
  const { metadata } = await readSafetensorsHeader(nodeFiles, file)
  const prompts = JSON.parse(metadata.prompts!) as readonly string[]
  const of = (key: string) => tensors.get(key)!
  const following = (pattern: RegExp) => [...tensors.keys()].flatMap((key) => pattern.exec(key)?.[1] ?? [])

  const { opened, closeAll } = openings((steps) => openDiffusionModel(nodeFiles, path, runtime, { steps }))
  let model: OpenDiffusionModel
  beforeAll(async () => {
    model = await opened(4)
  })
  afterAll(closeAll)

  it('makes of texts what the pipeline tells its network', async () => {
    for (const [i, text] of prompts.entries()) {
      const { values } = await model.condition(text)
      expect(error(values.encoder_hidden_states!, row(of('prompt_embeds'), i))).toBeLessThan(tolerance)
    }
  })

  it.each(following(/^net\.(\w+)\.output$/))(
    'has the network of the reference, and its gradients: %s',
    async (size) => {
      const get = (key: string) => of(`net.${size}.${key}`)
      const inputs = ['sample', 'timestep', 'encoder_hidden_states']
      const feeds = Object.fromEntries(inputs.map((input) => [input, get(input)]))
      const shapes = Object.fromEntries(inputs.map((input) => [input, get(input).shape]))
      const graph = await openNetwork(nodeFiles, path, { part: 'unet', shapes })
      const wrt = ['sample', 'encoder_hidden_states']
      const results = await runOn(runtime, vjp(graph, { wrt, keep: ['out'] }), {
        ...feeds,
        'cotangent.out': get('cotangent'),
      })
      const theirs = [get('output'), ...[tensors.get(`net.${size}.lavie`)].filter((found) => found !== undefined)]
      for (const output of theirs) expect(error(results.out!, output)).toBeLessThan(tolerance)
      for (const input of wrt) {
        expect(error(results[`gradient.${input}`]!, get(`grad_${input}`))).toBeLessThan(gradientTolerance)
      }
    },
  )

  it('encodes and decodes frame by frame in model units, and has the gradient', async () => {
    const clip = of('vae.clip')
    const [latent] = await model.ask('encode', [row(clip, 0)])
    expect(error(latent!, of('vae.latent'))).toBeLessThan(tolerance)
    // Its own tools take the frames as a batch.
    const frames = (key: string) => swapped(row(of(key), 0))
    const z = frames('vae.z')
    const decoder = await openNetwork(nodeFiles, path, { part: 'decoder', shapes: { latent: z.shape } })
    const cotangent = combine([2, frames('vae.decoded')], [-2, frames('vae.clip')])
    const results = await runOn(runtime, vjp(decoder, { wrt: ['latent'], keep: ['decoded'] }), {
      latent: z,
      'cotangent.decoded': cotangent,
    })
    expect(error(results.decoded!, frames('vae.decoded'))).toBeLessThan(tolerance)
    expect(error(results['gradient.latent']!, frames('vae.grad_z'))).toBeLessThan(gradientTolerance)
  })

  it('gives the same, and the same gradient, whole and in pieces', async () => {
    const { inPieces } = await openAutoencoderNetworks(nodeFiles, path)
    const clip = of('vae.clip')
    const [batch, , frames, height, width] = clip.shape as [number, number, number, number, number]
    const scale = { shape: [1, 1, 1, 1, 1], data: Float64Array.of(1) }
    const feeds = { latent: of('vae.latent'), target: clip, scale }
    const [one, two, whole] = await Promise.all(
      [1, 2, frames].map((together) =>
        runOn(runtime, autoencoderGraph(inPieces!(together), 'pullback', { batch, frames, height, width }), feeds),
      ),
    )
    for (const output of ['image', 'gradient.latent']) {
      expect(nmseDb(one![output]!, whole![output]!)).toBeLessThan(sameDb)
      expect(nmseDb(two![output]!, whole![output]!)).toBeLessThan(sameDb)
    }
  })

  describe.each(following(/^gen\.(g[\d.]+\.n\d+)\.latents$/))('the run %s', (which) => {
    const [, guidance, steps] = /^g([\d.]+)\.n(\d+)$/.exec(which)!.map(Number) as [number, number, number]
    const setting = async () => {
      // Steps are the solver's business: the networks are open.
      const { ask, condition } = model
      const asked = { ...(await opened(steps)), ask, condition }
      return { model: asked, solver: asked.schedulerSolver, prompt, negativePrompt, guidance }
    }
    const noise = row(of('gen.noise'), 0)

    it('ends where the reference ends, on the same way', async () => {
      const { latent, image, states, grid } = await generate({ ...(await setting()), noise })
      expect(grid.slice(0, -1).map(({ t }) => t)).toEqual([...of(`gen.${which}.timesteps`).data])
      const theirs = of(`gen.${which}.latents`)
      for (let i = 0; i < steps; i++) expect(error(states[i + 1]!.x, row(theirs, i))).toBeLessThan(tolerance)
      expect(error(latent, of(`gen.${which}.final64`))).toBeLessThan(tolerance)
      const clip = tensors.get(`gen.${which}.clip`)
      const shown = map(image, (pixel) => pixel / 2 + 0.5)
      if (clip) expect(error(shown, clip)).toBeLessThan(tolerance)
    })

    it.runIf(guidance === 1 && steps >= 10)('is undone exactly', async () => {
      const made = await setting()
      const { latent } = await generate({ ...made, noise })
      const found = await invert({ latent }, made)
      expect([found.outcome, nmseDb(found.noise, noise) < exactDb]).toEqual(['converged', true])
    })
  })
})

describe('a configuration', () => {
  it.each([
    [
      { attention_head_dim: 64, norm_num_groups: 64 },
      'bad-model',
      /heads of 32 channels or more, or of an even number.*320 for 64 heads/,
    ],
    [{ use_relative_position: true }, 'unsupported', /Expected false for `use_relative_position`/],
    [{ down_block_types: Array(4).fill('CrossAttnDownBlock2D') }, 'unsupported', /CrossAttnDownBlock3D/],
    [{ mid_block_type: 'UNetMidBlock2DCrossAttn' }, 'unsupported', /UNetMidBlock3DCrossAttn/],
    [{ addition_embed_type: 'text_time' }, 'unsupported', /`addition_embed_type`/],
  ])('%j is refused', (fields, code, message) => {
    const attempt = () => unet3dConditionConfig(configOf('config.json', fields))
    expect(attempt).toThrowError(expect.objectContaining({ code, message: expect.stringMatching(message) }))
  })
})
