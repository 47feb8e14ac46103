/** Which profile of the autoencoder a command uses: a file that is named, the one beside the model, or one kept here. */
import {
  type Autoencoder,
  type AutoencoderNetworks,
  autoencoderFingerprint,
  autoencoderOf,
  deadLeaves,
  measureProfile,
  openAutoencoder,
  type Profile,
  type Runtime,
  resize,
  type Tensor,
} from 'undiffuse'
import { keepProfile, keptProfile, nodeFiles, readImage, readProfile } from 'undiffuse/node'
import { drive } from './measurements.js'
import { picturesIn } from './pictures.js'
import { readTensorFile } from './tensor-files.js'
import type { Terminal } from './terminal.js'

export const profileOption = [
  '--profile <file|none>',
  'what `undiffuse report` measured of the autoencoder; `invert` also takes `make` (default: the one that is there)',
] as const

/** The networks with the profile that is meant. Errors: `bad-model` for one that is invalid or of other weights. */
export async function withProfile(
  networks: AutoencoderNetworks,
  folder: string,
  named: string | undefined,
): Promise<AutoencoderNetworks> {
  const profile = named === 'none' ? undefined : await profileOf(networks, folder, named)
  return { ...networks, profile }
}

async function profileOf(
  { profile }: AutoencoderNetworks,
  folder: string,
  named: string | undefined,
): Promise<Profile | undefined> {
  if (named !== undefined) return await readProfile(named, await autoencoderFingerprint(nodeFiles, folder))
  return profile ?? (await keptProfile(folder))
}

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

/** Measures the profile of a model's autoencoder and keeps it. */
export async function makeProfile(
  io: Terminal,
  networks: AutoencoderNetworks,
  folder: string,
  openRuntime: () => Runtime,
  request: ProfileRequest,
): Promise<{ readonly profile: Profile; readonly file: string }> {
  const runtime = openRuntime()
  try {
    const weights = await autoencoderFingerprint(nodeFiles, folder)
    const autoencoder = autoencoderOf(openAutoencoder({ ...networks, profile: undefined }, runtime), io.signal)
    const { latents, origin } = await latentsOf(io, networks, autoencoder, request)
    io.say(`Measuring a profile of ${networks.name} on ${latents.length} latents: some hundred round trips.`)
    const options = { weights, latents: origin }
    const profile = await drive(io, measureProfile(autoencoder, latents, options))
    return { profile, file: await keepProfile(profile) }
  } finally {
    await runtime.close()
  }
}

interface KnownLatents {
  readonly latents: readonly Tensor[]
  readonly origin: string
}

/** The latents of a folder's files, or of its pictures, or of drawn pictures. */
async function latentsOf(
  io: Terminal,
  networks: AutoencoderNetworks,
  autoencoder: Autoencoder,
  { count, size, pictures: folder }: ProfileRequest,
): Promise<KnownLatents> {
  const unit = networks.downscaling
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
  const files = ((await nodeFiles.list(folder)) ?? []).filter((name) => name.endsWith('.safetensors')).slice(0, count)
  if (files.length > 0) {
    const latents: Tensor[] = []
    for (const name of files) latents.push(...(await readTensorFile(nodeFiles.join(folder, name), 'latent')).tensors)
    return { latents: latents.slice(0, count), origin: 'files of latents' }
  }
  const images: Tensor[] = []
  for (const file of (await picturesIn(folder, io)).slice(0, count)) {
    const { image } = await readImage(file)
    const [, height, width] = image.shape as [number, number, number]
    images.push(resize(image, fitted(height), fitted(width)))
  }
  return { latents: await encoded(images), origin: 'encoded from a folder of pictures' }
}

/** What a profile says, in lines for people. */
export function profileLines({ steps, roundTrips, pullbacks, latentCount, latents, expected }: Profile): string[] {
  const db = (value: number | undefined) => (value === undefined ? '–' : `${value.toFixed(1)} dB`)
  const errors = steps === 'fitted' ? expected.fittedNmseDb : expected.andersonNmseDb
  const found = roundTrips === 0 ? expected.encoderNmseDb : errors[roundTrips - 1]
  const gradients =
    expected.gradientNmseDb === undefined
      ? []
      : [
          `  gradients    ${db(expected.gradientNmseDb)}, ${pullbacks > 0 ? `with ${pullbacks} pullbacks` : 'not worth it'}`,
        ]
  return [
    `Profile, on ${latentCount} latents, ${latents}; expected error of the latent:`,
    `  encoder      ${db(expected.encoderNmseDb)}`,
    `  ${steps === 'fitted' ? 'fitted steps' : 'Anderson    '} ${db(found)}, after ${roundTrips} round trips`,
    ...gradients,
  ]
}
