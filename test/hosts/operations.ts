/** Operations as an application starts them, on the host of memory and a model in closed form: for tests of operations. */

import { readTensors } from '../../src/checkpoints/tensors.js'
import { Task } from '../../src/core/task.js'
import type { Tensor } from '../../src/math/tensor.js'
import { type OperationFields, readSettings } from '../../src/operations/fields.js'
import {
  generateOperation,
  keygenOperation,
  type Operation,
  type Settings,
  type Told,
} from '../../src/operations/index.js'
import type { Finished } from '../../src/operations/operation.js'
import { analyticModel } from '../laws/analytic-model.js'
import { memoryHost } from './memory.js'

export const { model } = analyticModel()
export const prompt = 'anything'
/** Of the analytic world: steps that implicit inversion undoes to the last digits. */
export const sampling = { solver: 'ddim', steps: 20 }
/** Ten digits of a file in 64 bits; float32 files keep seven. */
export const toLastDigitsDb = -100

export type Given = Readonly<Record<string, unknown>>

/** Starts an operation on a host, as an application does. */
export const start = <F extends OperationFields, R>(
  operation: Operation<F, R>,
  host: ReturnType<typeof memoryHost>,
  given: Given,
  signal?: AbortSignal,
) =>
  new Task<Finished<R>, Told>(
    operation.run(readSettings(operation.fields, given, operation.id) as Settings<F>, host, signal),
    signal,
  )

export async function tensorIn(host: ReturnType<typeof memoryHost>, path: string, name: string): Promise<Tensor> {
  const { shape, data } = (await readTensors(host.files, path)).get(name)!
  return { shape: shape.slice(1), data }
}

/** The host with a model of another name or other weights. */
export const under = (host: ReturnType<typeof memoryHost>, name: string, identity: string): typeof host => ({
  ...host,
  models: {
    ...host.models,
    async open(settings) {
      const held = await host.models.open(settings)
      return { ...held, model: { ...held.model, name }, identity: async () => identity }
    },
  },
})

export const text = (host: ReturnType<typeof memoryHost>, path: string) => host.files.text(path)

/** Sixteen signs are few: p-values of marks are at least 2⁻¹⁶. */
export const fpr = 1e-3
export const scheme = 'gaussian-shading:bits=1'

/** A key of the host's chance, pictures with its mark and without, and how they are read. */
export async function marked() {
  const host = memoryHost(model)
  await start(keygenOperation, host, { scheme, output: 'key.json' })
  const given = { prompt, ...sampling, guidance: 1, precision: '64' }
  await start(generateOperation, host, {
    ...given,
    watermark: 'key.json',
    message: '8',
    output: 'many/marked.png',
    saveNoise: 'marked.safetensors',
  })
  await start(generateOperation, host, { ...given, seed: 9, output: 'many/plain.png' })
  host.written.set('many/broken.png', new Uint8Array(3))
  const inverting = { prompt, ...sampling, guidance: 1, decoder: 'encoder-only', key: 'key.json', fpr }
  return { host, inverting }
}
