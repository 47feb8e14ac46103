import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inverters, openDiffusionModel, parse, Task } from 'undiffuse'
import { makePipeline, nodeFiles, ortNode } from 'undiffuse/node'
import { expect, test } from 'vitest'
import { makeSolver } from '../shared/solver.js'
import { benchPipeline, pipelineText, weightBytesOf } from './pipeline.js'

/** Starting processes takes seconds each where other work is running. */
const slow = 180_000

test('a pipeline is opened and run in processes of their own, and everything is told in its unit', {
  timeout: slow,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'undiffuse-pipeline-'))
  try {
    const model = join(folder, 'tiny')
    await makePipeline(model, 'tiny')
    const parts = ['unet/diffusion_pytorch_model', 'vae/diffusion_pytorch_model', 'text_encoder/model']
    const sizes = await Promise.all(parts.map(async (part) => (await stat(join(model, `${part}.safetensors`))).size))
    expect(await weightBytesOf(model)).toBe(sizes.reduce((sum, size) => sum + size, 0))

    let started = 0
    const openRuntime = () => {
      started++
      return ortNode({ threads: 1 })
    }
    const options = { guidance: 3, repeats: 2, solver: makeSolver('ddim', 20), inverter: parse(inverters, 'naive') }
    const open = (runtime: ReturnType<typeof ortNode>) => openDiffusionModel(nodeFiles, model, runtime)
    const result = await new Task(benchPipeline(model, openRuntime, open, options))
    expect(started).toBe(2)
    expect(result.rows.filter(({ work }) => work === 'guided evaluation')).toHaveLength(2)
    for (const { seconds, networkSeconds } of result.rows) expect(seconds).toBeGreaterThan(networkSeconds)
    expect(result.inversionEvaluations).toBe(1)
    expect(result.overheadShare).toBeGreaterThan(0)
    // A process with ONNX Runtime in it takes tens of MiB whatever the weights.
    expect(result.openedMemoryBytes).toBeGreaterThan(2 ** 24)
    expect(pipelineText(result)).toContain('times the weights')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
