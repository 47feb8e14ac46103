/** What an autoencoder makes of scenes it has never seen: PSNR of D(E(x)) at 128 × 128, and a sheet to look at. */
import {
  autoencoderKl,
  autoencoderOf,
  builder,
  openAutoencoder,
  openAutoencoderNetworks,
  psnrDb,
  type Runtime,
  round8,
  type Tensor,
  tensor,
} from 'undiffuse'
import { contactSheet, nodeFiles, writeFileAtomically } from 'undiffuse/node'
import { constantParameters } from '../constant-parameters.js'
import { heldOutSeed } from '../scenes/batch.js'
import { renderScene } from '../scenes/render.js'
import { describeScene, type Scene } from '../scenes/scene.js'
import { autoencoder } from './recipe.js'

export const sceneSize = 128
const sheetColumns = 8

/** E(x) and D(E(x)). */
type Reconstruct = (image: Tensor) => Promise<{ latent: Tensor; image: Tensor }>

export interface Evaluation {
  /** Mean over scenes, of pictures rounded to 8 bits. */
  readonly psnrDb: number
  readonly psnrDbOfTexture: Readonly<Record<string, number>>
  /** Mean square of the latent's entries. */
  readonly latentVariance: number
}

/** The picture of an unseen scene, rounded to 8 bits as a file has it. */
export function unseenScene(i: number): { scene: Scene; image: Tensor } {
  const scene = describeScene(heldOutSeed(i))
  return { scene, image: round8(tensor([3, sceneSize, sceneSize], renderScene(scene, { size: sceneSize }).image.data)) }
}

export async function evaluate(
  reconstruct: Reconstruct,
  { count, sheet }: { count: number; sheet?: string },
): Promise<Evaluation> {
  const values: { texture: string; psnrDb: number }[] = []
  const pictures: { original: Tensor; decoded: Tensor }[] = []
  let squares = 0
  let entries = 0
  for (let i = 0; i < count; i++) {
    const { scene, image: original } = unseenScene(i)
    const { latent, image } = await reconstruct(original)
    const decoded = round8(image)
    values.push({ texture: scene.texture, psnrDb: psnrDb(original, decoded) })
    for (const value of latent.data) squares += value ** 2
    entries += latent.data.length
    if (i < sheetColumns) pictures.push({ original, decoded })
  }
  if (sheet) {
    const label = (i: number) => `${values[i]!.psnrDb.toFixed(1)} dB`
    const rows = [
      pictures.map(({ original }, i) => ({ image: original, label: values[i]!.texture })),
      pictures.map(({ decoded }, i) => ({ image: decoded, label: label(i) })),
    ]
    await writeFileAtomically(sheet, await contactSheet(rows))
  }
  const mean = (of: typeof values) => of.reduce((sum, value) => sum + value.psnrDb, 0) / of.length
  const textures = [...new Set(values.map(({ texture }) => texture))].sort()
  return {
    psnrDb: mean(values),
    psnrDbOfTexture: Object.fromEntries(
      textures.map((name) => [name, mean(values.filter(({ texture }) => texture === name))]),
    ),
    latentVariance: squares / entries,
  }
}

/** A run's weights, held in the graph; the latent is the network's own, unscaled. */
export async function evaluateWeights(
  runtime: Runtime,
  weights: ReadonlyMap<string, Tensor>,
  options: { count: number; sheet?: string },
): Promise<Evaluation> {
  const b = builder()
  const parameters = constantParameters(b, weights)
  const input = b.input('image', 'float32', [1, 3, sceneSize, sceneSize])
  const { mean } = autoencoderKl.encode(b, parameters, autoencoder, input)
  b.output(mean, 'mean')
  b.output(autoencoderKl.decode(b, parameters, autoencoder, mean), 'decoded')
  const session = await runtime.open(b.finish('autoencoder evaluation'))
  const evaluation = await evaluate(async (image) => {
    const results = await session.run({ image: { shape: [1, ...image.shape], data: image.data } })
    return { latent: results.mean!, image: { shape: image.shape, data: results.decoded!.data } }
  }, options)
  await session.close()
  return evaluation
}

/** A model folder as people use it. */
export async function evaluateFolder(
  runtime: Runtime,
  folder: string,
  options: { count: number; sheet?: string },
): Promise<Evaluation> {
  const model = openAutoencoder(await openAutoencoderNetworks(nodeFiles, folder), runtime)
  const autoencoder = autoencoderOf(model)
  const evaluation = await evaluate(async (image) => {
    const latent = await autoencoder.encode(image)
    return { latent, image: await autoencoder.decode(latent) }
  }, options)
  await model.close()
  return evaluation
}
