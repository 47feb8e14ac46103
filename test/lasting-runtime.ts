/** ONNX Runtime for a file of tests, in one process: its start takes a quarter of a second, more than most runs of tests. */
import { afterAll, beforeAll } from 'vitest'
import { builder } from '../src/graph/builder.js'
import type { Runtime } from '../src/graph/runtime.js'
import {
  type DiffusionModelOptions,
  type OpenDiffusionModel,
  openDiffusionModel,
} from '../src/models/diffusion-model.js'
import { nodeFiles } from '../src/node/files.js'
import { type OrtNodeOptions, ortNode } from '../src/runtimes/onnxruntime-node/index.js'

/** A runtime that is closed after the tests. A session that stays open keeps its process: it ends with the last one. */
export function lastingRuntime(options?: OrtNodeOptions): Runtime {
  const runtime = ortNode(options)
  beforeAll(async () => {
    const b = builder()
    b.output(b.input('x', 'float32', [1]), 'y')
    await runtime.open(b.finish('idle'))
  })
  afterAll(() => runtime.close())
  return runtime
}

/** Opens folders, each once for all tests of a file: what they close stays open as long as the runtime. */
export function openedOnce(runtime: Runtime) {
  const opening = new Map<string, Promise<OpenDiffusionModel>>()
  return async (path: string, options: DiffusionModelOptions = {}): Promise<OpenDiffusionModel> => {
    const key = JSON.stringify([path, options])
    const found = opening.get(key) ?? openDiffusionModel(nodeFiles, path, runtime, options)
    opening.set(key, found)
    return { ...(await found), close: async () => {} }
  }
}
