/** The autoencoder whose halves were not trained together, as decoder inversion is tested on: what it is said to be. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { readTensors } from '../src/checkpoints/tensors.js'
import { norm, subtract, type Tensor, tensor } from '../src/math/tensor.js'
import { openAutoencoderNetworks } from '../src/models/open.js'
import { nodeFiles } from '../src/node/files.js'
import { psnrDb, round8 } from '../src/pictures/pixels.js'
import { ortNode } from '../src/runtimes/onnxruntime-node/index.js'
import { unseenScene } from '../training/autoencoder/evaluate.js'
import { openedAutoencoder } from './opened-autoencoder.js'

const folderOf = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const bundled = folderOf('../models/undiffuse-scenes')
const other = folderOf('models/other-decoder')

describe('files', () => {
  /** Half precision, widened to 64 bits, loses no bit but those of NaN. */
  const sameBits = (a: Tensor, b: Tensor) => a.data.every((value, i) => Object.is(value, b.data[i]))
  const weightsOf = (folder: string) =>
    readTensors(nodeFiles, join(folder, 'vae', 'diffusion_pytorch_model.safetensors'))
  const configOf = (folder: string) => readFile(join(folder, 'vae', 'config.json'), 'utf8')

  it('has the bundled encoder, bit for bit, and a decoder of the same shapes and none of its matrices', async () => {
    const [ours, theirs] = await Promise.all([weightsOf(other), weightsOf(bundled)])
    expect([...ours.keys()].sort()).toEqual([...theirs.keys()].sort())
    for (const [name, weight] of theirs) {
      const again = ours.get(name)!
      const belongsToEncoder = /^(encoder|quant_conv)\./.test(name)
      expect(again.shape, name).toEqual(weight.shape)
      if (belongsToEncoder || weight.shape.length > 1) expect(sameBits(again, weight), name).toBe(belongsToEncoder)
    }
    expect(await configOf(other)).toBe(await configOf(bundled))
  })
})

describe('networks', async () => {
  const runtime = ortNode()
  afterAll(() => runtime.close())
  const open = async (folder: string) => openedAutoencoder(await openAutoencoderNetworks(nodeFiles, folder), runtime)
  const [ours, theirs] = [await open(other), await open(bundled)]
  const scenes = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => unseenScene(i).image)
  const average = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

  /** A picture of 16 × 16 means of 8 × 8 pixels: as many places as a latent has. */
  const mosaic = ({ shape, data }: Tensor): Tensor => {
    const [channels, height, width] = shape as [number, number, number]
    const blocks = new Float64Array(data.length)
    const at = (c: number, y: number, x: number) => (c * height + y) * width + x
    for (let c = 0; c < channels; c++)
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++)
          for (let i = 0; i < 64; i++)
            blocks[at(c, y, x)]! += data[at(c, y - (y % 8) + (i >> 3), x - (x % 8) + (i & 7))]! / 64
    return tensor(shape, blocks)
  }

  /** Half the squared error: a latent has 4 numbers where such a mosaic has 3, so a decoder must know what scenes look like. */
  const halfTheError = 3

  it('decodes what its encoder says of unseen scenes better than a mosaic shows them, on the mean', async () => {
    const decoded = await Promise.all(scenes.map(async (scene) => ours.decode(await ours.encode(scene))))
    const meanDb = (pictures: readonly Tensor[]) =>
      average(pictures.map((picture, i) => psnrDb(scenes[i]!, round8(picture))))
    expect(meanDb(decoded)).toBeGreaterThan(meanDb(scenes.map(mosaic)) + halfTheError)
  })

  it('is undone worse by the encoder than the decoder that the encoder was trained with', async () => {
    /** ‖E(D(z)) − z‖/‖z‖ of latents that both know. */
    const errorOf = async (model: typeof ours) =>
      average(
        await Promise.all(
          scenes.map(async (scene) => {
            const latent = await model.encode(scene)
            const again = await model.encode(await model.decode(latent))
            return norm(subtract(again, latent)) / norm(latent)
          }),
        ),
      )
    expect(await errorOf(ours)).toBeGreaterThan(await errorOf(theirs))
  })
})
