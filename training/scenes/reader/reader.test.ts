import { round8, tensor, zeros } from 'undiffuse'
import { ortNode } from 'undiffuse/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { randomFrom } from '../random.js'
import { readerBatch } from './batch.js'
import { disturb } from './disturb.js'
import { evaluateReader, heldOutScene } from './evaluate.js'
import { readerTrainingGraph } from './loss.js'
import { type Attribute, attributes, vocabulary } from './network.js'
import { openSceneReader, type SceneReader } from './reader.js'

const runtime = ortNode({ threads: 1 })
let reader: SceneReader

beforeAll(async () => {
  reader = await openSceneReader(runtime)
})
afterAll(() => runtime.close())

describe('the bundled reader', () => {
  // The model card's shares, of 1,000 scenes; those that are 100 % there may be a little less.
  const card = { shape: 0.991, colour: 0.995, size: 0.995, place: 0.995, background: 0.995, texture: 0.992 }
  const count = 40
  /** Three standard deviations of a share of so many scenes below the card's. */
  const least = (attribute: Attribute) =>
    card[attribute] - 3 * Math.sqrt((card[attribute] * (1 - card[attribute])) / count)

  test('reads held-out scenes as its model card says', async () => {
    const accuracy = await evaluateReader(reader, count)
    for (const attribute of attributes) expect(accuracy[attribute], attribute).toBeGreaterThan(least(attribute))
  })

  test('reads disturbed ones nearly as well', async () => {
    const random = randomFrom(3)
    const accuracy = await evaluateReader(reader, count, async ({ shape, data }) => {
      const [, height, width] = shape as [number, number, number]
      return round8(tensor(shape, disturb({ width, height, data: Float32Array.from(data) }, random)))
    })
    const margin = 0.05
    for (const attribute of attributes) {
      expect(accuracy[attribute], attribute).toBeGreaterThan(least(attribute) - margin)
    }
  })

  test('is certain of a scene, not of grey; one run gives words, probabilities and features', async () => {
    const { scene, image } = heldOutScene(0)
    const reading = await reader.readScene(image)
    expect(reading).toMatchObject({ colour: scene.colour, background: scene.background })
    expect(reading.probability.colour).toBeGreaterThan(0.9)
    expect(await reader.sceneFeatures(image)).toEqual(reading.features)
    const grey = await reader.readScene(zeros(image.shape))
    expect(Math.min(...attributes.map((name) => grey.probability[name]))).toBeLessThan(0.9)
  })

  test('refuses pictures of another size', async () => {
    await expect(reader.readScene(zeros([3, 64, 64]))).rejects.toThrow('3×128×128')
  })
})

test('without knowledge the loss is Σ ln(words), and its gradient the mean of p − right', async () => {
  const { graph, parameters } = readerTrainingGraph(2)
  const session = await runtime.open(graph)
  const batch = readerBatch(1, { batch: 2, decoded: [], share: 0 })
  // Heads without weights give every word the same probability.
  const weights = parameters.map(({ name, shape }) => {
    const value = name.startsWith('heads.') ? 0 : 0.05
    return [
      name,
      tensor(
        shape,
        zeros(shape).data.map((_, i) => value * Math.cos(i)),
      ),
    ] as const
  })
  const results = await session.run({ ...batch, ...Object.fromEntries(weights), 'cotangent.loss': tensor([], [1]) })
  await session.close()
  const expected = attributes.reduce((sum, attribute) => sum + Math.log(vocabulary[attribute].length), 0)
  // float32 over some hundred terms
  expect(Math.abs(results.loss!.data[0]! - expected)).toBeLessThan(1e-5)
  for (const attribute of attributes) {
    const gradient = results[`gradient.heads.${attribute}.bias`]!.data
    // mean of p − right: the words of the batch have 1/words − share
    const words = vocabulary[attribute].length
    const shares = Array.from(
      { length: words },
      (_, k) => (batch[`right.${attribute}`]!.data[k]! + batch[`right.${attribute}`]!.data[words + k]!) / 2,
    )
    gradient.forEach((value, k) => {
      expect(Math.abs(value - (1 / words - shares[k]!))).toBeLessThan(1e-5)
    })
  }
})
