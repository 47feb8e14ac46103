/** What the scene reader is trained on: batches of whole scenes, rendered or decoded from latents, and disturbed. */
import { type Autoencoder, combine, type Tensor, tensor, torchGenerator, zeros } from 'undiffuse'
import { trainingSeed } from '../batch.js'
import type { Image } from '../image.js'
import { between, pick, type Random, randomFrom } from '../random.js'
import { renderScene } from '../render.js'
import { describeScene, type Scene } from '../scene.js'
import { disturb } from './disturb.js'
import { attributes, readerConfig, vocabulary } from './network.js'

/** A picture, as the network sees it, and what it shows. */
export interface Example {
  readonly scene: Scene
  readonly image: Image
}

const side = readerConfig.sample_size

const rendered = (random: Random): Example => {
  const scene = describeScene(trainingSeed(random))
  return { scene, image: renderScene(scene, { size: side }).image }
}

/** The most noise that latents, whose mean square is 1, are given before they are decoded. */
const largestLatentNoise = 0.3

/** D(E(x) + σ·ε) of rendered scenes x, σ uniform below 0.3: what an imperfect latent looks like once it is decoded. */
export async function decodedExamples(autoencoder: Autoencoder, count: number, seed: number): Promise<Example[]> {
  const random = randomFrom(seed)
  const generator = torchGenerator(seed)
  const examples: Example[] = []
  for (let i = 0; i < count; i++) {
    const { scene, image } = rendered(random)
    const latent = await autoencoder.encode(tensor([3, side, side], image.data))
    const noisy = combine([1, latent], [between(random, 0, largestLatentNoise), generator.noise(latent.shape)])
    const decoded = await autoencoder.decode(noisy)
    examples.push({ scene, image: { ...image, data: Float32Array.from(decoded.data) } })
  }
  return examples
}

/**
 * The feeds of one training step, the same for the same seed: pictures and their right words.
 *
 * @param share of the pictures that come from `decoded` instead of the renderer
 */
export function readerBatch(
  seed: number,
  { batch, decoded, share }: { batch: number; decoded: readonly Example[]; share: number },
): Record<string, Tensor> {
  const random = randomFrom(seed)
  const length = 3 * side * side
  const image = new Float64Array(batch * length)
  const right = Object.fromEntries(
    attributes.map((attribute) => [`right.${attribute}`, zeros([batch, vocabulary[attribute].length])]),
  )
  for (let n = 0; n < batch; n++) {
    const example = n < Math.round(share * batch) ? pick(random, decoded) : rendered(random)
    image.set(disturb(example.image, random), n * length)
    for (const attribute of attributes) {
      const words: readonly string[] = vocabulary[attribute]
      right[`right.${attribute}`]!.data[n * words.length + words.indexOf(example.scene[attribute])] = 1
    }
  }
  return { image: tensor([batch, 3, side, side], image), ...right }
}
