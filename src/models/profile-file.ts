/** Profiles of autoencoders as files: written and read, and found beside the weights that they belong to. */
import type { Profile } from '../autoencoder/profile.js'
import type { Files } from '../checkpoints/files.js'
import { fingerprint, profileName } from '../checkpoints/fingerprint.js'
import { describe, isJsonObject, type JsonObject, parseJsonObject, readText } from '../checkpoints/json.js'
import { expected } from '../core/errors.js'
import type { AutoencoderNetworks } from './autoencoder/networks.js'

const format = 'undiffuse-profile-1'

/** The text of a profile's file. */
export const profileText = (profile: Profile): string => `${JSON.stringify({ format, ...profile }, undefined, 2)}\n`

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)
const isCount = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 0
const isText = (value: unknown): boolean => typeof value === 'string' && value.length <= 200
const isListOf = (fits: (value: unknown) => boolean, value: unknown): value is unknown[] =>
  Array.isArray(value) && value.length <= 100 && value.every(fits)
const isNumbers = (value: unknown): boolean => isListOf(isNumber, value)

const fields: Readonly<Record<string, (value: unknown) => boolean>> = {
  format: (value) => value === format,
  weights: isText,
  latents: isText,
  latentCount: isCount,
  latentShape: (value) => isListOf(isCount, value),
  steps: (value) => value === 'fitted' || value === 'anderson',
  roundTrips: isCount,
  shares: (value) => isListOf(isNumbers, value) && value.every((row, k) => (row as unknown[]).length === k + 1),
  pullbacks: isCount,
  expected: isJsonObject,
}

const expectedFields: Readonly<Record<string, (value: unknown) => boolean>> = {
  residualNmseDb: isNumber,
  encoderNmseDb: isNumber,
  fittedNmseDb: isNumbers,
  andersonNmseDb: isNumbers,
  gradientNmseDb: (value) => value === undefined || isNumber(value),
}

const hint = 'measure-profile'

function check(object: JsonObject, wanted: typeof fields, name: string): void {
  const remedy = 'Measure the profile again.'
  const unknown = Object.keys(object).find((key) => !Object.hasOwn(wanted, key))
  if (unknown !== undefined)
    throw expected('bad-model', 'the fields of a profile', `\`${name}\``, `\`${unknown}\``, remedy, { hint })
  const invalid = Object.entries(wanted).find(([key, fits]) => !fits(object[key]))
  if (!invalid) return
  const got = describe(object[invalid[0]])
  throw expected('bad-model', 'a valid value', `\`${invalid[0]}\` in \`${name}\``, got, remedy, { hint })
}

/**
 * The profile that a file's text states; every field is checked. Errors: `bad-model` naming the file and the field.
 *
 * @example const profile = parseProfile(await nodeFiles.text('profile.json'), 'profile.json')
 */
export function parseProfile(text: string, name: string): Profile {
  const object = parseJsonObject(text, name)
  check(object, fields, name)
  check(object.expected as JsonObject, expectedFields, name)
  const { format: _, ...profile } = object
  const found = profile as unknown as Profile
  const { length } = found.steps === 'fitted' ? found.shares : found.expected.andersonNmseDb
  if (found.roundTrips <= length) return found
  const remedy = 'Measure the profile again.'
  throw expected('bad-model', `at most ${length} round trips`, `\`${name}\``, `${found.roundTrips}`, remedy, { hint })
}

/** The fingerprint of a folder's autoencoder alone: other parts of a pipeline may change. */
export async function autoencoderFingerprint(files: Files, path: string): Promise<string> {
  const names = (await files.list(path)) ?? []
  const parts = ['vae', 'vae_encoder', 'vae_decoder'].filter((part) => names.includes(part))
  return await fingerprint(files, path, parts.length > 0 ? parts : undefined)
}

/** Throws `bad-model` for a profile of other weights. */
export function checkProfile({ weights }: Profile, fingerprint: string, name: string): void {
  if (weights === fingerprint) return
  const remedy = 'Measure the profile of these weights, or remove the file.'
  throw expected('bad-model', `a profile of the weights ${fingerprint}`, `\`${name}\``, `one of ${weights}`, remedy, {
    hint,
  })
}

/**
 * The profile beside a model's weights, or the file of one that belongs to other weights: a copy whose weights or configuration
 * changed has it still, and must not step by it. Errors: `bad-model` for one that is invalid.
 */
export async function profileBeside(
  files: Files,
  path: string,
): Promise<Pick<AutoencoderNetworks, 'profile' | 'strangeProfile'>> {
  const file = files.join(path, profileName)
  if ((await files.size(file)) === undefined) return {}
  const profile = parseProfile(await readText(files, file), file)
  return profile.weights === (await autoencoderFingerprint(files, path)) ? { profile } : { strangeProfile: file }
}
