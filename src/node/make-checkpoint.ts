/** Writes checkpoints with random weights, to measure with where there is no real one. */
import { mkdir, readdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { safetensorsLayout } from '../checkpoints/safetensors.js'
import { tensorToBytes } from '../checkpoints/tensors.js'
import { expected } from '../core/errors.js'
import type { Signal } from '../core/progress.js'
import { bytesOf } from '../graph/graph.js'
import { sizeOf } from '../math/tensor.js'
import { type Lengths, type RandomPipeline, randomPipeline } from '../models/random/pipeline.js'
import { type RandomNetwork, randomAutoencoder } from '../models/random/weights.js'
import type { FileContent } from '../operations/host.js'
import { unavailable } from './failures.js'
import { writeFilesAtomically } from './write.js'

export interface MakeCheckpointOptions {
  /** How weights are stored. Default `float32`, as published. */
  readonly dtype?: 'float32' | 'float16' | 'bfloat16'
  readonly seed?: number
  /** Bytes of weights in one file; more are split into shards with an index. Default 10·10⁹, as diffusers does. */
  readonly shardBytes?: number
  readonly signal?: Signal
  /** Is told of each tensor that is written: how many are, of how many. */
  readonly heard?: (done: number, total: number) => void
}

type WrittenType = NonNullable<MakeCheckpointOptions['dtype']>
type Pieces = Pick<MakeCheckpointOptions, 'signal' | 'heard'> & { readonly dtype: WrittenType }

/** The pieces of one file of weights, each made when it is written; `before` tensors lie in others. */
function* pieces(
  { shapes, drawn }: RandomNetwork,
  some: readonly string[],
  before: number,
  { dtype, signal, heard }: Pieces,
): Generator<Uint8Array> {
  const entries = some.map((name) => [name, { dtype, shape: shapes.get(name)! }] as const)
  const { header, names } = safetensorsLayout(Object.fromEntries(entries), { format: 'pt' })
  yield header
  for (const [i, name] of names.entries()) {
    signal?.throwIfAborted()
    const bytes = tensorToBytes(drawn(name), dtype)
    const length = sizeOf(shapes.get(name)!) * bytesOf[dtype]
    for (let at = 0; at < length; at += bytes.length) yield bytes.subarray(0, length - at)
    heard?.(before + i + 1, shapes.size)
  }
}

/** The default of diffusers' `save_pretrained`. */
const largestShard = 10e9

/** The weights as `save_pretrained` writes them: one file, or shards with an index. */
function weightsFiles(
  network: RandomNetwork,
  file: string,
  shardBytes: number,
  told: Pieces,
): (readonly [name: string, content: FileContent])[] {
  const bytes = (name: string) => sizeOf(network.shapes.get(name)!) * bytesOf[told.dtype]
  const shards: string[][] = [[]]
  let filled = 0
  let total = 0
  for (const name of network.shapes.keys()) {
    const length = bytes(name)
    if (filled + length > shardBytes && filled > 0) {
      shards.push([])
      filled = 0
    }
    shards.at(-1)!.push(name)
    filled += length
    total += length
  }
  if (shards.length === 1) return [[file, pieces(network, shards[0]!, 0, told)]]
  const number = (i: number) => `${i}`.padStart(5, '0')
  const nameOf = (i: number) => file.replace('.', `-${number(i + 1)}-of-${number(shards.length)}.`)
  const map = shards.flatMap((names, i) => names.map((name) => [name, nameOf(i)] as const))
  const index = { metadata: { total_size: total }, weight_map: Object.fromEntries(map) }
  let before = 0
  return [
    ...shards.map((names, i) => {
      const content = pieces(network, names, before, told)
      before += names.length
      return [nameOf(i), content] as const
    }),
    [`${file}.index.json`, `${JSON.stringify(index, undefined, 2)}\n`],
  ]
}

/** A new or empty folder: real weights are not written over. */
async function makeEmptyFolder(folder: string): Promise<void> {
  const found = await mkdir(folder, { recursive: true })
    .then(() => readdir(folder))
    .catch((error: unknown) => {
      throw unavailable('a folder that can be made', folder, error)
    })
  if (found.length === 0) return
  const got = found.slice(0, 4).join(', ')
  throw expected(
    'bad-option',
    'a new or empty folder',
    `\`${folder}\``,
    got,
    'Name another folder, or remove it first.',
  )
}

/**
 * Writes an autoencoder of a published shape with random weights as a diffusers folder: config.json and
 * diffusion_pytorch_model.safetensors (335 MB in float32, 167 MB in 16 bits). Holds some megabytes at a time.
 *
 * Errors: `bad-option` for a shape that is not known or a folder that holds something; `unavailable` when it cannot be
 * written; the signal's reason. On an error neither file is there.
 *
 * @example await makeCheckpoint('out/like-sd21', 'stable-diffusion-2-1', { dtype: 'float16' })
 */
export async function makeCheckpoint(folder: string, id: string, options: MakeCheckpointOptions = {}): Promise<void> {
  await writeCheckpoint(folder, randomAutoencoder(id, options.seed), options)
}

/** As `makeCheckpoint`, for weights of any shape. */
export async function writeCheckpoint(
  folder: string,
  network: RandomNetwork,
  { dtype = 'float32', shardBytes = largestShard, ...told }: Omit<MakeCheckpointOptions, 'seed'> = {},
): Promise<void> {
  await makeEmptyFolder(folder)
  const weights = weightsFiles(network, 'diffusion_pytorch_model.safetensors', shardBytes, { dtype, ...told })
  await writeFilesAtomically([
    ...weights.map(([name, content]) => [join(folder, name), content] as const),
    [join(folder, 'config.json'), `${JSON.stringify(network.config, undefined, 2)}\n`],
  ])
}

/**
 * Writes a whole text-to-image model of a published shape with random weights as a diffusers folder: model_index.json,
 * unet, vae, text encoders, tokenizers with made-up words, scheduler. Holds some megabytes at a time.
 *
 * `stable-diffusion-2-1`: 1.29 billion parameters, 5.2 GB in float32, 2.6 GB in 16 bits, a few minutes. Errors: as
 * `makeCheckpoint`; on an error none of the files is there.
 *
 * @example await makePipeline('out/like-sd21', 'stable-diffusion-2-1', { dtype: 'float16' })
 */
export async function makePipeline(
  folder: string,
  id: string,
  options: MakeCheckpointOptions & Lengths = {},
): Promise<void> {
  await writePipeline(folder, randomPipeline(id, options.seed, options), options)
}

/** As `makePipeline`, for pipelines of any shape. */
export async function writePipeline(
  folder: string,
  { parts, texts }: RandomPipeline,
  { dtype = 'float32', shardBytes = largestShard, ...told }: Omit<MakeCheckpointOptions, 'seed'> = {},
): Promise<void> {
  await makeEmptyFolder(folder)
  const weights = Object.entries(parts).flatMap(([part, { network, weightsFile }]) =>
    weightsFiles(network, weightsFile, shardBytes, { dtype, ...told }).map(
      ([name, content]) => [join(folder, part, name), content] as const,
    ),
  )
  const others = Object.entries(texts).map(([path, text]) => [join(folder, ...path.split('/')), text] as const)
  try {
    for (const [path] of [...weights, ...others]) await mkdir(dirname(path), { recursive: true })
    await writeFilesAtomically([...weights, ...others])
  } catch (error) {
    for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true, force: true })
    throw error
  }
}
