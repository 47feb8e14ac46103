/** Models from folders, for hosts that have files and a runtime: opened with their profile, and what they cost. */
import type { Profile } from '../autoencoder/profile.js'
import type { Files } from '../checkpoints/files.js'
import { memoryText } from '../core/memory.js'
import type { Runtime } from '../graph/runtime.js'
import { sidesOf } from '../model/layout.js'
import type { DiffusionModel } from '../model/model.js'
import type { AutoencoderNetworks } from '../models/autoencoder/networks.js'
import { openAutoencoder } from '../models/autoencoder/sessions.js'
import type { DenoisingPrecision } from '../models/denoiser/graphs.js'
import { openDiffusionModel } from '../models/diffusion-model.js'
import { denoiserParts } from '../models/folder.js'
import { openAutoencoderNetworks } from '../models/open.js'
import { autoencoderFingerprint, checkProfile, parseProfile } from '../models/profile-file.js'
import type { HostModels, ModelSettings, NetworkCost, Note } from './host.js'

export interface ModelSource {
  readonly files: Files
  openRuntime(options: { readonly device?: string; readonly memoryLimit?: number }): Runtime
  /** The folder of a bundled model's id, or the path itself; without either, the host's default. */
  folderOf(idOrPath: string | undefined): Promise<string>
  /** The profile that was kept for the autoencoder in a folder. */
  keptProfile(folder: string): Promise<Profile | undefined>
  keepProfile(profile: Profile): Promise<string>
  /** A clock in seconds. */
  now(): number
}

export const precisionOf = (name: string): DenoisingPrecision => Number(name) as DenoisingPrecision

/**
 * Opens models from folders, each with a runtime of its own that ends with it.
 *
 * The profile is the one that is named, the one beside the model, or the one that the host keeps. One of other weights is an
 * error where it is named, and a note where it lies beside the model. Errors: `bad-model`; otherwise as `openDiffusionModel` and the runtime.
 */
export function modelsOn(source: ModelSource): HostModels {
  const { files, folderOf } = source

  async function withProfile(folder: string, named: string | undefined): Promise<AutoencoderNetworks> {
    const networks = await openAutoencoderNetworks(files, folder)
    if (named === 'none') return { ...networks, profile: undefined }
    if (named === undefined) return { ...networks, profile: networks.profile ?? (await source.keptProfile(folder)) }
    const profile = parseProfile(await files.text(named), named)
    checkProfile(profile, await autoencoderFingerprint(files, folder), named)
    return { ...networks, profile }
  }

  const notesOn = ({ profile, strangeProfile }: AutoencoderNetworks, named: string | undefined): Note[] =>
    strangeProfile === undefined || profile !== undefined || named !== undefined
      ? []
      : [
          {
            about: strangeProfile,
            text: 'The profile beside the model is of other weights and is not used: measure one of these, or remove the file.',
          },
        ]

  return {
    async open({ model: name, precision, weights, lean, profile: named, steps, family, ...settings }) {
      const folder = await folderOf(name)
      const networks = await withProfile(folder, named)
      const notes = notesOn(networks, named)
      const { runtime, cost } = measured(source.openRuntime(runtimeOptions(settings)), source.now)
      try {
        const options = {
          profile: networks.profile ?? ('none' as const),
          precision: precisionOf(precision),
          lean,
          family,
          ...(weights && { weights: Number(weights) as 4 | 8 }),
        }
        const model = await openDiffusionModel(files, folder, runtime, {
          ...options,
          ...(steps !== undefined && { steps }),
        })
        const room = memoryNote(model)
        const onFolder = (model.notes ?? []).map((text) => ({ about: model.name, text }))
        return {
          model,
          notes: [...notes, ...onFolder, ...(room ? [room] : [])],
          cost,
          identity: () => model.identity(),
          close: () => runtime.close(),
        }
      } catch (error) {
        await runtime.close()
        throw error
      }
    },
    async openAutoencoder({ model: name, precision, lean, profile, ...settings }) {
      const folder = await folderOf(name)
      const networks = await withProfile(folder, profile)
      const { runtime, cost } = measured(source.openRuntime(runtimeOptions(settings)), source.now)
      return {
        model: openAutoencoder(networks, runtime, { precision: precision === '16' ? 16 : 32, lean }),
        notes: notesOn(networks, profile),
        cost,
        identity: () => autoencoderFingerprint(files, folder),
        close: () => runtime.close(),
      }
    },
    async hasDenoiser(name) {
      const folder = await folderOf(name)
      const found = await Promise.all(denoiserParts.map((part) => files.list(files.join(folder, part))))
      return found.some((names) => names !== undefined)
    },
    keepProfile: source.keepProfile,
  }
}

/** From so many bytes on it is said what a model takes. */
const worthTelling = 2 ** 30

/** What one evaluation at the model's own size takes, before anything is opened. */
function memoryNote({ name, layout, memoryFor }: DiffusionModel): Note | undefined {
  const need = memoryFor?.('denoise', layout.latentShape(layout.picture), 1)
  if (!need || need.neededBytes < worthTelling) return undefined
  const { width, height } = sidesOf(layout, layout.picture)
  const [all, weights] = [need.neededBytes, need.weightBytes].map(memoryText)
  return {
    about: name,
    text: `One evaluation at ${width} × ${height} takes about ${all} of memory, ${weights} of it for weights.`,
  }
}

/** Memory in bytes. */
const runtimeOptions = ({ device, memoryLimit }: Pick<ModelSettings, 'device' | 'memoryLimit'>) => ({
  ...(device !== undefined && { device }),
  ...(memoryLimit !== undefined && { memoryLimit: memoryLimit * 2 ** 30 }),
})

/** A runtime whose openings are timed, and what it cost so far. */
function measured(plain: Runtime, now: () => number): { readonly runtime: Runtime; cost(): Promise<NetworkCost> } {
  let openingSeconds = 0
  let begin = 0
  let underWay = 0
  const open: Runtime['open'] = async (graph, options) => {
    // Openings at the same time wait for each other: their time counts once.
    if (underWay++ === 0) begin = now()
    try {
      return await plain.open(graph, options)
    } finally {
      if (--underWay === 0) openingSeconds += now() - begin
    }
  }
  return {
    runtime: { ...plain, open },
    async cost() {
      const { networkSeconds, runs, peakMemoryBytes } = await plain.usage()
      return { networkSeconds, openingSeconds, networkRuns: runs, peakMemoryBytes }
    },
  }
}
