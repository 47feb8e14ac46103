/** What is wrong with a seed, a size, a count or a shape is said by the one error class, in every public function. */
import { readdir, readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { betas } from '../../src/diffusion/schedules.js'
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
import { deadLeaves } from '../../src/pictures/dead-leaves.js'
import { likenessOutside } from '../../src/pictures/masked.js'
import { errorMap, psnrDb, resize } from '../../src/pictures/pixels.js'
import { ssimMap } from '../../src/pictures/ssim.js'
import { generate, latentShapeAt } from '../../src/verbs/generate.js'
import { invert, invertAll } from '../../src/verbs/invert.js'
import { invertDecoder, invertDecoderAll } from '../../src/verbs/invert-decoder.js'
import { pictureFloor } from '../../src/verbs/picture-floor.js'
import { reconstruct } from '../../src/verbs/reconstruct.js'
import { imprintNoise } from '../../src/watermark/forging/imprint.js'
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
