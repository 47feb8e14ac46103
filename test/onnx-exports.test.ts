/**
 * ONNX files as users bring them (test/golden/onnx-exports): they open with torch's outputs and gradients, or are
 * refused by name with what to do; the same with fixed and with symbolic sizes.
 */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { ModelProtoSchema, type ValueInfoProto } from 'onnx-buf'
import { InferenceSession } from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readTensors } from '../src/checkpoints/tensors.js'
import { isUndiffuseError } from '../src/core/errors.js'
import type { Graph } from '../src/graph/graph.js'
import { decodeOnnx } from '../src/graph/onnx/read.js'
import { vjp } from '../src/graph/passes/vjp.js'
import type { Tensor } from '../src/math/tensor.js'
import { openAutoencoderNetworks, openNetwork } from '../src/models/open.js'
import { nodeFiles } from '../src/node/files.js'
import { exportedDecoder, exportedEncoder } from './exported-autoencoder.js'
import { lastingRuntime } from './lasting-runtime.js'
import { int64s, modelFile, type NodeInit, node, OnnxType, value } from './onnx-files.js'

const golden = fileURLToPath(new URL('golden/onnx-exports', import.meta.url))
const fileIn = (folder: string) => join(golden, folder, 'model.onnx')

/** Of numbers of order one through some forty operators in float32. */
const FLOAT32 = 1e-5
/** The same in half precision, 2⁻¹¹ for each operator. */
const FLOAT16 = 1e-2
/** torch's numbers are of weights that were not rounded to the 8 bits of bfloat16. */
const BFLOAT16 = 1e-1

type Tensors = Readonly<Record<string, Tensor>>

async function expectedOf(folder: string): Promise<(kind: string) => Tensors> {
  const tensors = await readTensors(nodeFiles, join(golden, folder, 'expected.safetensors'))
  return (kind) =>
    Object.fromEntries(
      [...tensors].filter(([name]) => name.startsWith(`${kind}.`)).map(([name, x]) => [name.slice(kind.length + 1), x]),
    )
}

const shapesOf = (tensors: Tensors) =>
  Object.fromEntries(Object.entries(tensors).map(([name, { shape }]) => [name, shape]))

function expectClose(found: Tensors, wanted: Tensors, tolerance: number, prefix = ''): void {
  for (const [name, { shape, data }] of Object.entries(wanted)) {
    const result = found[`${prefix}${name}`]!
    expect(result.shape).toEqual(shape)
    const error = Math.max(...data.map((right, i) => Math.abs(result.data[i]! - right)))
    expect(error, name).toBeLessThan(tolerance)
  }
}

const runtime = lastingRuntime()

async function run(graph: Graph, feeds: Tensors): Promise<Tensors> {
  // Open until the end: the process of the last session to close would end and have to start again.
  const session = await runtime.open(graph)
  return await session.run(feeds)
}

/** The file with the sizes of these tensors in place of its symbolic ones. */
async function withFixedSizes(file: string, tensors: Tensors): Promise<Uint8Array> {
  const model = fromBinary(ModelProtoSchema, await readFile(file))
  const fix = ({ name, type }: ValueInfoProto) => {
    const shape = tensors[name]!.shape
    if (type?.value.case === 'tensorType') {
      type.value.value.shape!.dim.forEach((dim, i) => {
        dim.value = { case: 'dimValue', value: BigInt(shape[i]!) }
      })
    }
  }
  model.graph!.input.forEach(fix)
  model.graph!.output.forEach(fix)
  return toBinary(ModelProtoSchema, model)
}

const opened: readonly (readonly [folder: string, tolerance: number])[] = [
  ['argmax-text-encoder', FLOAT32],
  ['attention-opset-23', FLOAT32],
  ['bfloat16', BFLOAT16],
  ['castlike-gradient', FLOAT32],
  ['fusedmatmul-ort-extended', FLOAT32],
  ['olive-groupnorm-nhwcconv', FLOAT32],
  ['unet-symbolic-channels', FLOAT32],
  ['unsorted-nodes-fp16', FLOAT16],
]

