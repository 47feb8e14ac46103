/** Writes checkpoints with random weights, to measure with where there is no real one. */
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { safetensorsLayout } from '../checkpoints/safetensors.js'
import { tensorToBytes } from '../checkpoints/tensors.js'
import { expected } from '../core/errors.js'
import type { Signal } from '../core/progress.js'
import { type RandomAutoencoder, randomAutoencoder } from '../models/random-weights.js'
import { unavailable } from './failures.js'
import { writeFilesAtomically } from './write.js'

export interface MakeCheckpointOptions {
  /** How weights are stored. Default `float32`, as published. */
  readonly dtype?: 'float32' | 'float16' | 'bfloat16'
  readonly seed?: number
  readonly signal?: Signal
}

/** The pieces of the weights' file, each made when it is written. */
function* pieces(
  { shapes, tensor }: RandomAutoencoder,
  dtype: 'float32' | 'float16' | 'bfloat16',
  signal: Signal | undefined,
): Generator<Uint8Array> {
  const { header, names } = safetensorsLayout(
    Object.fromEntries([...shapes].map(([name, shape]) => [name, { dtype, shape }])),
    { format: 'pt' },
  )
  yield header
  for (const name of names) {
    signal?.throwIfAborted()
    yield tensorToBytes(tensor(name), dtype)
  }
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
 * diffusion_pytorch_model.safetensors (335 MB in float32, 167 MB in 16 bits). Holds one tensor at a time.
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
  autoencoder: RandomAutoencoder,
  { dtype = 'float32', signal }: Omit<MakeCheckpointOptions, 'seed'> = {},
): Promise<void> {
  await makeEmptyFolder(folder)
  await writeFilesAtomically([
    [join(folder, 'diffusion_pytorch_model.safetensors'), pieces(autoencoder, dtype, signal)],
    [join(folder, 'config.json'), `${JSON.stringify(autoencoder.config, undefined, 2)}\n`],
  ])
}
