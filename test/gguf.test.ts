/** GGUF files of a transformer: diffusers' outputs of the same files, a pipeline that holds one, and what is refused. */
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Files, ScratchFile } from '../src/checkpoints/files.js'
import { readTensors } from '../src/checkpoints/tensors.js'
import { vjp } from '../src/graph/passes/vjp.js'
import { torchNoise } from '../src/math/noise.js'
import { norm, subtract, type Tensor } from '../src/math/tensor.js'
import { openDiffusionModel } from '../src/models/diffusion-model.js'
import { openNetwork } from '../src/models/open.js'
import { nodeFiles } from '../src/node/files.js'
import { makePipeline } from '../src/node/make-checkpoint.js'
import { lastingRuntime } from './lasting-runtime.js'

const golden = fileURLToPath(new URL('golden/gguf', import.meta.url))
const files = ['sd3-q8_0', 'sd3-q4_0'] as const

/** Both sides compute in float32; what is left is the order of their sums. */
const float32 = 1e-4
const relativeError = (ours: Tensor, theirs: Tensor) => norm(subtract(ours, theirs)) / norm(theirs)

/** A network that is opened alone holds what it makes until the process ends; these go with the tests. */
const scratches: ScratchFile[] = []
const host: Files = {
  ...nodeFiles,
  async scratch() {
    const file = await nodeFiles.scratch!()
    scratches.push(file)
    return file
  },
}

const runtime = lastingRuntime({ threads: 1 })
let root = ''
let tiny = ''
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'undiffuse-gguf-'))
  tiny = join(root, 'tiny')
  await makePipeline(tiny, 'tiny-stable-diffusion-3')
})
afterAll(async () => {
  for (const file of scratches) await file.remove()
  await rm(root, { recursive: true })
})

/** The transformer's folder with these files in place of its weights. */
async function folderWith(names: readonly string[], config = 'config.json'): Promise<string> {
  const folder = await mkdtemp(join(root, 'transformer-'))
  await cp(join(golden, config), join(folder, 'config.json'))
  for (const name of names) await cp(join(golden, name), join(folder, name))
  return folder
}

/** What blocks of 4 bits cost at random weights. */
const costOfFourBits = 0.3

/** A pipeline whose transformer is the one of a file. */
async function pipelineWith(name: string): Promise<string> {
  const folder = await mkdtemp(join(root, 'model-'))
  await cp(tiny, folder, { recursive: true })
  await rm(join(folder, 'transformer'), { recursive: true })
  await mkdir(join(folder, 'transformer'))
  await cp(join(golden, 'config.json'), join(folder, 'transformer', 'config.json'))
  await cp(join(golden, `${name}.gguf`), join(folder, 'transformer', `${name}.gguf`))
  return folder
}

describe.each(files)('%s', (name) => {
  it('predicts what diffusers predicts of the same numbers, with its gradient', async () => {
    const io = await readTensors(nodeFiles, join(golden, 'io.safetensors'))
    const inputs = ['hidden_states', 'timestep', 'encoder_hidden_states', 'pooled_projections']
    const feeds = Object.fromEntries(inputs.map((input) => [input, io.get(input)!]))
    const shapes = Object.fromEntries(inputs.map((input) => [input, io.get(input)!.shape]))
    const graph = await openNetwork(host, await folderWith([`${name}.gguf`]), { shapes })
    const stored = [...graph.initializers.values()].filter(({ dtype }) => dtype === 'uint8')
    expect(stored.length).toBeGreaterThan(20)
    const gradient = vjp(graph, { wrt: ['hidden_states'], keep: ['out'] })
    const session = await runtime.open(gradient)
    const found = await session.run({ ...feeds, 'cotangent.out': io.get('cotangent')! })
    expect(relativeError(found.out!, io.get(`out.${name}`)!)).toBeLessThan(float32)
    expect(relativeError(found['gradient.hidden_states']!, io.get(`gradient.${name}`)!)).toBeLessThan(float32)
    await session.close()
  })
})

describe('both files', () => {
  it('denoise in a pipeline, have derivatives, and leave nothing behind', async () => {
    const ofThisProcess = new RegExp(`^undiffuse-weights-.*-${process.pid}-`)
    const weightsLeft = async () => (await readdir(tmpdir())).filter((each) => ofThisProcess.test(each))
    const before = await weightsLeft()
    const ask = async (path: string) => {
      const model = await openDiffusionModel(nodeFiles, path, runtime)
      const x = torchNoise(3, [16, 8, 8])
      const level = model.schedule(x.shape).level(600)
      const question = { x, level, condition: await model.condition('a red boat') }
      const [denoised] = await model.ask('denoise', [question])
      const [gradient] = await model.ask('pullback', [{ ...question, cotangent: torchNoise(4, x.shape) }])
      await model.close()
      return { denoised: denoised!, gradient: gradient! }
    }
    // Both files hold the same numbers, in 8 and in 4 bits.
    const [ours, other] = await Promise.all(files.map(pipelineWith))
    const [here, there] = [await ask(ours!), await ask(other!)]
    expect(relativeError(here.denoised, there.denoised)).toBeLessThan(costOfFourBits)
    expect(relativeError(here.gradient, there.gradient)).toBeLessThan(costOfFourBits)
    const after = await weightsLeft()
    expect(after.filter((each) => !before.includes(each))).toEqual([])
  })
})

describe('a folder', () => {
  const shapes = {
    hidden_states: [1, 16, 8, 8],
    timestep: [1],
    encoder_hidden_states: [1, 5, 48],
    pooled_projections: [1, 44],
  }
  const open = (path: string) => openNetwork(host, path, { shapes })

  it('must not have two files of weights', async () => {
    const folder = await folderWith(files.map((name) => `${name}.gguf`))
    await expect(open(folder)).rejects.toThrow(/one kind of weights.*sd3-q4_0.gguf, sd3-q8_0.gguf/)
    const both = await folderWith(['sd3-q8_0.gguf'])
    await writeFile(join(both, 'diffusion_pytorch_model.safetensors'), '')
    await expect(open(both)).rejects.toThrow(/sd3-q8_0.gguf, .safetensors/)
  })

  it('of a class whose names in such files are not known is refused', async () => {
    const folder = await folderWith(['sd3-q8_0.gguf'])
    await writeFile(join(folder, 'config.json'), JSON.stringify({ _class_name: 'UNet2DConditionModel' }))
    await expect(open(folder)).rejects.toThrow(/weights in .safetensors for UNet2DConditionModel/)
  })

  it('must fit its configuration', async () => {
    const model = await pipelineWith('sd3-q8_0')
    const config = JSON.parse((await nodeFiles.text(join(golden, 'config.json'))) as string) as Record<string, unknown>
    const change = (fields: object) =>
      writeFile(join(model, 'transformer', 'config.json'), JSON.stringify({ ...config, ...fields }))
    await change({ num_layers: 3 })
    await expect(openDiffusionModel(nodeFiles, model, runtime)).rejects.toThrow(/do not belong together/)
    await change({ qk_norm: null })
    await expect(openDiffusionModel(nodeFiles, model, runtime)).rejects.toThrow(/more, such as joint_blocks/)
  })
})
