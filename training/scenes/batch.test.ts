import { expect, test } from 'vitest'
import { firstHeldOutSeed, heldOutSeed, trainingBatch, trainingSeed } from './batch.js'
import { randomFrom } from './random.js'

const options = { batch: 4, size: 32, scenes: 0.5 }

test('a batch has its shape, its range, and the same numbers for the same seed', () => {
  const batch = trainingBatch(3, options)
  expect(batch.length).toBe(4 * 3 * 32 * 32)
  expect(batch.every((value) => value >= -1 && value <= 1)).toBe(true)
  expect(trainingBatch(3, options)).toEqual(batch)
  expect(trainingBatch(4, options)).not.toEqual(batch)
})

test('the share of scenes is kept on average', () => {
  // Only scenes depend on the size of the picture's crop in the same way: a batch of scenes alone and one of pictures
  // alone draw the same seeds, so each item of a mixed batch is found in one of them.
  let [scenes, count] = [0, 0]
  for (let seed = 0; seed < 60; seed++) {
    const mixed = trainingBatch(seed, { batch: 1, size: 16, scenes: 0.3 })
    const scene = trainingBatch(seed, { batch: 1, size: 16, scenes: 1 })
    const picture = trainingBatch(seed, { batch: 1, size: 16, scenes: 0 })
    const isScene = mixed.every((value, i) => value === scene[i])
    const isPicture = mixed.every((value, i) => value === picture[i])
    expect(isScene !== isPicture).toBe(true)
    scenes += isScene ? 1 : 0
    count++
  }
  // Binomial with p = 0.3 and n = 60: mean 18, standard deviation 3.5; four of them.
  expect(Math.abs(scenes - 0.3 * count)).toBeLessThan(14)
})

test('a size above the scenes’ own draws whole scenes', () => {
  expect(trainingBatch(1, { batch: 1, size: 160, scenes: 1 }).every(Number.isFinite)).toBe(true)
})

test('training never draws a held-out seed', () => {
  const largestDraw = 1 - 2 ** -32
  expect(trainingSeed(() => largestDraw)).toBeLessThan(firstHeldOutSeed)
  expect(trainingSeed(() => 0)).toBe(0)
  const random = randomFrom(9)
  for (let i = 0; i < 1000; i++) expect(trainingSeed(random)).toBeLessThan(heldOutSeed(i))
  expect(heldOutSeed(2 ** 31 - 1)).toBe(2 ** 32 - 1)
  expect(() => heldOutSeed(-1)).toThrow(RangeError)
  expect(() => heldOutSeed(2 ** 31)).toThrow(RangeError)
})

test('bad options are errors', () => {
  expect(() => trainingBatch(0, { ...options, batch: 0 })).toThrow(RangeError)
  expect(() => trainingBatch(0, { ...options, scenes: 1.5 })).toThrow(/share of scenes/)
})
