/** Which profile of the autoencoder a command uses: a file that is named, the one beside the model, or one kept here. */
import {
  type AutoencoderNetworks,
  autoencoderFingerprint,
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
  /** Pictures to measure on. */
  readonly count: number
  /** Their side in pixels, where they are drawn. */
  readonly size: number
  /** A folder of pictures to measure on; drawn ones where it is missing. */
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
  { count, size, pictures }: ProfileRequest,
): Promise<{ readonly profile: Profile; readonly file: string }> {
  const unit = networks.downscaling
  const side = Math.max(unit, Math.round(size / unit) * unit)
  const images = pictures === undefined ? drawn(count, side) : await read(io, pictures, count, unit)
  const origin = pictures === undefined ? 'drawn: dead leaves' : 'a folder of pictures'
  io.say(`Measuring a profile of ${networks.name} on ${images.length} pictures: some hundred round trips.`)
  const runtime = openRuntime()
  try {
    const weights = await autoencoderFingerprint(nodeFiles, folder)
    const autoencoder = openAutoencoder({ ...networks, profile: undefined }, runtime)
    const options = { weights, pictures: origin, signal: io.signal }
    const profile = await drive(io, measureProfile(autoencoder, images, options))
    return { profile, file: await keepProfile(profile) }
  } finally {
    await runtime.close()
  }
}

const drawn = (count: number, side: number): readonly Tensor[] =>
  Array.from({ length: count }, (_, i) => deadLeaves(i, side, side))

/** Each picture of the folder, up to so many, at the nearest size that the model takes. */
async function read(io: Terminal, folder: string, count: number, unit: number): Promise<readonly Tensor[]> {
  const files = (await picturesIn(folder, io)).slice(0, count)
  const images: Tensor[] = []
  for (const file of files) {
    const { image } = await readImage(file)
    const [, height, width] = image.shape as [number, number, number]
    const fitted = (length: number) => Math.max(unit, Math.round(length / unit) * unit)
    images.push(resize(image, fitted(height), fitted(width)))
  }
  return images
}

/** What a profile says, in lines for people. */
export function profileLines({ steps, roundTrips, pullbacks, pictureCount, pictures, expected }: Profile): string[] {
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
    `Profile, on ${pictureCount} pictures (${pictures}); expected error of the latent:`,
    `  encoder      ${db(expected.encoderNmseDb)}`,
    `  ${steps === 'fitted' ? 'fitted steps' : 'Anderson    '} ${db(found)}, after ${roundTrips} round trips`,
    ...gradients,
  ]
}
