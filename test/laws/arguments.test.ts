/** What is wrong with a seed, a size, a count or a shape is said by the one error class, in every public function. */
import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { encodeNpy, readNpy } from '../../src/checkpoints/npy.js'
import { encodeSafetensors } from '../../src/checkpoints/safetensors.js'
import { readTensors } from '../../src/checkpoints/tensors.js'
import type { Solver, State } from '../../src/diffusion/diffusion.js'
import { betas } from '../../src/diffusion/schedules.js'
import { ddim } from '../../src/diffusion/solvers/ddim.js'
import { edit } from '../../src/edit/edit.js'
import { binomialInterval } from '../../src/math/distributions.js'
import { symmetricEigen } from '../../src/math/eigen.js'
import { nmseDb } from '../../src/math/nmse.js'
import { torchGenerator, torchNoise } from '../../src/math/noise.js'
import {
  confidenceInterval,
  fitLine,
  mean,
  median,
  quantile,
  variance,
  wilsonInterval,
} from '../../src/math/statistics.js'
import { combine, distance, dot, subtract, tensor, zeros } from '../../src/math/tensor.js'
import { openDiffusionModel } from '../../src/models/diffusion-model.js'
import { nodeFiles } from '../../src/node/files.js'
import { deadLeaves } from '../../src/pictures/dead-leaves.js'
import { likenessOutside } from '../../src/pictures/masked.js'
import { errorMap, psnrDb, resize } from '../../src/pictures/pixels.js'
import { ssimMap } from '../../src/pictures/ssim.js'
import { undoFlip } from '../../src/restorations/index.js'
import { ortNode } from '../../src/runtimes/onnxruntime-node/ort-node.js'
import { generate, latentShapeAt } from '../../src/verbs/generate.js'
import { invert, invertAll } from '../../src/verbs/invert.js'
import { invertDecoder, invertDecoderAll } from '../../src/verbs/invert-decoder.js'
import { pictureFloor } from '../../src/verbs/picture-floor.js'
import { reconstruct } from '../../src/verbs/reconstruct.js'
import { imprintNoise } from '../../src/watermark/forging/imprint.js'
import { checkKeyModel, hasOtherWeights, newKey, readKey } from '../../src/watermark/key.js'
import { detectAll } from '../../src/watermark/reading/detect.js'
import { identifyAll } from '../../src/watermark/reading/identify.js'
import { analyticImageShape, analyticModel } from './analytic-model.js'

const [small, large] = [zeros([3, 4, 4]), zeros([3, 8, 8])]
const seeds = [1.5, -1, Number.NaN, 2 ** 60]
const sides = [1.5, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60]

const wrong: Readonly<Record<string, () => unknown>> = {
  ...Object.fromEntries(
    seeds.flatMap((seed) => [
      [`torchNoise, seed ${seed}`, () => torchNoise(seed, [2])],
      [`torchGenerator, seed ${seed}`, () => torchGenerator(seed)],
      [`deadLeaves, seed ${seed}`, () => deadLeaves(seed, 8, 8)],
      [`integer, bound ${seed}`, () => torchGenerator(0).integer(seed)],
      [`binomialInterval, count ${seed}`, () => binomialInterval(seed === 2 ** 60 ? -1 : seed, 0.5, 0.9)],
      [`wilsonInterval, count ${seed}`, () => wilsonInterval(seed, 3)],
    ]),
  ),
  ...Object.fromEntries(
    sides.flatMap((side) => [
      [`torchNoise, side ${side}`, () => torchNoise(0, [4, side])],
      [`zeros, side ${side}`, () => zeros([4, side])],
      [`tensor, side ${side}`, () => tensor([side], [1])],
      [`resize, side ${side}`, () => resize(small, 8, side)],
      [`deadLeaves, side ${side}`, () => deadLeaves(0, 8, side)],
      [`betas, count ${side}`, () => betas('linear', { count: side === 2 ** 60 ? 0 : side })],
    ]),
  ),
  'betas of another kind': () => betas('quadratic' as 'linear'),
  'tensor, too few numbers': () => tensor([2], [1]),
  'combine of nothing': () => combine(),
  combine: () => combine([1, small], [1, large]),
  subtract: () => subtract(small, large),
  dot: () => dot(small, large),
  distance: () => distance(small, large),
  nmseDb: () => nmseDb(small, large),
  psnrDb: () => psnrDb(small, large),
  errorMap: () => errorMap(small, large, 1),
  ssimMap: () => ssimMap(small, large),
  likenessOutside: () => likenessOutside(small, large, large),
  symmetricEigen: () => symmetricEigen(zeros([2, 3])),
  mean: () => mean([]),
  median: () => median([]),
  variance: () => variance([1]),
  confidenceInterval: () => confidenceInterval([1]),
  quantile: () => quantile([1], 1.5),
  fitLine: () => fitLine([1, 1], [1, 2]),
}

