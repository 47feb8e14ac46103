/** The command line on whole pipelines that the reference saved: a network with its gradients, a generation, and its inversion. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeSafetensors } from '../../src/checkpoints/safetensors.js'
import { readTensors, safetensor } from '../../src/checkpoints/tensors.js'
import { nmseDb } from '../../src/math/nmse.js'
import { norm, subtract, type Tensor } from '../../src/math/tensor.js'
import { nodeFiles } from '../../src/node/files.js'
import { undiffuse } from './command-line.js'

/** Both sides compute in float32; what is left is the order of their sums. */
const tolerance = 1e-4
/** Gradients add up more terms than outputs. */
const gradientTolerance = 1e-3
/** What an inversion that says it is exact brings the noise back to. */
const exactDb = -90

const golden = (name: string) => join(import.meta.dirname, '..', 'golden', 'pipelines', name)
const prompt = 'a red boat on the quiet lake, oil painting'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'undiffuse-pipelines-'))
})
afterAll(() => rm(folder, { recursive: true }))

const relativeError = (ours: Tensor, theirs: Tensor) =>
  norm(subtract({ ...ours, shape: theirs.shape }, theirs)) / norm(theirs)

async function write(name: string, tensors: Readonly<Record<string, Tensor>>): Promise<string> {
  const path = join(folder, name)
  const entries = Object.entries(tensors).map(([key, tensor]) => [key, safetensor(tensor)])
  await writeFile(path, Buffer.concat(encodeSafetensors(Object.fromEntries(entries))))
  return path
}

async function succeeded(...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await undiffuse(words)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout
}

// All sizes, weights and numbers of steps are compared in test/pipelines.test.ts: here is what the commands add.
describe('sd3', () => {
  it('runs the transformer and its gradients', async () => {
    const tensors = await readTensors(nodeFiles, join(golden('sd3'), 'reference.safetensors'))
    const of = (key: string) => tensors.get(`net.square.${key}`)!
    const inputs = ['hidden_states', 'timestep', 'encoder_hidden_states', 'pooled_projections']
    const wrt = inputs.filter((input) => input !== 'timestep')
    const feed = await write('feed.safetensors', Object.fromEntries([...inputs, 'cotangent'].map((k) => [k, of(k)])))
    const out = join(folder, 'run.safetensors')
    const asked = ['--part', 'transformer', '--feed', feed, '--vjp', 'out=cotangent', '--wrt', wrt.join(), '-o', out]
    await succeeded('run', golden('sd3'), ...asked)
    const found = await readTensors(nodeFiles, out)
    expect(relativeError(found.get('out')!, of('output'))).toBeLessThan(tolerance)
    for (const input of wrt) {
      expect(relativeError(found.get(`gradient.${input}`)!, of(`grad_${input}`)), input).toBeLessThan(gradientTolerance)
    }
  })

  it.each([
    ['sd3', 1, 10],
    ['sd3-no-t5', 4.5, 4],
  ] as const)(
    '%s makes the generation of guidance %f in %i steps, and finds its noise or says that it does not',
    async (name, weight, steps) => {
      const tensors = await readTensors(nodeFiles, join(golden(name), 'reference.safetensors'))
      const given = tensors.get('gen.noise')!
      const [latent, back] = ['latent', 'back'].map((file) =>
        join(folder, `${name}-${weight}-${steps}-${file}.safetensors`),
      )
      const noise = await write('noise.safetensors', { noise: given })
      const model = [
        '--model',
        golden(name),
        '--steps',
        `${steps}`,
        '--guidance',
        `${weight}`,
        '--negative',
        'dark clouds',
      ]
      await succeeded(
        'generate',
        prompt,
        ...model,
        '--noise',
        noise,
        '--save-latent',
        latent!,
        '-o',
        join(folder, 'a.png'),
      )
      const made = (await readTensors(nodeFiles, latent!)).get('latent')!
      const rows = tensors.get(`gen.g${weight}.n${steps}.latents`)
      if (rows) {
        const last = { shape: made.shape, data: rows.data.slice(-made.data.length) }
        expect(relativeError(made, last)).toBeLessThan(tolerance)
      }
      const report = await succeeded('invert', latent!, ...model, '--prompt', prompt, '--json', '-o', back!)
      const { exact, outcome } = JSON.parse(report).sources[0].noise as { exact: string; outcome: string }
      const db = nmseDb((await readTensors(nodeFiles, back!)).get('noise')!, given)
      expect(exact === 'no').toBe(outcome !== 'converged')
      if (exact !== 'no') expect(db).toBeLessThan(exactDb)
      // Without guidance the steps contract, where they are not very long.
      if (weight === 1 && steps === 10) expect(exact).toBe('given-latent')
    },
  )
})
