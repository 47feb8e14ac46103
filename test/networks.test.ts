/** Networks from checkpoints as diffusers and transformers write them: their outputs and gradients, by PyTorch. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { CheckpointFolder } from '../src/checkpoints/folder.js'
import { readTensors } from '../src/checkpoints/tensors.js'
import type { Graph } from '../src/graph/graph.js'
import { prune } from '../src/graph/passes/prune.js'
import { vjp } from '../src/graph/passes/vjp.js'
import { norm, subtract, type Tensor, zeros } from '../src/math/tensor.js'
import { openModelFolder } from '../src/models/folder.js'
import * as clipText from '../src/nn/clip-text.js'
import * as t5 from '../src/nn/t5-encoder.js'
import * as unet from '../src/nn/unet-2d-condition.js'
import { nodeFiles } from '../src/node/files.js'
import { lastingRuntime } from './lasting-runtime.js'

/** Both sides compute in float32; what is left is the order of their sums. */
const float32 = 1e-4
/** Gradients add up more terms than outputs. */
const gradientTolerance = 1e-3

const runtime = lastingRuntime()

const golden = (name: string) => join(fileURLToPath(new URL('golden', import.meta.url)), name)
const relativeError = (ours: Tensor, theirs: Tensor) => norm(subtract(ours, theirs)) / norm(theirs)

async function part(folder: CheckpointFolder) {
  const found = await folder.part(folder.partNames[0]!)
  if (found.kind !== 'network') throw new Error('Expected a diffusers network.')
  return { config: found.config, weights: await found.openWeights() }
}

async function run(graph: Graph, feeds: Readonly<Record<string, Tensor>>) {
  const session = await runtime.open(graph)
  const results = await session.run(feeds)
  await session.close()
  return results
}

describe.each(['unet-sd1', 'unet-sd2', 'unet-sdxl'])('%s', async (name) => {
  const io = await readTensors(nodeFiles, join(golden(name), 'io.safetensors'))
  const { config: file, weights } = await part(await openModelFolder(nodeFiles, golden(name)))
  const config = unet.unet2dConditionConfig(file)
  const [batch, , height, width] = io.get('sample')!.shape as [number, number, number, number]
  const size = { batch, height, width, tokens: io.get('encoder_hidden_states')!.shape[1]! }
  const conditions = ['text_embeds', 'time_ids'].filter((key) => io.has(key))
  const feed = (...keys: string[]) => Object.fromEntries(keys.map((key) => [key, io.get(key)!]))
  const inputs = feed('sample', 'timestep', 'encoder_hidden_states', ...conditions)

  it('predicts what diffusers predicts', async () => {
    const { out } = await run(unet.unetGraph(config, weights, size), inputs)
    expect(relativeError(out!, io.get('out')!)).toBeLessThan(float32)
  })

  it('has the gradients of PyTorch', async () => {
    const wrt = ['sample', 'encoder_hidden_states']
    const graph = vjp(unet.unetGraph(config, weights, size), { outputs: ['out'], wrt, keep: ['out'] })
    const results = await run(graph, { ...inputs, 'cotangent.out': io.get('cotangent')! })
    expect(relativeError(results.out!, io.get('out')!)).toBeLessThan(float32)
    for (const input of wrt) {
      expect(relativeError(results[`gradient.${input}`]!, io.get(`grad_${input}`)!), input).toBeLessThan(
        gradientTolerance,
      )
    }
  })

  it('computes the same from keys and values that were computed once', async () => {
    const cached = await run(unet.keyValueGraph(config, weights, size), feed('encoder_hidden_states'))
    const feeds = { ...feed('sample', 'timestep', ...conditions), ...cached }
    const { out } = await run(unet.cachedUnetGraph(config, weights, size), feeds)
    expect(relativeError(out!, io.get('out')!)).toBeLessThan(float32)
  })

  it('tells where it looks: softmax of the queries and keys that it runs on, each place once', async () => {
    const cached = await run(unet.keyValueGraph(config, weights, size), feed('encoder_hidden_states'))
    const feeds = { ...feed('sample', 'timestep', ...conditions), ...cached }
    const looks = await run(unet.looksGraph(config, weights, size), feeds)
    const layers = unet.crossAttentionLayers(config)
    expect(Object.keys(looks)).toEqual(layers.map(({ layer }) => `${layer}.looks`))
    const graph = unet.cachedUnetGraph(config, weights, size)
    const queryOf = (layer: string) =>
      graph.nodes.find(({ inputs }) => inputs.includes(`${layer}.to_q.weight`))!.outputs[0]!
    const queries = await run(
      prune({
        ...graph,
        outputs: layers.map(({ layer }) => ({ name: queryOf(layer), ...graph.types.get(queryOf(layer))! })),
      }),
      feeds,
    )
    for (const { layer } of layers) {
      const found = looks[`${layer}.looks`]!
      const [, tokens, rows, columns] = found.shape as [number, number, number, number]
      const byHand = lookedAt(queries[queryOf(layer)]!, cached[`${layer}.key`]!, headsOf(config, layer))
      expect(relativeError(found, byHand([batch, tokens, rows, columns])), layer).toBeLessThan(float32)
    }
  })
})

