/**
 * The weights of one network: one .safetensors file or several shards with an index, as diffusers and transformers
 * write them. The tensors stay in their files; what comes out is where they lie.
 */
import { expected } from '../core/errors.js'
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

/** In order of preference: full precision before half, one file before shards. */
const candidates = ['', '.fp16'].flatMap((variant) =>
  ['diffusion_pytorch_model', 'model'].flatMap((stem) => [
    `${stem}${variant}.safetensors`,
    `${stem}.safetensors.index${variant}.json`,
  ]),
)
const pickle = /\.(bin|ckpt|pt|pth)$/

/** Whether a folder's listing has weights that `openWeights` reads. */
export const hasWeights = (names: readonly string[]): boolean => candidates.some((name) => names.includes(name))

/**
 * Finds and checks the weights of a folder: `diffusion_pytorch_model.safetensors` or `model.safetensors`, one file or
 * shards with `….safetensors.index.json`, the `fp16` variant where there is no other.
 *
 * Reads headers only. Throws `bad-model` when there are none (pickle files are named and must be converted), or a file
 * is damaged, or the index does not agree with its shards.
 *
 * @example const weights = await openWeights(nodeFiles, 'stable-diffusion-2-1/vae')
 */
export async function openWeights(files: Files, folder: string): Promise<Weights> {
  const names = (await files.list(folder)) ?? []
  const found = candidates.find((name) => names.includes(name))
  if (found === undefined) {
    const pickles = names.filter((name) => pickle.test(name))
    throw expected(
      'bad-model',
      'weights in .safetensors',
      `\`${folder}\``,
      pickles.length > 0 ? `only ${pickles.join(', ')}` : names.join(', ') || 'an empty or missing folder',
      pickles.length > 0
        ? 'Pickle files can run code and are never opened: convert with `save_pretrained(..., safe_serialization=True)`, or fetch the .safetensors variant.'
        : 'Fetch the complete model folder.',
    )
  }
  const path = files.join(folder, found)
  return weightsOf(
    folder,
    found.endsWith('.json') ? await readShards(files, folder, path) : await readFile(files, path),
  )
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
      `\`${index}\``,
      got,
      'The index and its shards do not belong together; fetch the model folder again.',
    )
  const { weight_map: shardOf } = await readJsonObject(files, index)
  if (!isJsonObject(shardOf)) throw fail('a weight_map', describe(shardOf))
  const shards = new Map<string, Map<string, Place>>()
  const places = new Map<string, Place>()
  for (const [name, shard] of Object.entries(shardOf)) {
    if (typeof shard !== 'string' || !/^[^/\\:]+\.safetensors$/.test(shard)) {
      throw fail(`the name of a .safetensors file in the same folder for ${name}`, describe(shard))
    }
    const tensors = shards.get(shard) ?? (await readFile(files, files.join(folder, shard)))
    shards.set(shard, tensors)
    const place = tensors.get(name)
    if (!place) throw fail(`tensor ${name} in ${shard}`, `a shard of ${tensors.size} others`)
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
