/** How often a reader is right on scenes that training never drew, as rendered and after an autoencoder. */
import { type Autoencoder, round8, type Tensor, tensor } from 'undiffuse'
import { heldOutSeed } from '../batch.js'
import { renderScene } from '../render.js'
import { describeScene, type Scene } from '../scene.js'
import { type Attribute, attributes, readerConfig } from './network.js'
import type { SceneReader } from './reader.js'

/** The share of scenes of which an attribute was read right, and the share of which all six were. */
export type Accuracy = Readonly<Record<Attribute | 'all', number>>

const side = readerConfig.sample_size

/** The i-th scene that training never draws, as an 8-bit file has it. */
export function heldOutScene(i: number): { readonly scene: Scene; readonly image: Tensor } {
  const scene = describeScene(heldOutSeed(i))
  return { scene, image: round8(tensor([3, side, side], renderScene(scene, { size: side }).image.data)) }
}

/** Reads held-out scenes 0 … count − 1, or what `change` makes of them. */
export async function evaluateReader(
  reader: SceneReader,
  count: number,
  change: (image: Tensor) => Promise<Tensor> = async (image) => image,
): Promise<Accuracy> {
  const right = new Map<string, number>()
  const add = (name: string, hit: boolean) => right.set(name, (right.get(name) ?? 0) + (hit ? 1 / count : 0))
  for (let i = 0; i < count; i++) {
    const { scene, image } = heldOutScene(i)
    const reading = await reader.readScene(await change(image))
    const hits = attributes.map((attribute) => reading[attribute] === scene[attribute])
    attributes.forEach((attribute, k) => {
      add(attribute, hits[k]!)
    })
    add(
      'all',
      hits.every((hit) => hit),
    )
  }
  return Object.fromEntries(right) as Accuracy
}

/** D(E(x)) in 8 bits. */
export const throughAutoencoder = (autoencoder: Autoencoder) => async (image: Tensor) =>
  round8(await autoencoder.decode(await autoencoder.encode(image)))
