/** ONNX files that another tool exported open, run and differentiate: the file itself is the reference. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { ModelProtoSchema, StringStringEntryProtoSchema, TensorProto_DataLocation } from 'onnx-buf'
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Graph } from '../src/graph/graph.js'
import { torchNoise } from '../src/math/noise.js'
import { combine, dot, map, norm, sizeOf, subtract, type Tensor } from '../src/math/tensor.js'
import { openAutoencoderNetworks, openNetwork } from '../src/models/open.js'
import { unstack } from '../src/models/sessions/stack.js'
import { nodeFiles } from '../src/node/files.js'
import { exportedDecoder, exportedEncoder, exportedHalfPrecision, latentChannels } from './exported-autoencoder.js'
import { lastingRuntime } from './lasting-runtime.js'
import { openedAutoencoder } from './opened-autoencoder.js'
import { expectGradient } from './operators/finite-differences.js'

/** The same operators in float32, but fused otherwise. */
const float32 = 1e-5
/** Half precision has 11 bits; ONNX Runtime keeps more where it removes pairs of casts. */
const float16 = 2 ** -10
/** The encoder amplifies rounding of the picture between two runs. */
const throughTwo = 1e-4
/** A difference quotient in float32 with a step of 1e-2: rounding 1e-7/1e-2, and the square of the step. */
const quotientTolerance = 1e-2

const runtime = lastingRuntime()
let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'undiffuse-exported-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true })
})

async function written(name: string, content: Uint8Array | string): Promise<string> {
  const path = join(folder, name)
  await mkdir(join(path, '..'), { recursive: true })
  await writeFile(path, content)
  return path
}

/** What ONNX Runtime makes of the bytes as they are. */
async function original(bytes: Uint8Array, x: Tensor): Promise<Tensor> {
  const session = await InferenceSession.create(bytes, { logSeverityLevel: 3, intraOpNumThreads: 1 })
  const [input = ''] = session.inputNames
  const [output = ''] = session.outputNames
  const results = await session.run({ [input]: new OrtTensor('float32', Float32Array.from(x.data), x.shape) })
  const { dims, data } = results[output]!
  await session.release()
  return { shape: dims, data: Float64Array.from(data as Float32Array) }
}

/** The graph with a weight as an input, to move it. */
function withInput(graph: Graph, name: string): Graph {
  const { dtype, shape } = graph.initializers.get(name)!
  const initializers = new Map([...graph.initializers].filter(([other]) => other !== name))
  return { ...graph, inputs: [...graph.inputs, { name, dtype, shape }], initializers }
}

/** What a picture file can hold of it. */
const clipped = (picture: Tensor) => map(picture, (pixel) => Math.min(Math.max(pixel, -1), 1))
const relativeError = (ours: Tensor, theirs: Tensor) => norm(subtract(ours, theirs)) / norm(theirs)
const opsets = [11, 13, 17]

interface Half {
  readonly name: string
  readonly bytes: Uint8Array
  readonly input: string
  readonly shapes: readonly (readonly number[])[]
}

const pictures = [
  [1, 3, 8, 12],
  [2, 3, 6, 10],
]
const latents = [
  [1, latentChannels, 4, 6],
  [2, latentChannels, 3, 5],
]
const halves = opsets.flatMap((opset): Half[] => [
  {
    name: `an encoder of operator set ${opset}`,
    bytes: exportedEncoder(opset, 'latent_parameters'),
    input: 'sample',
    shapes: pictures,
  },
  {
    name: `a decoder of operator set ${opset}`,
    bytes: exportedDecoder(opset),
    input: opset < 13 ? 'z' : 'latent_sample',
    shapes: latents,
  },
])

describe.each(halves)('$name', ({ name, bytes, input, shapes }) => {
  it.each(shapes)('runs at %i×%i×%i×%i', async (...shape) => {
    const path = await written(`${name}.onnx`, bytes)
    const graph = await openNetwork(nodeFiles, path, { shapes: { [input]: shape } })
    const x = torchNoise(1, shape)
    const session = await runtime.open(graph)
    const results = await session.run({ [input]: x })
    const expected = await original(bytes, x)
    expect(relativeError(results[graph.outputs[0]!.name]!, expected)).toBeLessThan(float32)
    expect(norm(expected) / Math.sqrt(sizeOf(expected.shape))).toBeGreaterThan(0.1)
  })

  it('has the gradient of its finite differences', async () => {
    const [shape = []] = shapes
    const path = await written(`${name}.onnx`, bytes)
    const graph = await openNetwork(nodeFiles, path, { shapes: { [input]: shape } })
    const weight = [...graph.initializers.keys()].find((key) => /conv_in.weight/.test(key))!
    const feeds = { [input]: torchNoise(2, shape), [weight]: torchNoise(3, graph.initializers.get(weight)!.shape) }
    await expectGradient(withInput(graph, weight), feeds, [input, weight])
  })
})

