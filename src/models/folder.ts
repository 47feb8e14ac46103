/** What a path holds, with the names that the families' parts have. */
import type { Files } from '../checkpoints/files.js'
import { type CheckpointFolder, type KnownParts, openFolder } from '../checkpoints/folder.js'
import { insideOf } from '../checkpoints/inside.js'
import type { MadeWeights } from '../checkpoints/made-weights.js'
import type { Weights } from '../checkpoints/weights.js'
import { networkClasses } from './classes/index.js'

export const knownParts: KnownParts = {
  names: [
    'vae',
    'vae_encoder',
    'vae_decoder',
    'unet',
    'transformer',
    'text_encoder',
    'text_encoder_2',
    'text_encoder_3',
  ],
  originalNamesOf: (className) =>
    networkClasses.find(({ classNames }) => classNames.includes(className))?.originalNames,
  roleOf: (className) => networkClasses.find(({ classNames }) => classNames.includes(className))?.role,
}

/** What the folder of a denoising network is called. */
export const denoiserParts = ['unet', 'transformer'] as const

/** The last part of a path: what a model is called. */
export const nameOf = (path: string): string => path.split(/[\\/]/).findLast((part) => part !== '') ?? path

/** Opens what lies at `path`, as `openFolder` does; `around` sees beside it, where nothing is there. */
export const openModelFolder = (files: Files, path: string, around = files): Promise<CheckpointFolder> =>
  openFolder(insideOf(files, path), path, knownParts, around)

/** The same folder, whose networks hold by `making` what they make of its weights, and have the weights that `as` makes of them. */
export const withWeights = (
  folder: CheckpointFolder,
  making: () => Promise<MadeWeights>,
  as: (weights: Weights) => Promise<Weights>,
): CheckpointFolder => ({
  ...folder,
  async part(name, classNames) {
    const part = await folder.part(name, classNames)
    if (part.kind === 'onnx') return part
    return { ...part, openWeights: async () => await as(await part.openWeights(making)) }
  },
})