describe('a file that opens has the outputs and gradients of torch', () => {
  it.each(opened)('%s', async (folder, tolerance) => {
    const expected = await expectedOf(folder)
    const inputs = expected('in')
    const graph = await openNetwork(nodeFiles, fileIn(folder), { shapes: shapesOf(inputs) })
    expectClose(await run(graph, inputs), expected('out'), tolerance)
    const fixed = decodeOnnx(await withFixedSizes(fileIn(folder), { ...inputs, ...expected('out') }))
    expect(fixed).toEqual(graph)

    const gradients = expected('gradient')
    if (Object.keys(gradients).length === 0) return
    const cotangents = expected('cotangent')
    const gradient = vjp(graph, { outputs: Object.keys(cotangents), wrt: Object.keys(gradients) })
    const fed = Object.entries(cotangents).map(([name, x]) => [`cotangent.${name}`, x] as const)
    const results = await run(gradient, { ...inputs, ...Object.fromEntries(fed) })
    expectClose(results, gradients, tolerance, 'gradient.')
  })
})

describe('what ONNX Runtime saves after its own optimisations opens too', () => {
  it.each(opened.filter(([folder]) => !/bfloat16|olive/.test(folder)))('%s', async (name, tolerance) => {
    const folder = await mkdtemp(join(tmpdir(), 'undiffuse-optimised-'))
    try {
      const file = join(folder, 'model.onnx')
      const session = await InferenceSession.create(fileIn(name), {
        graphOptimizationLevel: 'extended',
        optimizedModelFilePath: file,
        logSeverityLevel: 3,
      })
      await session.release()
      const expected = await expectedOf(name)
      const graph = await openNetwork(nodeFiles, file, { shapes: shapesOf(expected('in')) })
      expectClose(await run(graph, expected('in')), expected('out'), tolerance)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

function failure(read: () => unknown): { code: string; message: string } {
  try {
    read()
  } catch (error) {
    if (!isUndiffuseError(error)) throw error
    return { code: error.code, message: error.message }
  }
  throw new Error('Expected an error.')
}

describe('a file that does not open is refused by name, with fixed and with symbolic sizes alike', () => {
  it('quantised-int8', async () => {
    const expected = await expectedOf('quantised-int8')
    const shapes = shapesOf(expected('in'))
    const symbolic = await openNetwork(nodeFiles, fileIn('quantised-int8'), { shapes }).catch((error) => error)
    expect(symbolic).toMatchObject({
      code: 'unsupported',
      message: expect.stringMatching(
        /not quantised .* DynamicQuantizeLinear .* ConvInteger .* before it was quantised/,
      ),
    })
    const fixed = await withFixedSizes(fileIn('quantised-int8'), { ...expected('in'), ...expected('out') })
    expect(failure(() => decodeOnnx(fixed))).toEqual({ code: symbolic.code, message: symbolic.message })
  })

  const unknown: readonly NodeInit[] = [
    node('Relu', ['x'], ['a']),
    node('Magic', ['a'], ['b']),
    node('Magic', ['b'], ['c']),
    node('NhwcMaxPool', ['c'], ['d'], {}, 'com.microsoft'),
    node('Conv', ['d', 'd'], ['y'], {}, 'com.microsoft.nchwc'),
  ]
  it('operators that are not known: all of them, with domains and nodes', () => {
    const read = (size: number | string) => () =>
      decodeOnnx(
        modelFile({ opset: 17, inputs: [value('x', [1, size])], outputs: [value('y', [1, size])], nodes: unknown }),
        { shapes: { x: [1, 4] } },
      )
    const found = failure(read(4))
    expect(found.code).toBe('unsupported')
    expect(found.message).toContain(
      'Magic (node `node_b` and 1 more), com.microsoft.NhwcMaxPool (node `node_d`), com.microsoft.nchwc.Conv (node `node_y`)',
    )
    expect(failure(read('width'))).toEqual(found)
  })

  it('names between other names are not cut out of a message, long ones are', () => {
    const long = 'n'.repeat(300)
    const { message } = failure(() =>
      decodeOnnx(
        modelFile({
          opset: 17,
          inputs: [value('x', [1])],
          outputs: [value('y', [1])],
          nodes: [
            { ...node('First', ['x'], ['a']), name: 'a/'.repeat(60) },
            { ...node('Second', ['a'], ['b'], {}, 'org.example'), name: long },
            node('Third', ['b'], ['y']),
          ],
        }),
      ),
    )
    expect(message).toMatch(
      /First \(node `[a/]{100}…`\), org\.example\.Second \(node `n{100}…`\), Third \(node `node_y`\)/,
    )
  })
})

describe('nodes in any order', () => {
  it('are put in order, also through functions', () => {
    const graph = decodeOnnx(
      modelFile({
        opset: 17,
        imports: { 'pkg.custom': 1 },
        inputs: [value('x', [2])],
        outputs: [value('y', [2])],
        functions: [
          {
            name: 'twice',
            domain: 'pkg.custom',
            input: ['i'],
            output: ['o'],
            opsetImport: [{ domain: '', version: 17n }],
            node: [
              { opType: 'Neg', input: ['m'], output: ['o'] },
              { opType: 'Abs', input: ['i'], output: ['m'] },
            ],
          },
        ],
        nodes: [
          node('Sqrt', ['b'], ['y']),
          node('twice', ['a'], ['b'], {}, 'pkg.custom'),
          node('Exp', ['x'], ['a']),
          node('Neg', ['x'], ['unused']),
        ],
      }),
    )
    expect(graph.nodes.map(({ op }) => op)).toEqual(['Exp', 'Abs', 'Neg', 'Sqrt', 'Neg'])
  })

  it('cannot depend on themselves', () => {
    const nodes = [node('Add', ['x', 'b'], ['a']), node('Neg', ['a'], ['b']), node('Neg', ['b'], ['y'])]
    const file = modelFile({ opset: 17, inputs: [value('x', [2])], outputs: [value('y', [2])], nodes })
    expect(failure(() => decodeOnnx(file))).toMatchObject({
      code: 'bad-model',
      message: expect.stringMatching(/do not depend on themselves for Add \(node `node_a`\), got `b` ← `a`/),
    })
  })

  it('are read for tens of thousands of nodes', () => {
    const count = 20_000
    const chain = Array.from({ length: count }, (_, i) => node('Neg', [i ? `v${i}` : 'x'], [`v${i + 1}`])).reverse()
    const outputs = [value(`v${count}`, [2])]
    const graph = decodeOnnx(modelFile({ opset: 17, inputs: [value('x', [2])], outputs, nodes: chain }))
    expect(graph.nodes[0]!.inputs).toEqual(['x'])
    expect(graph.nodes).toHaveLength(count)
  })
})

describe('bfloat16', () => {
  const weight = { name: 'w', dataType: OnnxType.BFLOAT16, dims: [2n], int32Data: [0x3f81, 0xc000] }
  const file = modelFile({
    opset: 17,
    inputs: [value('x', [2], OnnxType.BFLOAT16)],
    outputs: [value('y', [2], OnnxType.BFLOAT16)],
    initializers: [weight],
    nodes: [
      node('Cast', ['w'], ['single'], { to: OnnxType.FLOAT }),
      node('Cast', ['single'], ['again'], { to: OnnxType.BFLOAT16 }),
      node('Mul', ['x', 'again'], ['z']),
      node('Add', ['z', 'w'], ['y']),
    ],
  })

  it('is computed in float32 with the same weights', async () => {
    const graph = decodeOnnx(file)
    expect(graph.inputs[0]!.dtype).toBe('float32')
    expect(graph.outputs[0]!.dtype).toBe('float32')
    expect(graph.initializers.get('w')!.dtype).toBe('bfloat16')
    const { y } = await run(graph, { x: { shape: [2], data: Float64Array.of(0.5, 3) } })
    // 0x3f81 is 1 + 2⁻⁷, 0xc000 is −2.
    expect([...y!.data]).toEqual([1.5 * (1 + 2 ** -7), -8])
  })
})

describe('models whose sizes or halves are known by other means', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'undiffuse-onnx-exports-'))
  })
  afterAll(() => rm(folder, { recursive: true }))
  const written = async (name: string, files: Readonly<Record<string, Uint8Array | string>>): Promise<string> => {
    for (const [file, content] of Object.entries(files)) {
      await mkdir(dirname(join(folder, name, file)), { recursive: true })
      await writeFile(join(folder, name, file), content)
    }
    return join(folder, name)
  }
  const [encoder, decoder] = [exportedEncoder(17, 'latent_parameters'), exportedDecoder(17)]
  const two = { 'vae_encoder/model.onnx': encoder, 'vae_decoder/model.onnx': decoder }

  it('a unet has the channels of its first convolution', async () => {
    await mkdir(join(folder, 'unet-alone/unet'), { recursive: true })
    await cp(fileIn('unet-symbolic-channels'), join(folder, 'unet-alone/unet/model.onnx'))
    const expected = await expectedOf('unet-symbolic-channels')
    const shapes = shapesOf(expected('in'))
    const graph = await openNetwork(nodeFiles, join(folder, 'unet-alone'), { part: 'unet', shapes })
    expect(graph.inputs.map(({ name }) => name)).toEqual(['sample', 'timestep', 'encoder_hidden_states'])
  })

  it('two halves in one folder are an autoencoder', async () => {
    const path = await written('pair', {
      'encoder.onnx': encoder,
      'decoder.onnx': decoder,
      'config.json': '{ "scaling_factor": 0.5 }',
    })
    const networks = await openAutoencoderNetworks(nodeFiles, path)
    expect(networks).toMatchObject({ imageChannels: 3, latentChannels: 4, downscaling: 2, latentScale: 0.5 })
    const graph = await openNetwork(nodeFiles, path, { shapes: { latent_sample: [1, 4, 2, 2] } })
    expect(graph.outputs[0]!.shape).toEqual([1, 3, 4, 4])
  })

  it('one half is no autoencoder, and the remedy says how to lay both out', async () => {
    const path = await written('half', { 'encoder.onnx': encoder })
    await expect(openAutoencoderNetworks(nodeFiles, path)).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringMatching(/got encoder\.onnx\. .*vae_encoder\/model\.onnx and vae_decoder\/model\.onnx/),
    })
  })

  it.each<[string, Readonly<Record<string, string>>, number]>([
    ['an AutoencoderKL', { 'vae_decoder/config.json': '{ "_class_name": "AutoencoderKL" }' }, 0.18215],
    ['an AutoencoderTiny', { 'vae_encoder/config.json': '{ "_class_name": "AutoencoderTiny" }' }, 1],
    [
      "diffusers' own ONNX pipeline",
      { 'model_index.json': '{ "_class_name": "OnnxStableDiffusionPipeline", "vae_decoder": ["diffusers", "Onnx"] }' },
      0.18215,
    ],
  ])('the scale of latents is known where a class fixes it: %s', async (name, configs, scale) => {
    const path = await written(`scale-${name}`, { ...two, ...configs })
    expect((await openAutoencoderNetworks(nodeFiles, path)).latentScale).toBe(scale)
  })

  it('the scale of latents is asked for where nothing says it', async () => {
    const refused = { code: 'bad-model', message: expect.stringMatching(/`scaling_factor`.*Write one/) }
    await expect(openAutoencoderNetworks(nodeFiles, await written('bare', two))).rejects.toMatchObject(refused)
    const empty = await written('empty', { ...two, 'vae_decoder/config.json': '{}' })
    await expect(openAutoencoderNetworks(nodeFiles, empty)).rejects.toMatchObject(refused)
  })
})

