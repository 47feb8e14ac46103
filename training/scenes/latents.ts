/** The latents of many scenes, computed once: rendered, encoded, written as one file that a resumed run reads again. */
import { join } from 'node:path'
import {
  encodeSafetensors,
  openAutoencoder,
  openAutoencoderNetworks,
  type Runtime,
  readTensors,
  safetensor,
  type Tensor,
  tensor,
} from 'undiffuse'
import { bundledFile, nodeFiles, writeFileAtomically } from 'undiffuse/node'
import { heldOutSeed } from './batch.js'
import type { Random } from './random.js'
import { renderScene } from './render.js'
import { describeScene } from './scene.js'

const sceneSize = 128
/** Side of the latents of 128 × 128 pictures. */
export const latentSize = 16
const chunk = 8

export interface Latents {
  readonly seeds: readonly number[]
  /** Scenes × 4 × 16 × 16 in model units. */
  readonly latents: Tensor
}

/** Scene i of training has the seed i; of evaluation, the i-th held-out seed. */
export const seedsOf = (kind: 'training' | 'held-out', count: number): number[] =>
  Array.from({ length: count }, (_, i) => (kind === 'training' ? i : heldOutSeed(i)))

/** One of the scenes; an aside one has its shape on the left or on the right. */
export function drawScene({ seeds }: Latents, random: Random, aside: boolean): number {
  for (;;) {
    const index = Math.floor(random() * seeds.length)
    if (!aside || ['left', 'right'].includes(describeScene(seeds[index]!).place)) return index
  }
}

/** The posterior means of the scenes' pictures under the bundled autoencoder. */
export async function sceneLatents(
  runtime: Runtime,
  folder: string,
  kind: 'training' | 'held-out',
  count: number,
  report: (line: string) => void,
): Promise<Latents> {
  const seeds = seedsOf(kind, count)
  const file = join(folder, `latents-${kind}.safetensors`)
  if ((await nodeFiles.size(file)) !== undefined) {
    const latents = (await readTensors(nodeFiles, file)).get('latents')!
    if (latents.shape[0] === count) return { seeds, latents }
  }
  const networks = await openAutoencoderNetworks(nodeFiles, bundledFile('models', 'undiffuse-scenes'))
  const model = openAutoencoder(networks, runtime)
  const length = 4 * latentSize ** 2
  const data = new Float64Array(count * length)
  for (let from = 0; from < count; from += chunk) {
    const images = seeds
      .slice(from, from + chunk)
      .map((seed) =>
        tensor([3, sceneSize, sceneSize], renderScene(describeScene(seed), { size: sceneSize }).image.data),
      )
    const encoded = await model.ask('encode', images)
    encoded.forEach((latent, i) => {
      data.set(latent.data, (from + i) * length)
    })
    if (from % 4000 === 0) report(`${kind} latents: ${from} of ${count}`)
  }
  await model.close()
  const latents = tensor([count, 4, latentSize, latentSize], data)
  await writeFileAtomically(file, encodeSafetensors({ latents: safetensor(latents, 'float16') }))
  return { seeds, latents }
}
