/**
 * Wan's pipelines as diffusers saves them, in test/golden/pipelines or in the folder that UNDIFFUSE_GOLDEN names. NOTE.md of each
 * folder says what its numbers are; its autoencoder is in autoencoders-of-clips.test.ts.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseJsonObject } from '../src/checkpoints/json.js'
import { readTensors } from '../src/checkpoints/tensors.js'
import { automatic } from '../src/diffusion/inverters/automatic.js'
import { flowEuler } from '../src/diffusion/solvers/flow-euler.js'
import { vjp } from '../src/graph/passes/vjp.js'
import { nmseDb } from '../src/math/nmse.js'
import { map, type Tensor } from '../src/math/tensor.js'
import { type OpenDiffusionModel, openDiffusionModel } from '../src/models/diffusion-model.js'
import { openNetwork } from '../src/models/open.js'
import { nodeFiles } from '../src/node/files.js'
import { generate } from '../src/verbs/generate.js'
import { invert } from '../src/verbs/invert.js'
import {
  builtWan,
  error,
  exactDb,
  golden,
  gradientTolerance,
  holdsMarks,
  isOwn,
  openings,
  row,
  runOn,
  swapped,
  tolerance,
} from './golden-pipelines.js'
import { lastingRuntime } from './lasting-runtime.js'

/** With so many steps they contract on miniatures of random weights. */
const contracting = 9

const runtime = lastingRuntime({ threads: 1 })

/** Several of a batch, in this order. */
function rows(of: Tensor, which: readonly number[]): Tensor {
  const parts = which.map((i) => row(of, i))
  return { shape: [which.length, ...parts[0]!.shape], data: Float64Array.from(parts.flatMap(({ data }) => [...data])) }
}

interface Facts {
  readonly prompts: readonly string[]
  readonly runs: Readonly<
    Record<string, { readonly steps: number; readonly guidance_scale: number; readonly frames: number }>
  >
}

const json = (file: string) => parseJsonObject(readFileSync(file, 'utf8'), file)

it.runIf(isOwn)('has the numbers of a folder', () => expect(builtWan).not.toEqual([]))