it('reads weights from a file beside the model', async () => {
  const bytes = exportedDecoder(17)
  const model = fromBinary(ModelProtoSchema, bytes)
  const pieces: Uint8Array[] = [new Uint8Array(3)]
  let offset = 3
  for (const tensor of model.graph!.initializer) {
    const { rawData } = tensor
    const place = { location: 'model.onnx.data', offset: `${offset}`, length: `${rawData.length}` }
    pieces.push(rawData)
    offset += rawData.length
    tensor.rawData = new Uint8Array(0)
    tensor.dataLocation = TensorProto_DataLocation.EXTERNAL
    tensor.externalData = Object.entries(place).map(([key, text]) =>
      create(StringStringEntryProtoSchema, { key, value: text }),
    )
  }
  await written('external/model.onnx.data', Buffer.concat(pieces))
  await written('external/model.onnx', toBinary(ModelProtoSchema, model))
  const x = torchNoise(4, [1, latentChannels, 2, 3])
  const graph = await openNetwork(nodeFiles, join(folder, 'external'), { shapes: { latent_sample: x.shape } })
  const session = await runtime.open(graph)
  const { sample } = await session.run({ latent_sample: x })
  expect(relativeError(sample!, await original(bytes, x))).toBeLessThan(float32)
})

/** An Optimum folder: two files, and configurations where given. */
async function optimum(name: string, encoder: Uint8Array, decoder: Uint8Array, config?: object): Promise<string> {
  await written(`${name}/vae_encoder/model.onnx`, encoder)
  await written(`${name}/vae_decoder/model.onnx`, decoder)
  if (config) await written(`${name}/vae_decoder/config.json`, JSON.stringify(config))
  return join(folder, name)
}

describe('an autoencoder of two exported files', () => {
  const image = map(torchNoise(5, [3, 12, 8]), Math.tanh)
  const latent = torchNoise(6, [latentChannels, 6, 4])
  const batch = (x: Tensor): Tensor => ({ ...x, shape: [1, ...x.shape] })

  it.each(['latent_parameters', 'latent_sample'] as const)(
    'encodes to the mean where its output is %s',
    async (output) => {
      const parameters = exportedEncoder(13, 'latent_parameters')
      const encoder = exportedEncoder(13, output)
      const path = await optimum(`with-${output}`, encoder, exportedDecoder(13), {
        scaling_factor: 0.5,
        shift_factor: 0.25,
      })
      const networks = await openAutoencoderNetworks(nodeFiles, path)
      expect(networks).toMatchObject({ name: `with-${output}`, imageChannels: 3, latentChannels, downscaling: 2 })
      const autoencoder = openedAutoencoder(networks, runtime)
      const posterior = await original(parameters, batch(image))
      const mean: Tensor = { shape: latent.shape, data: posterior.data.slice(0, sizeOf(latent.shape)) }
      const scaled = map(mean, (value) => (value - 0.25) * 0.5)
      expect(relativeError(await autoencoder.encode(image), scaled)).toBeLessThan(float32)
      await autoencoder.close()
    },
  )

  it('decodes, goes round and pulls back', async () => {
    const decoder = exportedDecoder(11)
    const path = await optimum('full', exportedEncoder(17, 'latent_parameters'), decoder, { scaling_factor: 0.18215 })
    const autoencoder = openedAutoencoder(await openAutoencoderNetworks(nodeFiles, path), runtime)
    const own = map(latent, (value) => value / 0.18215)
    const decoded = clipped(unstack(await original(decoder, batch(own)))[0]!)
    const trip = await autoencoder.roundTrip(latent)
    expect(relativeError(await autoencoder.decode(latent), decoded)).toBeLessThan(float32)
    expect(relativeError(trip.image, decoded)).toBeLessThan(float32)
    expect(relativeError(trip.latent, await autoencoder.encode(decoded))).toBeLessThan(throughTwo)
    const { gradient } = await autoencoder.pullback(latent, image)
    const step = 1e-2
    const move = torchNoise(7, latent.shape)
    const distance = async (by: number) =>
      norm(subtract(await autoencoder.decode(combine([1, latent], [by, move])), image)) ** 2 / 2
    const quotient = ((await distance(step)) - (await distance(-step))) / (2 * step)
    expect(Math.abs(dot(gradient, move) / quotient - 1)).toBeLessThan(quotientTolerance)
    await autoencoder.close()
  })

  it('standardises latents by the moments in a config.json, and refuses invalid ones', async () => {
    const [means, deviations] = [
      [-1.6, 1.9, -1.4, 2.5],
      [8.5, 5.9, 6.5, 5.2],
    ]
    const parameters = exportedEncoder(13, 'latent_parameters')
    const fields = { scaling_factor: 0.5, latents_mean: means, latents_std: deviations }
    const opened = async (config: object) =>
      openAutoencoderNetworks(nodeFiles, await optimum('moments', parameters, exportedDecoder(13), config))
    const autoencoder = openedAutoencoder(await opened(fields), runtime)
    const { data } = await original(parameters, batch(image))
    const each = 6 * 4
    const mean: Tensor = { shape: latent.shape, data: data.slice(0, sizeOf(latent.shape)) }
    const scaled = map(mean, (value, i) => {
      const channel = Math.floor(i / each)
      return ((value - means[channel]!) * 0.5) / deviations[channel]!
    })
    expect(relativeError(await autoencoder.encode(image), scaled)).toBeLessThan(float32)
    await autoencoder.close()
    for (const change of [{ latents_std: [1, 1] }, { latents_mean: undefined }, { scaling_factor: 0 }]) {
      await expect(opened({ ...fields, ...change })).rejects.toThrow(/`(latents_mean|scaling_factor)`/)
    }
  })

  it('takes files in half precision', async () => {
    const { encoder, decoder } = exportedHalfPrecision()
    const path = await optimum('half', encoder, decoder, { scaling_factor: 1 })
    const autoencoder = openedAutoencoder(await openAutoencoderNetworks(nodeFiles, path), runtime)
    const graph = await openNetwork(nodeFiles, path, { part: 'decoder', shapes: { sample: [1, ...latent.shape] } })
    const session = await runtime.open(graph)
    const { out_sample } = await session.run({ sample: batch(latent) })
    const decoded = clipped(unstack(out_sample!)[0]!)
    expect(relativeError(await autoencoder.decode(latent), decoded)).toBeLessThan(float16)
    expect((await autoencoder.encode(image)).shape).toEqual(latent.shape)
    await autoencoder.close()
  })
})

