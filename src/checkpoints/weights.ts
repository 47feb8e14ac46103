/**
 * The weights of one network: one .safetensors file or several shards with an index, as diffusers and transformers
 * write them. The tensors stay in their files; what comes out is where they lie.
 */

import { expected } from '../core/errors.js'
import { pickleRemedy } from '../core/file-nature.js'
import { plural } from '../core/plural.js'
import { formatShape, sameShape } from '../math/tensor.js'
import type { WeightSource } from '../nn/parameters.js'
import type { Files } from './files.js'
import { describe, isJsonObject, readJsonObject } from './json.js'
import { readSafetensorsHeader, type SafetensorsEntry } from './safetensors.js'

export interface Weights extends WeightSource {
  readonly names: readonly string[]
}

interface Place extends SafetensorsEntry {
  readonly file: string
}

const oneFile = /^(?:diffusion_pytorch_model|model)(?:\.(\w+))?\.safetensors$/
const indexFile = /^(?:diffusion_pytorch_model|model)\.safetensors\.index(?:\.(\w+))?\.json$/
const pickle = /\.(bin|ckpt|pt|pth)$/

/** A file to begin with: the weights, or the index of their shards. */
interface Beginning {
  readonly name: string
  /** What `save_pretrained(variant=…)` put into the name; empty for none. */
  readonly variant: string
  readonly isIndex: boolean
}

function beginnings(names: readonly string[]): readonly Beginning[] {
  return names.flatMap((name) => {
    const [one, index] = [oneFile.exec(name), indexFile.exec(name)]
    return one || index ? [{ name, variant: (one ?? index)![1] ?? '', isIndex: index !== null }] : []
  })
}

/** Full precision before half, half before another variant where it is the only one; one file before shards. */
function chosen(all: readonly Beginning[]): Beginning | undefined {
  const variants = new Set(all.map(({ variant }) => variant))
  const variant =
    ['', 'fp16'].find((name) => variants.has(name)) ?? (variants.size === 1 ? [...variants][0] : undefined)
  const found = all.filter((each) => each.variant === variant)
  return found.find(({ isIndex }) => !isIndex) ?? found[0]
}

/** Whether a folder's listing has weights that `openWeights` reads. */
export const hasWeights = (names: readonly string[]): boolean => beginnings(names).length > 0

/**
 * Finds and checks the weights of a folder: `diffusion_pytorch_model.safetensors` or `model.safetensors`, one file or
 * shards with `….safetensors.index.json`; where there is no other, the `fp16` variant (`model.fp16.safetensors`), or the
 * only one.
 *
 * Reads headers only. Throws `bad-model` when there are none (pickle files are named and must be converted), or a file
 * is damaged, or the index does not agree with its shards.
 *
 * @example const weights = await openWeights(nodeFiles, 'stable-diffusion-2-1/vae')
 */
export async function openWeights(files: Files, folder: string): Promise<Weights> {
  const names = (await files.list(folder)) ?? []
  const all = beginnings(names)
  const found = chosen(all)
  if (found === undefined && all.length > 0) {
    const got = all.map(({ name }) => name).join(', ')
    throw expected('bad-model', 'one variant of the weights', `\`${folder}\``, got, 'Leave one of them in the folder.')
  }
  if (found === undefined) {
    const pickles = names.filter((name) => pickle.test(name))
    throw expected(
      'bad-model',
      'weights in .safetensors',
      `\`${folder}\``,
      pickles.length > 0 ? `only ${pickles.join(', ')}` : names.join(', ') || 'an empty or missing folder',
      pickles.length > 0 ? pickleRemedy : 'Fetch the complete model folder.',
    )
  }
  const path = files.join(folder, found.name)
  return weightsOf(folder, found.isIndex ? await readShards(files, folder, path) : await readFile(files, path))
}

async function readFile(files: Files, path: string): Promise<Map<string, Place>> {
  const { file, tensors } = await readSafetensorsHeader(files, path)
  return new Map([...tensors].map(([name, entry]) => [name, { ...entry, file }]))
}

async function readShards(files: Files, folder: string, index: string): Promise<Map<string, Place>> {
  const fail = (what: string, got: string) =>
    expected(
      'bad-model',
      what,
      `\`weight_map\` in \`${index}\``,
      got,
      'The index and its shards do not belong together; fetch the model folder again.',
    )
  const { weight_map: shardOf } = await readJsonObject(files, index)
  if (!isJsonObject(shardOf)) throw fail('the shard of each tensor', describe(shardOf))
  const shards = new Map<string, Map<string, Place>>()
  const places = new Map<string, Place>()
  for (const [name, shard] of Object.entries(shardOf)) {
    if (typeof shard !== 'string' || !/^[^/\\:]+\.safetensors$/.test(shard)) {
      throw fail(`the name of a .safetensors file in the same folder for ${name}`, describe(shard))
    }
    const tensors = shards.get(shard) ?? (await readFile(files, files.join(folder, shard)))
    shards.set(shard, tensors)
    const place = tensors.get(name)
    if (!place) throw fail(`tensor ${name} in ${shard}`, `a shard of ${plural(tensors.size, 'other tensor')}`)
    places.set(name, place)
  }
  return places
}

function weightsOf(folder: string, places: ReadonlyMap<string, Place>): Weights {
  return {
    names: [...places.keys()],
    has: (name) => places.has(name),
    get(name, shape) {
      const place = places.get(name)
      const fail = (got: string) =>
        expected(
          'bad-model',
          shape ? `a tensor of shape ${formatShape(shape)}` : 'a tensor',
          `\`${name}\` in \`${folder}\``,
          got,
          'The configuration and the weights do not belong together; fetch the model folder again.',
        )
      if (!place) throw fail(`none of that name among ${places.size}`)
      if (shape && !sameShape(place.shape, shape)) throw fail(formatShape(place.shape))
      const { dtype, file, offset, length } = place
      return { dtype, shape: place.shape, storage: { file, offset, length } }
    },
  }
}
