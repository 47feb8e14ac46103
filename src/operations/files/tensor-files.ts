/** Latents and noise as .safetensors files, one or several in a file, with how they were made among the metadata. */
import type { Files } from '../../checkpoints/files.js'
import { encodeSafetensors, readSafetensorsHeader } from '../../checkpoints/safetensors.js'
import { readTensors, safetensor } from '../../checkpoints/tensors.js'
import { expected } from '../../core/errors.js'
import type { State } from '../../diffusion/diffusion.js'
import { formatShape, type Tensor } from '../../math/tensor.js'
import type { PrecisionName } from '../host.js'
import { type Recipe, recipeMetadata, recipeOf } from '../recipes/recipe.js'
import { endingOf, lastName } from './paths.js'

export interface ReadTensors {
  readonly tensors: readonly Tensor[]
  /** Of each latent what its solver remembered there; empty where it remembers nothing. */
  readonly memories: readonly (readonly Tensor[])[]
  /** What the file says of how they were made. */
  readonly recipe: Recipe
  /** Everything that it says, whoever wrote it. */
  readonly metadata: Readonly<Record<string, string>>
}

export const isTensorFile = (path: string): boolean => endingOf(path).toLowerCase() === '.safetensors'

const ours: readonly string[] = ['latent', 'noise']

/** What solvers remember besides x, at most. */
const memoryNames = ['memory.0', 'memory.1', 'memory.2', 'memory.3']

/**
 * The tensor of this name, or the file's only one: channels × height × width, or several of them.
 *
 * Throws `bad-model` for a file that is no .safetensors file, `bad-option` where the tensor is not there, `bad-shape` for
 * another number of axes.
 */
export async function readTensorFile(files: Files, path: string, name: 'latent' | 'noise'): Promise<ReadTensors> {
  const { metadata } = await readSafetensorsHeader(files, path)
  const found = await readTensors(files, path)
  const file = `\`${lastName(path)}\``
  const [only] = found.size === 1 ? [...found.keys()] : []
  // A noise is not taken for a latent because it is alone.
  const tensor = found.get(only !== undefined && !ours.includes(only) ? only : name)
  if (!tensor) {
    const got = [...found.keys()].join(', ') || 'nothing'
    throw expected('bad-option', `a tensor \`${name}\``, file, got, `Name it \`${name}\`, or store it alone.`)
  }
  if (tensor.data.length === 0 || (tensor.shape.length !== 3 && tensor.shape.length !== 4)) {
    const what = 'channels × height × width, or several of these,'
    throw expected('bad-shape', what, `the ${name} in ${file}`, formatShape(tensor.shape), 'Check what made it.')
  }
  const tensors = unstack(tensor)
  const remembered = memoryNames.flatMap((memory) => (name === 'latent' ? (found.get(memory) ?? []) : [])).map(unstack)
  if (remembered.some((all) => all.length !== tensors.length)) {
    throw expected('bad-shape', `a memory for each of ${tensors.length} latents`, file, 'others', 'Check what made it.')
  }
  const memories = tensors.map((_, i) => remembered.map((all) => all[i]!))
  return { tensors, memories, recipe: recipeOf(metadata), metadata }
}

function unstack({ shape, data }: Tensor): readonly Tensor[] {
  if (shape.length === 3) return [{ shape, data }]
  const [count, ...rest] = shape as [number, ...number[]]
  const size = data.length / count
  return Array.from({ length: count }, (_, i) => ({ shape: rest, data: data.slice(i * size, (i + 1) * size) }))
}

export const stack = (tensors: readonly Tensor[]): Tensor => ({
  shape: [tensors.length, ...tensors[0]!.shape],
  data: Float64Array.from(tensors.flatMap(({ data }) => [...data])),
})

/** Float32 as other programs expect it, unless more digits were asked for. */
type FileType = 'float32' | 'float64'

export const fileTypeOf = (precision: PrecisionName): FileType => (precision === '64' ? 'float64' : 'float32')

/**
 * The bytes of a file: of each name one tensor, count × channels × height × width. Throws `not-finite` for what the file
 * cannot hold as finite numbers.
 */
export const tensorFile = (
  tensors: Readonly<Record<string, readonly Tensor[]>>,
  recipe: Recipe,
  more: Readonly<Record<string, string>>,
  dtype: FileType,
): Uint8Array[] =>
  encodeSafetensors(
    Object.fromEntries(
      Object.entries(tensors).map(([name, all]) => [name, safetensor(held(stack(all), name, dtype), dtype)]),
    ),
    { ...recipeMetadata(recipe), ...more },
  )

function held(tensor: Tensor, name: string, dtype: FileType): Tensor {
  const kept = dtype === 'float32' ? Math.fround : Number
  if (tensor.data.every((value) => Number.isFinite(kept(value)))) return tensor
  const remedy = 'Use less guidance or more steps; if it stays, the weights are damaged.'
  throw expected('not-finite', `numbers that ${dtype} holds`, `the ${name}`, 'NaN or larger ones', remedy)
}

/**
 * The bytes of a file with the last states of trajectories: their latents and, where solvers need it to be undone, what
 * they remembered, in float64 then: closed forms amplify what is rounded away.
 */
export function stateFile(
  states: readonly State[],
  recipe: Recipe,
  more: Readonly<Record<string, string>>,
  dtype: FileType,
): Uint8Array[] {
  const memory = states[0]!.memory.map((_, k) => [memoryNames[k]!, states.map((state) => state.memory[k]!)] as const)
  const tensors = { latent: states.map(({ x }) => x), ...Object.fromEntries(memory) }
  return tensorFile(tensors, recipe, more, memory.length > 0 ? 'float64' : dtype)
}