describe('which network is meant', () => {
  const decoderShapes = { latent_sample: [1, latentChannels, 2, 2], cotangent: [1, 3, 4, 4] }

  it('is clear from what is fed, and by name', async () => {
    const path = await optimum('choices', exportedEncoder(13, 'latent_parameters'), exportedDecoder(13))
    const implied = await openNetwork(nodeFiles, path, { shapes: decoderShapes })
    expect(implied.inputs.map(({ name }) => name)).toEqual(['latent_sample'])
    expect(await openNetwork(nodeFiles, path, { part: 'decoder', shapes: decoderShapes })).toEqual(implied)
    const file = join(path, 'vae_decoder', 'model.onnx')
    expect(await openNetwork(nodeFiles, file, { shapes: decoderShapes })).toEqual(implied)
    const both = { ...decoderShapes, sample: [1, 3, 4, 4] }
    await expect(openNetwork(nodeFiles, path, { shapes: both })).rejects.toMatchObject({
      code: 'bad-option',
      message: expect.stringMatching(/sample of the encoder, or latent_sample of the decoder.*encoder or decoder/),
    })
    await expect(openNetwork(nodeFiles, path, { part: 'unet', shapes: both })).rejects.toMatchObject({
      code: 'bad-option',
      message: expect.stringMatching(/Expected encoder or decoder .* got `unet`/),
    })
  })
})

describe('what is no autoencoder is refused', () => {
  const encoder = exportedEncoder(13, 'latent_parameters')
  const decoder = exportedDecoder(13)
  const config = (fields: object) => JSON.stringify(fields)

  it.each<[string, Record<string, Uint8Array | string>, string, RegExp]>([
    [
      'another network',
      { 'config.json': config({ _class_name: 'UNet2DConditionModel' }) },
      'bad-model',
      /UNet2DCondition/,
    ],
    ['a text model', { 'config.json': config({ architectures: ['BertForMaskedLM'] }) }, 'bad-model', /BertForMaskedLM/],
    ['a config of nothing', { 'config.json': config({ hidden_size: 3 }) }, 'bad-model', /`_class_name`/],
    ['one file', { 'model.onnx': decoder }, 'bad-model', /Expected a vae .* got one ONNX model/],
    ['only a decoder', { 'vae_decoder/model.onnx': decoder }, 'bad-model', /Expected a vae_encoder .* got vae_decoder/],
    [
      'two encoders',
      { 'vae_encoder/model.onnx': encoder, 'vae_decoder/model.onnx': exportedDecoder(13).slice(0, 200) },
      'bad-model',
      /Expected an ONNX model/,
    ],
    [
      'a pipeline with another autoencoder',
      {
        'model_index.json': config({ vae: ['diffusers', 'VQModel'] }),
        'vae/config.json': config({ _class_name: 'VQModel' }),
      },
      'bad-model',
      /AutoencoderKL or AutoencoderTiny .* got VQModel/,
    ],
    [
      'an autoencoder as one ONNX file',
      { 'model_index.json': config({ vae: ['diffusers', 'AutoencoderKL'] }), 'vae/model.onnx': decoder },
      'unsupported',
      /vae_encoder\/model.onnx with vae_decoder\/model.onnx/,
    ],
  ])('%s', async (name, contents, code, message) => {
    for (const [file, content] of Object.entries(contents)) await written(`${name}/${file}`, content)
    await expect(openAutoencoderNetworks(nodeFiles, join(folder, name))).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    })
  })

  it('names what the files have instead of pictures and latents', async () => {
    const swapped = await optimum('swapped', decoder, encoder)
    await expect(openAutoencoderNetworks(nodeFiles, swapped)).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringMatching(/a latent of a whole fraction of the size .* got 1×3×128×128 for 64×64 pixels/),
    })
  })
})
