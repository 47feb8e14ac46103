/** What is read for its noise: pictures, folders of them, and files that hold the noise already. */
import { basename } from 'node:path'
import {
  checkKey,
  expected,
  isFinite as isFiniteTensor,
  type OpenDiffusionModel,
  type Restoration,
  type Tensor,
  undoRemedy,
  type WatermarkKey,
} from 'undiffuse'
import { type FittedPicture, type Recovery, readForKey } from './noise-recovery.js'
import { picturesIn } from './pictures.js'
import type { Item } from './survey.js'
import { isTensorFile, readTensorFile } from './tensor-files.js'
import type { Terminal } from './terminal.js'

/** A picture, or a noise and what its file says of it. */
export interface NoiseSource {
  readonly name: string
  /** The file that it is read from; several noises may share one. */
  readonly path: string
  readonly noise?: Tensor
  readonly metadata?: Readonly<Record<string, string>>
}

export interface ListedSources {
  readonly sources: readonly NoiseSource[]
  /** One that was named itself: what is wrong with it is an error of the command. */
  readonly isOne: boolean
}

/** Each once, in the order of the command line. Reads noise files, not pictures. */
export async function listSources(paths: readonly string[], io: Pick<Terminal, 'say'>): Promise<ListedSources> {
  const listed = await Promise.all(paths.map((path) => (isTensorFile(path) ? noisesIn(path) : picturesAt(path, io))))
  const sources = [...new Map(listed.flat().map((source) => [source.name, source])).values()]
  return { sources, isOne: sources.length === 1 && sources[0]!.name === paths[0] }
}

const picturesAt = async (path: string, io: Pick<Terminal, 'say'>): Promise<readonly NoiseSource[]> =>
  (await picturesIn(path, io)).map((path) => ({ name: path, path }))

async function noisesIn(path: string): Promise<readonly NoiseSource[]> {
  const { tensors, metadata } = await readTensorFile(path, 'noise')
  return tensors.map((noise, i) => ({
    name: tensors.length === 1 ? path : `${path} ${i + 1}`,
    path,
    noise,
    metadata,
  }))
}

/** A picture that is fitted and could carry the mark, or its noise. */
export type ReadSource = { readonly picture: FittedPicture } | { readonly noise: Tensor }

/** Sources as a survey opens them. The model is needed for pictures alone. */
export const itemsOf = (
  sources: readonly NoiseSource[],
  key: WatermarkKey,
  model: OpenDiffusionModel | undefined,
  { fit }: Recovery,
  undo: readonly Restoration[],
): readonly Item<ReadSource>[] =>
  sources.map(({ name, noise, metadata }) => ({
    name,
    async open() {
      if (noise) return checkedNoise(key, noise, name, metadata?.model)
      const { isOfAnotherSize, ...picture } = await readForKey(name, key, model!, fit, undo)
      if (!isOfAnotherSize) {
        const latentShape = model!.layout.latentShape(picture.image.shape)
        checkKey(key, { model: model!.name, latentShape }, undoRemedy, 'undo')
      }
      return { picture }
    },
  }))

function checkedNoise(key: WatermarkKey, noise: Tensor, name: string, model = key.model): ReadSource {
  checkKey(key, { model, latentShape: noise.shape })
  if (isFiniteTensor(noise)) return { noise }
  throw expected('not-finite', 'finite numbers', `\`${basename(name)}\``, 'NaN or infinity', 'Check what made it.')
}
