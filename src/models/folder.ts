/** What a path holds, with the names that the families' parts have. */
import type { Files } from '../checkpoints/files.js'
import { type CheckpointFolder, type KnownParts, openFolder } from '../checkpoints/folder.js'
import { insideOf } from '../checkpoints/inside.js'
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
  roleOf: (className) => networkClasses.find(({ classNames }) => classNames.includes(className))?.role,
}

/** What the folder of a denoising network is called. */
export const denoiserParts = ['unet', 'transformer'] as const

/** The last part of a path: what a model is called. */
export const nameOf = (path: string): string => path.split(/[\\/]/).findLast((part) => part !== '') ?? path

/** Opens what lies at `path`, as `openFolder` does. */
export const openModelFolder = (files: Files, path: string): Promise<CheckpointFolder> =>
  openFolder(insideOf(files, path), path, knownParts)

/** The same folder, the linear layers of its networks in blocks of so many bits; the autoencoder stays as it is. */
export const withWeights = (folder: CheckpointFolder, inBits: (weights: Weights) => Weights): CheckpointFolder => ({
  ...folder,
  async part(name, classNames) {
    const part = await folder.part(name, classNames)
    if (part.kind === 'onnx' || name === 'vae') return part
    return { ...part, openWeights: async () => inBits(await part.openWeights()) }
  },
})
