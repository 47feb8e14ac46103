/**
 * Test problems of decoder inversion whose answer is known: latents of scenes that training never drew, and the 8-bit
 * pictures that they decode to; or pictures of somebody else's with their latents. Not photographs: those have no known
 * latent.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type AutoencoderNetworks,
  autoencoderOf,
  deadLeaves,
  expected,
  map,
  openAutoencoder,
  type Runtime,
  readSafetensorsHeader,
  readTensors,
  round8,
  type Session,
  type Signal,
  type Steps,
  type Tensor,
  tensor,
  torchNoise,
} from 'undiffuse'
import { nodeFiles, readImage } from 'undiffuse/node'
import { heldOutSeed } from '../../training/scenes/batch.js'
import { renderScene } from '../../training/scenes/render.js'
import { describeScene } from '../../training/scenes/scene.js'

/** A problem with its answer. */
export interface KnownPicture {
  /** z*, which inversion should find. */
  readonly latent: Tensor
  /** What the inverter gets: D(z*) rounded to 8 bits. */
  readonly image: Tensor
}

export interface KnownLatent extends KnownPicture {
  /** Of the noise. */
  readonly seed: number
  /** What was encoded, rounded to 8 bits. */
  readonly scene: Tensor
  /** D(z*), not rounded. */
  readonly decoded: Tensor
}

export interface PictureOptions {
  readonly count: number
  /** Side of the pictures in pixels. */
  readonly size: number
  /** What is encoded. Default: unseen scenes. */
  readonly drawn?: DrawnPictures
  readonly signal?: Signal | undefined
}

/** The i-th unseen scene, size × size, as an 8-bit picture. */
export const unseenScene = (i: number, size: number): Tensor =>
  round8(tensor([3, size, size], renderScene(describeScene(heldOutSeed(i)), { size }).image.data))

/** A profile is measured on the first dead leaves; these are others. */
const unseenLeaves = 1000

const drawings = {
  scenes: unseenScene,
  'dead-leaves': (i: number, size: number) => round8(deadLeaves(unseenLeaves + i, size, size)),
} as const satisfies Readonly<Record<string, (i: number, size: number) => Tensor>>

/** Pictures that can be drawn here: the scenes of the bundled model, and shapes with the statistics of photographs. */
export type DrawnPictures = keyof typeof drawings

export const drawnPictures = Object.keys(drawings) as readonly DrawnPictures[]

const batched = ({ shape, data }: Tensor): Tensor => ({ shape: [1, ...shape], data })
const single = ({ shape, data }: Tensor): Tensor => ({ shape: shape.slice(1), data })

/** exp(logvar/2) in model units of the picture's posterior; zeros where the encoder has no variance. */
async function deviation(encoder: Session, scale: number, image: Tensor, signal?: Signal): Promise<Tensor | undefined> {
  const { logvar } = await encoder.run({ image: batched(image) }, signal)
  return logvar && map(single(logvar), (value) => Math.exp(value / 2) * scale)
}

/**
 * Draws problems: z* = mean + deviation·noise of the posterior of an unseen scene or of dead leaves, x = round8(D(z*)).
 *
 * The same latents for the same model, count and size; seeds are `heldOutSeed(i)`. An encoder without a variance
 * (AutoencoderTiny) gives its latent itself. Cost: two encodes and a decode for each.
 */
export async function* knownLatents(
  networks: AutoencoderNetworks,
  runtime: Runtime,
  { count, size, drawn = 'scenes', signal }: PictureOptions,
): Steps<readonly KnownLatent[]> {
  const encoder = await runtime.open(networks.raw.encoder({ batch: 1, height: size, width: size }))
  const model = openAutoencoder(networks, runtime)
  const autoencoder = autoencoderOf(model, signal)
  const problems: KnownLatent[] = []
  try {
    for (let i = 0; i < count; i++) {
      const seed = heldOutSeed(i)
      const scene = drawings[drawn](i, size)
      const mean = await autoencoder.encode(scene)
      const spread = await deviation(encoder, networks.latentScale, scene, signal)
      const noise = torchNoise(seed, mean.shape)
      const latent = spread ? map(mean, (value, j) => value + spread.data[j]! * noise.data[j]!) : mean
      const decoded = await autoencoder.decode(latent)
      problems.push({ seed, scene, latent, decoded, image: round8(decoded) })
      yield { stage: 'drawing test pictures', done: i + 1, total: count }
    }
  } finally {
    await model.close()
    await encoder.close()
  }
  return problems
}

/**
 * Reads problems from a folder: each NAME.png with the tensor `latent` of NAME.safetensors, in the order of their names.
 *
 * Sizes may differ; a batch axis of one is dropped. Errors: `bad-option` for a folder without such pairs, `bad-model` for a file without the tensor; those of
 * reading pictures.
 */
export async function readKnownPictures(folder: string): Promise<readonly KnownPicture[]> {
  const names = await readdir(folder).catch(() => [] as string[])
  const hasLatent = (name: string) => names.includes(name.replace(/\.png$/, '.safetensors'))
  const pictures = names.filter((name) => name.endsWith('.png') && hasLatent(name)).sort()
  if (pictures.length === 0) {
    const remedy = 'Put the true latent of each picture beside it.'
    throw expected('bad-option', 'pictures NAME.png with NAME.safetensors', `\`${folder}\``, 'no such pair', remedy)
  }
  return await Promise.all(
    pictures.map(async (name) => {
      const file = join(folder, name.replace(/\.png$/, '.safetensors'))
      const [{ metadata }, tensors] = await Promise.all([
        readSafetensorsHeader(nodeFiles, file),
        readTensors(nodeFiles, file),
      ])
      const latent = tensors.get('latent')
      if (!latent) throw expected('bad-model', 'a tensor `latent`', `\`${file}\``, 'none', 'Store the true latent.')
      // Files without names of axes are of pictures, channels × height × width.
      const axes = metadata.axes?.split(',') ?? ['pictures', 'channels', 'height', 'width'].slice(-latent.shape.length)
      const isBatch = axes[0] === 'pictures' && latent.shape[0] === 1
      return { image: (await readImage(join(folder, name))).image, latent: isBatch ? single(latent) : latent }
    }),
  )
}
