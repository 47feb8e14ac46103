/** What the decoder's loss is, on a decoder that draws one colour: sums that can be written down. */
import { type Tensor, tensor, torchNoise } from 'undiffuse'
import { ortNode } from 'undiffuse/node'
import { afterAll, expect, it } from 'vitest'
import { autoencoder } from '../autoencoder/recipe.js'
import { initialWeights } from '../initialize.js'
import { bundledEncoder } from './bundled-encoder.js'
import { decoderTrainingGraph } from './loss.js'

const runtime = ortNode()
afterAll(() => runtime.close())

const size = 16
const weights = { scales: 2, slopes: 0.5 }
/** Means of 768 numbers near 1 in float32. */
const float32 = 1e-6

type Plane = number[][]
const average = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
const halved = (plane: Plane): Plane =>
  plane
    .filter((_, i) => i % 2 === 0)
    .map((row, i) =>
      row
        .filter((_, j) => j % 2 === 0)
        .map((_, j) => average([0, 1].flatMap((di) => [0, 1].map((dj) => plane[2 * i + di]![2 * j + dj]!)))),
    )
const sizes = (planes: readonly Plane[]) => average(planes.flat(2).map(Math.abs))
const down = (plane: Plane): Plane => plane.slice(1).map((row, i) => row.map((value, j) => value - plane[i]![j]!))
const right = (plane: Plane): Plane => plane.map((row) => row.slice(1).map((value, j) => value - row[j]!))
const sizeAt = (planes: readonly Plane[]) =>
  sizes(planes) + weights.slopes * (sizes(planes.map(down)) + sizes(planes.map(right)))

it('is the size of differences and slopes at every scale, and moves the decoder alone', async () => {
  const { graph, parameters } = decoderTrainingGraph(autoencoder, await bundledEncoder(), { batch: 1, size }, weights)
  expect(parameters.filter(({ name }) => !/^(decoder|post_quant_conv)\./.test(name))).toEqual([])

  const colour = [0.25, -0.5, 0.75]
  const constant: ReadonlyMap<string, Tensor> = new Map(
    [...initialWeights(parameters, 1)].map(([name, { shape, data }]) => {
      if (name === 'decoder.conv_out.weight')
        return [
          name,
          tensor(
            shape,
            data.map(() => 0),
          ),
        ]
      return [name, name === 'decoder.conv_out.bias' ? tensor(shape, colour) : tensor(shape, data)]
    }),
  )
  const image = torchNoise(2, [1, 3, size, size])
  const session = await runtime.open(graph)
  const results = await session.run({ image, ...Object.fromEntries(constant), 'cotangent.loss': tensor([], [1]) })

  const differences = colour.map((value, channel) =>
    Array.from({ length: size }, (_, y) =>
      Array.from({ length: size }, (_, x) => value - image.data[(channel * size + y) * size + x]!),
    ),
  )
  const expected = (sizeAt(differences) + sizeAt(differences.map(halved))) / 2
  expect(Math.abs(results.loss!.data[0]! - expected)).toBeLessThan(float32 * expected)
  const squared = average(differences.flat(2).map((value) => value ** 2))
  expect(Math.abs(results.logarithm!.data[0]! - Math.log(squared + 1e-4))).toBeLessThan(float32)
  // Zeros in the last layer cut off all that lies before it.
  expect(Math.max(...results['gradient.decoder.conv_in.weight']!.data.map(Math.abs))).toBe(0)
  expect(Math.max(...results['gradient.decoder.conv_out.bias']!.data.map(Math.abs))).toBeGreaterThan(0)
}, 60_000)