describe('sizes that no honest file has end in an error, not in memory', () => {
  const counted = (limit: number, step: number) =>
    modelFile({
      opset: 17,
      inputs: [value('x', [1])],
      outputs: [value('y', ['n'], OnnxType.INT64)],
      initializers: [int64s('a', [], [0]), int64s('b', [], [limit]), int64s('c', [], [step])],
      nodes: [node('Range', ['a', 'b', 'c'], ['y'])],
    })

  it.each([
    [1e9, 1],
    [1000, 0],
  ])('a Range to %d in steps of %d', (limit, step) => {
    expect(failure(() => decodeOnnx(counted(limit, step)))).toMatchObject({
      code: 'bad-model',
      message: expect.stringContaining('Range `node_y`'),
    })
  })

  const one = { name: 'one', dataType: OnnxType.FLOAT, dims: [1n], floatData: [1] }
  it('an Expand is not worked out, and its result cannot leave the runtime', async () => {
    const file = modelFile({
      opset: 17,
      inputs: [value('x', [1])],
      outputs: [value('y', ['n'])],
      initializers: [one, int64s('size', [1], [1e9])],
      nodes: [node('Expand', ['one', 'size'], ['y'])],
    })
    const graph = decodeOnnx(file)
    expect(graph.outputs[0]!.shape).toEqual([1e9])
    await expect(runtime.open(graph)).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('1 GiB'),
    })
  })

  it('the gradient of a Resize', () => {
    const resize = (mode: string, from: number, to: number) => {
      const file = modelFile({
        opset: 17,
        inputs: [value('x', [1, 1, from, 1])],
        outputs: [value('y', [1, 1, to, 1])],
        initializers: [int64s('sizes', [4], [1, 1, to, 1])],
        nodes: [node('Resize', ['x', '', '', 'sizes'], ['y'], { mode })],
      })
      return () => vjp(decodeOnnx(file), { wrt: ['x'] })
    }
    expect(resize('linear', 100, 200)().outputs[0]!.shape).toEqual([1, 1, 100, 1])
    for (const mode of ['linear', 'nearest']) {
      expect(failure(resize(mode, 40_000, 60_000))).toMatchObject({
        code: 'unsupported',
        message: expect.stringContaining('Resize'),
      })
    }
  })
})