it.each(Object.entries(wrong))('%s', (_, call) => {
  expect(call).toThrow(
    expect.objectContaining({ name: 'UndiffuseError', code: expect.stringMatching(/^bad-(option|shape)$/) }),
  )
})

const { model } = analyticModel({})
const picture = zeros(analyticImageShape)
const noise = zeros(latentShapeAt(model))
const told = { scheme: 'gaussian-shading', model: model.name, latentShape: noise.shape }
const key = readKey(newKey(told, new Uint8Array(32).fill(7)), 'key.json')
const asked = { model, keys: [{ key }] }
const prompted = { model, prompt: '' }
/** Every verb, called as plain JavaScript may call it. */
const verbs: Readonly<Record<string, (options: object) => PromiseLike<unknown>>> = {
  generate: (more) => generate({ model, prompt: '', ...more }),
  invert: (more) => invert({ image: picture }, { model, ...more }),
  invertAll: (more) => invertAll([{ image: picture }], { model, ...more }),
  reconstruct: (more) => reconstruct(noise, { model, ...more }),
  invertDecoder: (more) => invertDecoder(picture, { model, ...more }),
  invertDecoderAll: (more) => invertDecoderAll([picture], { model, ...more }),
  pictureFloor: (more) => pictureFloor(noise, { model, ...more }),
  edit: (more) => edit({ image: picture }, { model, from: 'a', to: 'b', ...more }),
  detectAll: (more) => detectAll([{ image: picture }], { model, keys: [], ...more }),
  identifyAll: (more) => identifyAll([{ image: picture }], { model, key: undefined as never, ...more }),
}

describe.each(Object.entries(verbs))('%s', (name, call) => {
  it('refuses an option that it does not have, by its name', async () => {
    await expect(call({ guidanec: 3, signal: undefined })).rejects.toMatchObject({
      code: 'bad-option',
      subject: `an option of \`${name}\``,
      got: '`guidanec`',
    })
  })

  it('refuses what is not a model', async () => {
    const told = { code: 'bad-option', subject: `\`model\` of \`${name}\`` }
    await expect(call({ model: undefined })).rejects.toMatchObject({ ...told, got: 'none' })
    await expect(call({ model: 'undiffuse-scenes' })).rejects.toMatchObject({
      ...told,
      got: 'the text `undiffuse-scenes`',
    })
  })
})

it.each<[string, () => PromiseLike<unknown>]>([
  ['generate', () => generate(undefined as never)],
  ['invert', () => invert({ image: picture }, undefined as never)],
  ['invertAll', () => invertAll([], undefined as never)],
  ['reconstruct', () => reconstruct(noise, undefined as never)],
  ['invertDecoder', () => invertDecoder(picture, undefined as never)],
  ['invertDecoderAll', () => invertDecoderAll([], undefined as never)],
  ['pictureFloor', () => pictureFloor(noise, undefined as never)],
  ['edit', () => edit({ image: picture }, undefined as never)],
  ['detectAll', () => detectAll([], undefined as never)],
  ['identifyAll', () => identifyAll([], undefined as never)],
  ['imprintNoise', () => imprintNoise(picture, undefined as never)],
])('%s without options says what it takes', async (name, call) => {
  await expect((async () => await call())()).rejects.toMatchObject({
    code: 'bad-option',
    expected: 'an object of options',
    subject: `\`${name}\``,
  })
})

