/** Profiles of autoencoders on this machine: kept where a model's folder cannot hold them, and found again. */
import { mkdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Profile } from '../autoencoder/profile.js'
import { autoencoderFingerprint, checkProfile, parseProfile, profileText } from '../models/profile-file.js'
import { nodeFiles } from './files.js'
import { writeFileAtomically } from './write.js'

/** The user's cache of profiles, one file for each fingerprint of weights. */
function cache(): string {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env
  return join(XDG_CACHE_HOME || LOCALAPPDATA || join(homedir(), '.cache'), 'undiffuse', 'profiles')
}

/**
 * Keeps a profile in the user's cache and returns its file. The cache is the folder `undiffuse/profiles` of XDG_CACHE_HOME,
 * of LOCALAPPDATA, or of ~/.cache. Errors: `unavailable` where it cannot be written.
 *
 * @example const file = await keepProfile(profile)
 */
export async function keepProfile(profile: Profile): Promise<string> {
  const file = join(cache(), `${profile.weights}.json`)
  await mkdir(cache(), { recursive: true }).catch(() => {})
  await writeFileAtomically(file, profileText(profile))
  return file
}

/** The profile in the user's cache for the autoencoder in a folder. Errors: `bad-model` for a file that is invalid. */
export async function keptProfile(folder: string): Promise<Profile | undefined> {
  if (!(await nodeFiles.list(cache()))) return undefined
  const weights = await autoencoderFingerprint(nodeFiles, folder)
  const file = join(cache(), `${weights}.json`)
  return (await nodeFiles.size(file)) === undefined ? undefined : await readProfile(file, weights)
}

/** The profile in a file. Errors: `bad-model` for one that is invalid, or of other weights than the fingerprint names. */
export async function readProfile(file: string, weights: string): Promise<Profile> {
  const profile = parseProfile(await nodeFiles.text(file), file)
  checkProfile(profile, weights, file)
  return profile
}
