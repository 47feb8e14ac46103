/** What is wrong with a seed, a size, a count or a shape is said by the one error class, in every public function. */
import { readdir, readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { betas } from '../../src/diffusion/schedules.js'
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
