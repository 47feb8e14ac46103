/**
 * Reads a scene from its picture: shape, colour, size, place, background and texture with their probabilities, and the
 * features that Fréchet distances are measured in. It knows rendered scenes only: of other pictures it says nonsense.
 */
import { builder, expected, formatShape, type Runtime, readTensors, type Signal, type Tensor, tensor } from 'undiffuse'
import { bundledFile, nodeFiles } from 'undiffuse/node'
import { constantParameters } from '../../constant-parameters.js'
import type { Scene } from '../scene.js'
import { type Attribute, attributes, readerConfig, readerNetwork, vocabulary } from './network.js'

/** What a picture shows, as far as its caption tells. */
export type Words = { readonly [A in Attribute]: Scene[A] }

export interface Reading extends Words {
  /** The probability that the network gives the word it read. */
  readonly probability: Readonly<Record<Attribute, number>>
  /** The 64 numbers that all answers are made from. */
  readonly features: Float64Array
}

export interface SceneReader {
  /** Reads a picture of 3 × 128 × 128 in [−1, 1]; throws `bad-shape` for another shape. One run of about 4 ms. */
  readScene(image: Tensor, signal?: Signal): Promise<Reading>
  /** The features alone: the same run. */
  sceneFeatures(image: Tensor, signal?: Signal): Promise<Float64Array>
  close(): Promise<void>
}

/** The folder that ships with the package. */
export const bundledReader = (): string => bundledFile('models', 'undiffuse-scene-reader')

const side = readerConfig.sample_size

/** The graph that reads: `image` → `features` and each attribute's probabilities. */
function readerGraph(weights: ReadonlyMap<string, Tensor>) {
  const b = builder()
  const image = b.input('image', 'float32', [1, 3, side, side])
  const { features, logits } = readerNetwork(b, constantParameters(b, weights), image)
  b.output(features, 'features')
  for (const attribute of attributes) b.output(b.emit('Softmax', [logits[attribute]], { axis: -1 }), attribute)
  return b.finish('scene reader')
}

/** A reader with weights in memory: what training evaluates. */
export async function readerFromWeights(runtime: Runtime, weights: ReadonlyMap<string, Tensor>): Promise<SceneReader> {
  const session = await runtime.open(readerGraph(weights))
  const shape = [3, side, side]

  async function readScene(image: Tensor, signal?: Signal): Promise<Reading> {
    if (formatShape(image.shape) !== formatShape(shape)) {
      const remedy = 'Resize the picture first.'
      throw expected('bad-shape', formatShape(shape), '`image`', formatShape(image.shape), remedy)
    }
    const seen = tensor([1, 3, side, side], image.data)
    const outputs = await session.run({ image: seen }, signal)
    const best = attributes.map((attribute) => {
      const probabilities = outputs[attribute]!.data
      const probability = Math.max(...probabilities)
      return { attribute, probability, word: vocabulary[attribute][probabilities.indexOf(probability)] }
    })
    const entries = <T>(value: (entry: (typeof best)[number]) => T) =>
      Object.fromEntries(best.map((entry) => [entry.attribute, value(entry)]))
    return {
      ...(entries(({ word }) => word) as unknown as Words),
      probability: entries(({ probability }) => probability) as Record<Attribute, number>,
      features: outputs.features!.data,
    }
  }

  return {
    readScene,
    sceneFeatures: async (image, signal) => (await readScene(image, signal)).features,
    close: () => session.close(),
  }
}

/**
 * Opens the bundled scene reader, or another one of the same network.
 *
 * Throws `bad-model` when the folder's configuration or weights are not this network's.
 *
 * @example
 * const reader = await openSceneReader(runtime)
 * const { colour, shape, probability } = await reader.readScene(image)
 */
export async function openSceneReader(runtime: Runtime, folder = bundledReader()): Promise<SceneReader> {
  const file = nodeFiles.join(folder, 'config.json')
  // Spaces aside: no value has any.
  if ((await nodeFiles.text(file)).replaceAll(/\s/g, '') !== JSON.stringify(readerConfig)) {
    throw expected('bad-model', "this version's scene reader", `\`${file}\``, 'another one', 'Use the bundled reader.')
  }
  return await readerFromWeights(runtime, await readTensors(nodeFiles, nodeFiles.join(folder, 'model.safetensors')))
}
