/** Measuring the profile of an autoencoder: how inversions with its weights step, stop, and what error they expect. */

import type { Autoencoder } from '../../autoencoder/autoencoder.js'
import { measureProfile } from '../../autoencoder/measure-profile.js'
import type { Profile } from '../../autoencoder/profile.js'
import type { Signal, Steps } from '../../core/progress.js'
import type { Tensor } from '../../math/tensor.js'
import { sidesOf } from '../../model/layout.js'
import type { Model } from '../../model/model.js'
import { autoencoderOf } from '../../model/views.js'
import { deadLeaves } from '../../pictures/dead-leaves.js'
import { resize } from '../../pictures/pixels.js'
import { picturesIn } from '../files/pictures.js'
import { checkAxes, readTensorFile } from '../files/tensor-files.js'
import type { Host, ModelSettings } from '../host.js'
import { noted, type Told } from '../operation.js'

export interface ProfileRequest {
  /** Latents to measure on. */
  readonly count: number
  /** Their side in pixels, where they are drawn. */
  readonly size: number
  /** A folder of latents or pictures to measure on; drawn pictures where it is missing. */
  readonly pictures?: string | undefined
}

/** What a profile is measured on: enough for shares that generalise, few enough for a minute. */
export const defaultProfile = { count: 16, size: 96 }

/** Measures the profile of a model's autoencoder and keeps it. Cost: some hundred round trips. */
export async function* makeProfile(
  { model, device, memoryLimit }: Pick<ModelSettings, 'model' | 'device' | 'memoryLimit'>,
  request: ProfileRequest,
  host: Host,
  signal?: Signal,
): Steps<{ readonly profile: Profile; readonly file: string }, Told> {
  const held = await host.models.openAutoencoder({
    model,
    device,
    memoryLimit,
    precision: '32',
    lean: false,
    profile: 'none',
  })
  try {
    const { name } = held.model
    const autoencoder = autoencoderOf(held.model, signal)
    const weights = await held.identity()
    const { latents, origin } = await latentsOf(held.model, autoencoder, request, host)
    yield noted(name, `Measuring a profile of ${name} on ${latents.length} latents: some hundred round trips.`)
    const profile = yield* measureProfile(autoencoder, latents, { weights, latents: origin })
    const file = await host.models.keepProfile(profile)
    yield { stage: 'profile', done: 1, total: 1, profile }
    return { profile, file }
  } finally {
    await held.close()
  }
}

interface KnownLatents {
  readonly latents: readonly Tensor[]
  readonly origin: string
}

/** The latents of a folder's files, or of its pictures, or of drawn pictures. */
async function latentsOf(
  { layout }: Model,
  autoencoder: Autoencoder,
  { count, size, pictures: folder }: ProfileRequest,
  host: Host,
): Promise<KnownLatents> {
  const { files, pictures } = host
  const unit = layout.multiple
  const fitted = (side: number) => Math.max(unit, Math.round(side / unit) * unit)
  const encoded = async (images: readonly Tensor[]) => {
    const latents: Tensor[] = []
    for (const image of images) latents.push(await autoencoder.encode(image))
    return latents
  }
  if (folder === undefined) {
    const images = Array.from({ length: count }, (_, i) => deadLeaves(i, fitted(size), fitted(size)))
    return { latents: await encoded(images), origin: 'encoded from drawn pictures' }
  }
  const names = ((await files.list(folder)) ?? []).filter((name) => name.endsWith('.safetensors')).slice(0, count)
  if (names.length > 0) {
    const latents: Tensor[] = []
    for (const name of names) {
      const read = await readTensorFile(files, files.join(folder, name), 'latent')
      checkAxes(read, layout, name)
      latents.push(...read.tensors)
    }
    return { latents: latents.slice(0, count), origin: 'files of latents' }
  }
  const images: Tensor[] = []
  for (const file of (await picturesIn(folder, host)).paths.slice(0, count)) {
    const { image } = await pictures.read(file)
    const { height, width } = sidesOf(layout, image.shape)
    images.push(resize(image, fitted(height), fitted(width)))
  }
  return { latents: await encoded(images), origin: 'encoded from a folder of pictures' }
}