/** The heads of a cross-attention layer, by the block that its name says. */
function headsOf({ blocks, mid }: unet.Unet2dConditionConfig, layer: string): number {
  const [, kind, index] = /^(down|up)_blocks\.(\d+)/.exec(layer) ?? []
  if (kind === undefined) return mid.heads
  return (kind === 'down' ? blocks : blocks.toReversed())[Number(index)]!.heads
}

/** The mean over heads of softmax(q·kᵀ/√d) in float64, from the definition. q (N·places) × C, k N × tokens × C. */
const lookedAt =
  (query: Tensor, key: Tensor, heads: number) =>
  (shape: readonly [number, number, number, number]): Tensor => {
    const [batch, tokens, rows, columns] = shape
    const [places, channels] = [rows * columns, key.shape[2]!]
    const width = channels / heads
    const looks = zeros(shape)
    for (let n = 0; n < batch; n++) {
      for (let place = 0; place < places; place++) {
        for (let head = 0; head < heads; head++) {
          const scores = Array.from({ length: tokens }, (_, token) => {
            let product = 0
            for (let c = head * width; c < (head + 1) * width; c++) {
              product +=
                query.data[(n * places + place) * channels + c]! * key.data[(n * tokens + token) * channels + c]!
            }
            return Math.exp(product / Math.sqrt(width))
          })
          const total = scores.reduce((sum, score) => sum + score, 0)
          scores.forEach((score, token) => {
            looks.data[(n * tokens + token) * places + place]! += score / total / heads
          })
        }
      }
    }
    return looks
  }

describe.each(['clip-text-sd1', 'clip-text-sd2'])('%s', (name) => {
  it('encodes what transformers encodes', async () => {
    const io = await readTensors(nodeFiles, join(golden(name), 'io.safetensors'))
    const { config, weights } = await part(await openModelFolder(nodeFiles, golden(name)))
    const ids = io.get('input_ids')!
    const [batch, tokens] = ids.shape as [number, number]
    const graph = clipText.clipTextGraph(clipText.clipTextConfig(config), weights, { batch, tokens })
    const results = await run(graph, { input_ids: ids })
    const expectedKeys = [...io.keys()].filter((key) => key !== 'input_ids')
    expect(expectedKeys.length).toBeGreaterThanOrEqual(3)
    for (const key of expectedKeys) expect(relativeError(results[key]!, io.get(key)!), key).toBeLessThan(float32)
  })
})

describe('umt5-encoder', () => {
  it('encodes what transformers encodes, each layer with positions of its own', async () => {
    const io = await readTensors(nodeFiles, join(golden('umt5-encoder'), 'io.safetensors'))
    const { config, weights } = await part(await openModelFolder(nodeFiles, golden('umt5-encoder')))
    const ids = io.get('input_ids')!
    const [batch, tokens] = ids.shape as [number, number]
    const graph = t5.t5EncoderGraph(t5.t5EncoderConfig(config), weights, { batch, tokens })
    const results = await run(graph, { input_ids: ids })
    expect(relativeError(results.last_hidden_state!, io.get('last_hidden_state')!)).toBeLessThan(float32)
  })
})