it.each<[string, () => PromiseLike<unknown>, RegExp]>([
  [
    'a tensor in place of sources',
    () => detectAll(picture as never, { model, keys: [] }),
    /got a tensor.*\[\{ image \}\]/,
  ],
  ['a tensor in place of a source', () => invertAll([picture as never], { model }), /got a tensor alone.*\{ image \}/],
  [
    'a path in place of a picture',
    () => invert({ image: 'a.png' as never }, { model }),
    /the text `a\.png`.*readImage/,
  ],
  [
    'bytes as a picture',
    () => invert({ image: new Uint8Array(3) as never }, { model }),
    /got bytes.*`decodeImage` for bytes/,
  ],
  ['no prompt', () => generate({ model } as never), /text for `prompt` of `generate`, got none.*`prompt: ''`/],
  [
    'all of a file in place of a picture',
    () => detectAll([{ image: picture, notes: [], texts: {} } as never], asked),
    /`\{ image \}` alone for a source of `detectAll`, got everything that `readImage`.*Pass `\{ image \}` of it/,
  ],
  [
    'all of a file to invert',
    () => invert({ image: picture, notes: [] } as never, { model }),
    /`\{ image \}` alone for a source of `invert`/,
  ],
  ['a number as a picture', () => invert({ image: 3 as never }, { model }), /`state` for a source of `invert`, got 3/],
  ['nothing in place of a source', () => invert(undefined as never, { model }), /got none of these/],
  ['a key in place of keys', () => detectAll([], { model, key: 1 } as never), /`key`.*`keys: \[\{ key \}\]`/],
  ['keys without their names', () => detectAll([], { model, keys: [{}] as never }), /each key as `\{ key \}`/],
  ['no key of a family', () => identifyAll([], { model } as never), /Expected a key for `key`, got none/],
  ['no keys', () => detectAll([], { model } as never), /a list of keys/],
  ['a mark of `generate`', () => generate({ model, watermark: 1 } as never), /`noise: key\.mark\(\)\.imprint/],
  ['text in place of options', () => generate('a red ball' as never), /an object of options/],
])('%s', async (_, call, message) => {
  await expect((async () => await call())()).rejects.toMatchObject({
    name: 'UndiffuseError',
    code: 'bad-option',
    message: expect.stringMatching(message),
  })
})

const runtime = { open() {} }
const bundled = fileURLToPath(new URL('../../models/undiffuse-scenes', import.meta.url))
const opening = (options: object) => openDiffusionModel(nodeFiles, bundled, ortNode(), options)
const missized = { shape: noise.shape, data: noise.data.slice(1) }
const nanPicture = { shape: picture.shape, data: picture.data.map(() => Number.NaN) }
const uncalled = ddim as never

it.each<[string, () => unknown, RegExp]>([
  [
    'text as a solver',
    () => generate({ ...prompted, solver: 'ddim' as never }),
    /`solver` of `generate`, got the text `ddim`/,
  ],
  [
    'a solver that was not called',
    () => generate({ ...prompted, solver: uncalled }),
    /a function that was not called.*ddim\(/,
  ],
  ['half a solver', () => generate({ ...prompted, solver: { grid() {} } as never }), /got one without `start`/],
  ['text as an inverter', () => invert({ latent: noise }, { model, inverter: 'naive' as never }), /the text `naive`/],
  ['a decoder that was not called', () => invertDecoder(picture, { model, decoder: ddim as never }), /not called/],
  [
    'guidance as text',
    () => generate({ ...prompted, guidance: '3' as never }),
    /a number for `guidance`.*the text `3`/,
  ],
  ['a rate as text', () => detectAll([], { model, keys: [], falsePositiveRate: '1e-6' as never }), /the text `1e-6`/],
  [
    'text as noise',
    () => generate({ ...prompted, noise: 'alice' as never }),
    /a tensor for `noise`, got the text `alice`/,
  ],
  [
    'numbers as noise',
    () => generate({ ...prompted, noise: noise.data as never }),
    /a tensor for `noise`, got numbers alone/,
  ],
  ['text as a seed', () => generate({ ...prompted, seed: 'a' as never }), /got the text `a`/],
  ['text as noise to reconstruct', () => reconstruct('a' as never, { model }), /a tensor/],
  ['noise to reconstruct that is missing', () => reconstruct(undefined as never, { model }), /a tensor.*got none/],
  ['a picture without its numbers', () => invertDecoder({ shape: [3, 8, 8] } as never, { model }), /a tensor/],
  ['a source with another option', () => invertAll([{ image: picture, promt: 'a' } as never], { model }), /`prompt`/],
  ['a prompt in the source of one', () => invert({ image: picture, prompt: 'a' } as never, { model }), /`prompt`/],
  ['two sources in one', () => invert({ image: picture, latent: noise }, { model }), /got `image` and `latent`/],
  ['the name of a restoration', () => detectAll([{ image: picture }], { ...asked, undo: ['flip'] as never }), /`undo`/],
  ['one restoration', () => detectAll([{ image: picture }], { ...asked, undo: undoFlip() as never }), /a list of rest/],
  ['another option of a key', () => detectAll([], { ...asked, keys: [{ key, membr: 3 } as never] }), /`member`/],
  ['a message that is a number', () => key.mark().imprint(noise, 12 as never), /a message as text.*toString\(16\)/],
  ['no noise to mark', () => key.mark().imprint(undefined as never), /a tensor for noise/],
  [
    'a key of nothing',
    () => newKey(undefined as never, new Uint8Array(32).fill(7)),
    /an object of options for `newKey`/,
  ],
  [
    'a key without a shape',
    () => newKey({ scheme: 'prc', model: 'm' } as never, new Uint8Array(32).fill(7)),
    /`latentShape`/,
  ],
  [
    'a key with another option',
    () => newKey({ ...told, memebers: 5 } as never, new Uint8Array(32).fill(7)),
    /`members`/,
  ],
  ['an opened model of a key', () => checkKeyModel(key, { model } as never), /got an opened model. Pass `model\.name`/],
  ['no model of a key', () => checkKeyModel(key, {} as never), /the name of a model for `model` of `checkKe.*got none/],
  ['a number as a model of a key', () => checkKeyModel(key, { model: 5 } as never), /`checkKeyModel`, got 5/],
  [
    'misspelt weights of a key',
    () => checkKeyModel(key, { model: model.name, modelfiles: 'a' } as never),
    /an option of `checkKeyModel`, got `modelfiles`.*Did you mean `modelFiles`/,
  ],
  [
    'weights of a key in another type than text',
    () => checkKeyModel(key, { model: model.name, modelFiles: Promise.resolve('a') } as never),
    /text for `modelFiles` of `checkKeyModel`.*modelFingerprint/,
  ],
  [
    'misspelt weights of weights',
    () => hasOtherWeights(key, { model: model.name, modelfiles: 'a' } as never),
    /an option of `hasOtherWeights`.*`modelFiles`/,
  ],
  ['a key without a secret', () => newKey(told, undefined as never), /32 bytes.*got none.*randomBytes/],
  ['a number in place of options', () => ddim(20 as never), /an object of options for `ddim`, got 20.*\{ steps: … \}/],
  ['one tensor of two', () => nmseDb(noise, undefined as never), /tensors of one shape.*undefined/],
  ['a list to write as .npy', () => encodeNpy([1, 2, 3] as never), /a tensor for an array to write as \.npy/],
  [
    'metadata other than text',
    () => encodeSafetensors({}, { guidance: 3 } as never),
    /text for `guidance` of the meta/,
  ],
  ['another type of .npy', () => encodeNpy(noise, 'int8' as never), /float32 or float64 for `dtype`/],
  ['a tensor to write as safetensors', () => encodeSafetensors({ noise } as never), /Pass `safetensor\(tensor\)`/],
  [
    'a path alone to read',
    () => readNpy('a.npy' as never, undefined as never),
    /Pass `nodeFiles` of `undiffuse\/node`/,
  ],
  [
    'folder and files swapped',
    () => openDiffusionModel('a' as never, {} as never, runtime as never),
    /the access to files, got the text `a`.*Pass `nodeFiles`/,
  ],
  ['bytes as a path', () => readTensors({ size() {}, read() {} } as never, 1 as never), /a path for `path`/],
  ['steps as text', () => opening({ steps: '20' }), /an integer, at least 1 for `steps`, got the text `20`/],
  ['steps as a word', () => opening({ steps: 'abc' }), /for `steps`, got `abc`/],
  ['steps of 0', () => opening({ steps: 0 }), /for `steps`, got 0/],
  ['precision as text', () => opening({ precision: '16' }), /16, 32, or 64 for `precision`, got the text `16`/],
  ['weights as text', () => opening({ weights: '4' }), /4 or 8 for `weights`, got the text `4`/],
  ['lean as text', () => opening({ lean: 'no' }), /true or false for `lean`, got the text `no`/],
  [
    'a device of no such name',
    () => opening({ device: 'gpu' }),
    /one of cpu, .* for `device`, got the text `gpu`.*webgpu/,
  ],
  ['a runtime on such a device', () => ortNode({ device: 'gpu' }), /one of cpu, .* for `device`, got the text `gpu`/],
  ['threads as text', () => ortNode({ threads: '2' as never }), /for `threads`, got the text `2`/],
  ['bytes as text', () => ortNode({ memoryLimit: '7' as never }), /for `memoryLimit`, got the text `7`/],
  ['a member as text', () => key.mark('0' as never), /the number 0, its only member, .* got the text `0`/],
  ['a seed as text', () => torchNoise('8' as never, [2]), /got the text `8`/],
  ['a seed of a verb as text', () => generate({ ...prompted, seed: '8' as never }), /got the text `8`/],
  ['a number of steps as text', () => ddim({ steps: '20' as never }), /got the text `20`/],
  ['an invalid signal', () => generate({ ...prompted, signal: {} as never }), /`throwIfAborted` for `signal` of `gen/],
  ['no shape', () => torchNoise(1, undefined as never), /the shape of a tensor/],
])('%s', async (_, call, message) => {
  await expect((async () => await call())()).rejects.toMatchObject({
    name: 'UndiffuseError',
    message: expect.stringMatching(message),
  })
})

it.each<[string, () => unknown]>([
  ['generate', () => generate({ ...prompted, noise: missized })],
  ['invert', () => invert({ latent: missized }, { model })],
  ['invertAll', () => invertAll([{ latent: missized }], { model })],
  ['reconstruct', () => reconstruct(missized, { model })],
  ['pictureFloor', () => pictureFloor(missized, { model })],
  ['edit', () => edit({ latent: missized }, { model, from: 'a', to: 'b' })],
  ['imprint', () => key.mark().imprint(missized)],
])('%s refuses a tensor whose numbers do not fill its shape', async (_, call) => {
  await expect((async () => await call())()).rejects.toMatchObject({
    code: 'bad-shape',
    got: `${missized.data.length}`,
  })
})

type Entrance = readonly [verb: string, subject: RegExp, call: (data: Float64Array) => unknown]
const entrances: readonly Entrance[] = [
  ['generate', /noise/, (data) => generate({ ...prompted, noise: { ...noise, data } })],
  ['invert', /invert/, (data) => invert({ latent: { ...noise, data } }, { model })],
  ['invertAll', /invertAll/, (data) => invertAll([{ latent: { ...noise, data } }], { model })],
  ['reconstruct', /noise/, (data) => reconstruct({ ...noise, data }, { model })],
  ['pictureFloor', /noise/, (data) => pictureFloor({ ...noise, data }, { model })],
  ['edit', /edit/, (data) => edit({ latent: { ...noise, data } }, { model, from: 'a', to: 'b' })],
  ['imprint', /noise/, (data) => key.mark().imprint({ ...noise, data })],
  ['imprintNoise', /target/, (data) => imprintNoise(picture, { model, target: { ...noise, data } })],
]
const data = (value: unknown) => Array.from(noise.data, (_, i) => (i === 1 ? value : 0)) as unknown as Float64Array

it.each(entrances)('%s refuses NaN and text among its numbers, and names the tensor', async (_, subject, call) => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const wanted = { code: 'not-finite', subject: expect.stringMatching(subject), got: `${value}` }
    await expect((async () => await call(data(value)))()).rejects.toMatchObject(wanted)
  }
  const wanted = { code: 'bad-option', expected: 'numbers', got: 'the text `a`' }
  await expect((async () => await call(data('a')))()).rejects.toMatchObject(wanted)
})

it.each<[string, () => unknown]>([
  ['invertDecoder', () => invertDecoder(nanPicture, { model })],
  ['invert', () => invert({ image: nanPicture }, { model })],
  ['detectAll', () => detectAll([{ image: nanPicture }], asked)],
  ['edit, of its mask', () => edit({ image: picture }, { model, from: 'a', to: 'b', mask: nanPicture })],
])('%s refuses a picture of NaN', async (_, call) => {
  await expect((async () => await call())()).rejects.toMatchObject({ code: 'not-finite', got: 'NaN' })
})

describe('a solver of one’s own', () => {
  const own = (more: Partial<Solver>): Solver => ({ ...ddim({ steps: 4 }), name: 'own', ...more })
  it.each<[string, Partial<Solver>, RegExp]>([
    ['has levels', { grid: () => [] }, /a grid of two levels.*the solver `own`, got one of 0/],
    ['has levels that are levels', { grid: () => [1, 2] as never }, /a grid of two levels/],
    [
      'returns a state',
      { step: (async () => undefined) as never },
      /the state \{ index: \d, x, memory \} of its step.*got nothing/,
    ],
    ['returns more than x', { step: (async ({ x }: State) => x) as never }, /the state \{ index: \d/],
  ])('%s', async (_, more, message) => {
    const solver = own(more)
    for (const task of [() => generate({ ...prompted, solver }), () => invert({ latent: noise }, { model, solver })]) {
      await expect((async () => await task())()).rejects.toMatchObject({
        code: 'bad-option',
        message: expect.stringMatching(message),
      })
    }
  })
})

it('a solver whose steps read a memory that nobody can find is not called inverted', async () => {
  const { coefficients: _, unstep: __, stride: ___, ...steps } = ddim({ steps: 4 })
  const solver: Solver = {
    ...steps,
    async step(state, diffusion) {
      const next = await steps.step(state, diffusion)
      return { ...next, memory: [state.x] }
    },
  }
  await expect((async () => await invert({ latent: noise }, { model, solver }))()).rejects.toMatchObject({
    code: 'unsupported',
    got: 'a step that returns some',
  })
})

it('no file throws the errors of the language', async () => {
  const folder = new URL('../../src/', import.meta.url)
  const files = (await readdir(folder, { recursive: true })).filter((name) => /(?<!\.test)\.ts$/.test(name))
  expect(files.length).toBeGreaterThan(300)
  const found: string[] = []
  for (const name of files) {
    if (/new (Range|Type|Syntax)Error\(/.test(await readFile(new URL(name, folder), 'utf8'))) found.push(name)
  }
  expect(found).toEqual([])
})
