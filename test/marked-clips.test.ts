/** Marks in clips, through files as people keep them: of a model that was trained, and in Wan's layout. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Task } from '../src/core/task.js'
import { nmseDb } from '../src/math/nmse.js'
import { torchNoise } from '../src/math/noise.js'
import { type OpenDiffusionModel, openDiffusionModel } from '../src/models/diffusion-model.js'
import { bundledFile } from '../src/node/bundled.js'
import { nodeFiles } from '../src/node/files.js'
import { nodeHost } from '../src/node/host.js'
import type { Host } from '../src/operations/host.js'
import {
  detectOperation,
  type Finished,
  generateOperation,
  keygenOperation,
  type Operation,
  type OperationFields,
  readSettings,
  type Settings,
  type Told,
} from '../src/operations/index.js'
import { ortNode } from '../src/runtimes/onnxruntime-node/index.js'
import { generate } from '../src/verbs/generate.js'
import { inflateScenes } from '../training/clips/inflate.js'
import { memoryHost } from './hosts/memory.js'
import { type MiniatureFolder, miniatureFolder } from './miniature-folder.js'

/** What two orders of float32 sums differ by, after six guided steps. */
const sameDb = -90

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'undiffuse-marked-clips-'))
})
afterAll(() => rm(folder, { recursive: true }))
const at = (name: string) => join(folder, name)

const runOn =
  (host: Host) =>
  async <F extends OperationFields, R>(operation: Operation<F, R>, given: Readonly<Record<string, unknown>>) =>
    await new Task<Finished<R>, Told>(
      operation.run(readSettings(operation.fields, given, operation.id) as Settings<F>, host),
      undefined,
    )

describe('a clip of the bundled model, inflated', () => {
  const steps = 6
  const size = { size: '128', frames: 2 }
  const given = { prompt: 'a large red ball on the left', steps }
  const runtime = ortNode({ threads: 1 })
  let clips: OpenDiffusionModel
  let run: ReturnType<typeof runOn>
  beforeAll(async () => {
    const path = at('scene-clips')
    await inflateScenes(path)
    clips = await openDiffusionModel(nodeFiles, path, runtime, { steps })
    const { models, randomBytes } = memoryHost(clips)
    run = runOn({ ...nodeHost(), models, randomBytes })
  })
  afterAll(() => runtime.close())

  it('is a picture of that model where it has one frame', async () => {
    const path = bundledFile('models', 'undiffuse-scenes')
    const pictures = await openDiffusionModel(nodeFiles, path, runtime, { steps })
    const noise = torchNoise(1, [4, 1, 8, 8])
    const options = { prompt: given.prompt, guidance: 3 }
    const clip = await generate({ ...options, model: clips, noise })
    const picture = await generate({ ...options, model: pictures, noise: { ...noise, shape: [4, 8, 8] } })
    expect(nmseDb({ ...clip.latent, shape: [4, 8, 8] }, picture.latent)).toBeLessThan(sameDb)
  })

  it.each([
    ['gaussian-shading', 'webp'],
    ['tree-ring', 'gif'],
  ] as const)('keeps its mark through a lossy file, for its own key alone: %s, %s', async (scheme, ending) => {
    const [own, other, clip] = [at(`${scheme}-own.json`), at(`${scheme}-other.json`), at(`${scheme}-clip.webp`)]
    for (const output of [own, other]) await run(keygenOperation, { scheme, ...size, output })
    await run(generateOperation, { ...given, ...size, seed: 1, watermark: own, output: clip })
    const source = at(`${scheme}-lossy.${ending}`)
    await sharp(clip, { animated: true })[ending]().toFile(source)
    // The prompt is not known.
    const reading = { sources: [source], steps, key: [own, other], fpr: 1e-6, decoder: 'accelerated' }
    const { result } = await run(detectOperation, reading)
    expect(result.results![0]).toMatchObject({ findings: [{ verdict: 'marked' }, { verdict: 'unmarked' }] })
  })
})

describe("keys in Wan's layout", () => {
  const run = runOn(nodeHost())
  let tiny: MiniatureFolder
  beforeAll(async () => {
    tiny = await miniatureFolder('tiny-wan')
  })
  afterAll(() => tiny.remove())

  it('are of clips of one length, and refuse others in a sentence', async () => {
    const key = at('wan.json')
    const { result } = await run(keygenOperation, { model: tiny.path, frames: 9, size: '32x48', output: key })
    expect(result).toMatchObject({ latentShape: [16, 3, 6, 4], axes: ['channels', 'frames', 'height', 'width'] })
    const made = { model: tiny.path, prompt: 'a boat', guidance: 1, steps: 1, watermark: key }
    const other = run(generateOperation, { ...made, size: '32x48', frames: 5, output: at('other.webp') })
    await expect(other).rejects.toThrow(/clips of 9 frames of 32×48 pixels.*got 5 frames of 32×48 pixels/)
    await run(generateOperation, { ...made, size: '32x48', frames: 9, output: at('clip') })
    // A folder is a clip, and its pictures are the frames.
    const read = { key, model: tiny.path, steps: 1 }
    const { result: found } = await run(detectOperation, { ...read, sources: [at('clip')] })
    // A decoder of random weights is not undone: nothing follows from finding nothing.
    expect(found).toMatchObject({ pictures: 1, failed: 0, undecided: 1 })
    expect(found.results![0]).toMatchObject({ findings: [{ because: 'not-recovered' }] })
    const one = run(detectOperation, { ...read, sources: [at('clip/001.png')] })
    await expect(one).rejects.toThrow(/a clip of 9 frames of 32×48.*got 1 frame of 32×48/)
  })
})
