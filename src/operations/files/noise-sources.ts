/** What is read for its noise: pictures, folders of them, and files that hold the noise already. */
import type { Tensor } from '../../math/tensor.js'
import type { Layout } from '../../model/layout.js'
import type { Restoration } from '../../restorations/index.js'
import { checkKey, type KeyModel, type WatermarkKey } from '../../watermark/key.js'
import type { Host, Note, OperationModel } from '../host.js'
import { type FittedPicture, type Recovery, readForKey } from '../recipes/recovery.js'
import type { Item } from '../runs/survey.js'
import { orKey } from './keys.js'
import { picturesIn } from './pictures.js'
import { checkFinite, isTensorFile, orTensors, readTensorFile } from './tensor-files.js'

/** What is read for its noise. */
export const sourcesField = {
  type: 'file',
  description: 'pictures, folders of them, or files of noise',
  subject: true,
  required: true,
  many: true,
  word: 'source',
} as const

/** A picture, or a noise and what its file says of it. */
export interface NoiseSource {
  readonly name: string
  /** The file that it is read from, or a clip's folder; several noises may share one. */
  readonly path: string
  /** The files of a clip's frames, or its own. */
  readonly frames?: readonly string[]
  readonly noise?: Tensor
  readonly metadata?: Readonly<Record<string, string>>
}

export interface ListedSources {
  readonly sources: readonly NoiseSource[]
  /** One that was named itself: what is wrong with it is an error of the operation. */
  readonly isOne: boolean
  readonly notes: readonly Note[]
}

/**
 * Each once, in the order in which they are named. Reads noise files, not pictures. Where clips are marked, a folder is one
 * clip, and its pictures are the frames in their order.
 */
export async function listSources(
  paths: readonly string[],
  { axes }: Pick<Layout, 'axes'>,
  host: Host,
): Promise<ListedSources> {
  const sourcesAt = axes.includes('frames') ? clipAt : picturesAt
  const listed = await Promise.all(
    paths.map((path) => (isTensorFile(path) ? noisesIn(path, host) : sourcesAt(path, host))),
  )
  const all = listed.flatMap(({ sources }) => sources)
  const sources = [...new Map(all.map((source) => [source.name, source])).values()]
  const isOne = sources.length === 1 && sources[0]!.name === paths[0]
  return { sources, isOne, notes: listed.flatMap(({ notes }) => notes) }
}

type Listed = Pick<ListedSources, 'sources' | 'notes'>

async function picturesAt(path: string, host: Host): Promise<Listed> {
  const { paths, notes } = await picturesIn(path, host)
  return { sources: paths.map((path) => ({ name: path, path })), notes }
}

async function clipAt(path: string, host: Host): Promise<Listed> {
  const { paths, notes } = await picturesIn(path, host)
  return { sources: [{ name: path, path, frames: paths }], notes }
}

async function noisesIn(path: string, { files }: Host): Promise<Listed> {
  const { tensors, metadata } = await readTensorFile(files, path, 'noise')
  const sources = tensors.map((noise, i) => ({
    name: tensors.length === 1 ? path : `${path} ${i + 1}`,
    path,
    noise,
    metadata,
  }))
  return { sources, notes: [] }
}

/** The models that noise files say they are of, each once. */
export function modelsOf({ sources }: ListedSources): readonly KeyModel[] {
  const named = sources.flatMap(({ metadata: { model, modelFiles } = {} }) =>
    model === undefined ? [] : [{ model, modelFiles }],
  )
  return [...new Map(named.map((one) => [`${one.model} ${one.modelFiles}`, one])).values()]
}

/** A picture that is fitted and could carry the mark, or its noise. */
export type ReadSource = { readonly picture: FittedPicture } | { readonly noise: Tensor }

export interface ItemOptions {
  readonly key: WatermarkKey
  /** Needed for pictures alone. */
  readonly model: OperationModel | undefined
  readonly recovery: Recovery
  readonly undo: readonly Restoration[]
}

/** Sources as a survey opens them. */
export const itemsOf = (
  sources: readonly NoiseSource[],
  { key, model, recovery: { fit }, undo }: ItemOptions,
  host: Host,
): readonly Item<ReadSource>[] =>
  sources.map(({ name, frames = [name], noise, metadata }) => ({
    name,
    async open() {
      if (noise) return checkedNoise(key, noise, name, metadata)
      const named = { path: name, pictures: frames }
      try {
        return { picture: await readForKey(named, key, { model: model!, fit, undo }, host) }
      } catch (error) {
        throw orTensors(await orKey(error, name, host.files))
      }
    },
  }))

function checkedNoise(
  key: WatermarkKey,
  noise: Tensor,
  name: string,
  { model = key.model, modelFiles }: NonNullable<NoiseSource['metadata']> = {},
): ReadSource {
  checkKey(key, { model, modelFiles, latentShape: noise.shape })
  checkFinite(noise, name)
  return { noise }
}