describe.each(builtWan)('%s', async (name) => {
  const path = join(golden, name)
  const tensors = await readTensors(nodeFiles, join(path, 'reference.safetensors'))
  const { prompts, runs } = json(join(path, 'reference.json')) as unknown as Facts
  const of = (key: string) => tensors.get(key)!
  const following = (pattern: RegExp) => [...tensors.keys()].flatMap((key) => pattern.exec(key)?.[1] ?? [])

  const { opened, closeAll } = openings((steps) => openDiffusionModel(nodeFiles, path, runtime, { steps }))
  let model: OpenDiffusionModel
  beforeAll(async () => {
    model = await opened(4)
  })
  afterAll(closeAll)

  it('makes of texts what the pipeline tells its network', async () => {
    for (const [i, prompt] of prompts.entries()) {
      const { values } = await model.condition(prompt)
      expect(error(values.encoder_hidden_states!, row(of('text.embeds'), i))).toBeLessThan(tolerance)
    }
  })

  it.each(following(/^net\.(\w+)\.velocity$/))(
    'has the network of the reference, and its gradients: %s',
    async (size) => {
      const get = (key: string) => of(`net.${size}.${key}`)
      const sample = get('sample')
      // One is of the last prompt, a batch of the last and the first.
      const states = rows(of('text.embeds'), [2, 0].slice(0, sample.shape[0]))
      const feeds = { hidden_states: sample, timestep: get('timestep'), encoder_hidden_states: states }
      const shapes = Object.fromEntries(Object.entries(feeds).map(([input, { shape }]) => [input, shape]))
      const graph = await openNetwork(nodeFiles, path, { part: 'transformer', shapes })
      const wrt = ['hidden_states', 'encoder_hidden_states']
      const results = await runOn(runtime, vjp(graph, { wrt, keep: ['out'] }), {
        ...feeds,
        'cotangent.out': get('cotangent'),
      })
      expect(error(results.out!, get('velocity'))).toBeLessThan(tolerance)
      expect(error(results['gradient.hidden_states']!, get('grad_sample'))).toBeLessThan(gradientTolerance)
      expect(error(results['gradient.encoder_hidden_states']!, get('grad_text'))).toBeLessThan(gradientTolerance)
    },
  )

  it.each(following(/^vae\.(\d+)\.latent$/))(
    'encodes and decodes clips of %s frames in model units',
    async (frames) => {
      const [latent] = await model.ask('encode', [row(of(`vae.${frames}.clip`), 0)])
      expect(error(latent!, of(`vae.${frames}.latent`))).toBeLessThan(tolerance)
      const last = { plain4: '5', plain9: '1', cfg4: '9' } as const
      const which = (Object.keys(last) as (keyof typeof last)[]).find((each) => last[each] === frames)!
      const [clip] = await model.ask('decode', [row(of(`gen.${which}.latents`), runs[which]!.steps - 1)])
      const shown = of(`gen.${which}.clip`)
      expect(
        error(
          map(swapped(clip!), (pixel) => pixel / 2 + 0.5),
          shown,
        ),
      ).toBeLessThan(tolerance)
    },
  )

  it('has room for every mark, and says in which layout', () => holdsMarks(model.layout, model.name))

  it.each(following(/^schedule\.(\d+)\.timesteps$/).map(Number))(
    'walks the grid of the reference: %i steps',
    async (steps) => {
      const { schedulerSolver, schedule } = await opened(steps)
      const grid = schedulerSolver.grid(schedule(model.layout.latentShape(model.layout.picture)))
      const times = [...of(`schedule.${steps}.timesteps`).data]
      expect(grid.slice(0, -1).map(({ t }) => Math.trunc(t))).toEqual(times)
      const sigmas = Float64Array.from(grid, ({ sigma }) => sigma)
      expect(error({ shape: [sigmas.length], data: sigmas }, of(`schedule.${steps}.sigmas`))).toBeLessThan(tolerance)
    },
  )

  describe.each(Object.entries(runs))('the run %s', (which, { steps, guidance_scale: guidance }) => {
    const setting = async () => {
      // Steps are the solver's business: the networks are open.
      const { ask, condition } = model
      const asked = { ...(await opened(steps)), ask, condition }
      return { model: asked, solver: asked.schedulerSolver, prompt: prompts[2]!, negativePrompt: prompts[0]!, guidance }
    }
    const noise = row(of(`gen.${which}.noise`), 0)

    it('ends where the reference ends, on the same way', async () => {
      const { latent, states } = await generate({ ...(await setting()), noise })
      const theirs = of(`gen.${which}.latents`)
      for (let i = 0; i < theirs.shape[0]!; i++) {
        expect(error(states[i + 1]!.x, row(theirs, i))).toBeLessThan(tolerance)
      }
      expect(error(latent, of(`gen.${which}.final_float64`))).toBeLessThan(tolerance)
    })

    it.runIf(steps >= contracting)('is undone exactly', async () => {
      const made = await setting()
      const solver = guidance === 1 ? flowEuler({ steps }) : made.solver
      const { latent } = await generate({ ...made, solver, noise })
      const found = await invert({ latent }, { ...made, solver })
      expect(nmseDb(found.noise, noise)).toBeLessThan(exactDb)
      if (guidance > 1) expect([found.outcome, found.noiseExact]).toEqual(['converged', 'given-latent'])
    })

    it.runIf(steps < contracting && guidance === 1)(
      'is not said to be undone where its steps are too long',
      async () => {
        const made = await setting()
        const { latent } = await generate({ ...made, noise })
        const found = await invert({ latent }, { ...made, inverter: automatic({ iterations: 20 }) })
        if (found.outcome === 'converged') expect(nmseDb(found.noise, noise)).toBeLessThan(exactDb)
        else expect(found.noiseExact).toBe('no')
      },
    )
  })
})
