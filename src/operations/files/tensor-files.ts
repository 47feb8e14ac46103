/**
 * Latents and noise as files, one or several in a file: .safetensors with their axes and how they were made among the
 * metadata, or .npy, which holds the numbers alone.
 */
import { type Files, fileSize } from '../../checkpoints/files.js'
import { encodeNpy, readNpy } from '../../checkpoints/npy.js'
import { encodeSafetensors, readSafetensorsHeader } from '../../checkpoints/safetensors.js'
import { readTensors, safetensor } from '../../checkpoints/tensors.js'
import { expected, isUndiffuseError } from '../../core/errors.js'
import { fileNature, natureBytes } from '../../core/file-nature.js'
import type { State } from '../../diffusion/diffusion.js'
import { formatShape, isFinite as isFiniteTensor, type Shape, sameShape, type Tensor } from '../../math/tensor.js'
import { type Axis, axes as allAxes, type Layout } from '../../model/layout.js'
import { latentShapeAt } from '../../verbs/generate.js'
import { setting } from '../fields.js'
import type { OperationModel, PrecisionName } from '../host.js'
import { noted } from '../operation.js'
import { type Plan, type Recipe, recipeMetadata, recipeOf, samplingOf } from '../recipes/recipe.js'
import { endingOf, isPictureFile, lastName } from './paths.js'

export interface ReadTensors {
  readonly tensors: readonly Tensor[]
  /** The axes of each. */
  readonly axes: readonly Axis[]
  /** Of each latent what its solver remembered there; empty where it remembers nothing. */
  readonly memories: readonly (readonly Tensor[])[]
  /** What the file says of how they were made. */
  readonly recipe: Recipe
  /** Everything that it says, whoever wrote it. */
  readonly metadata: Readonly<Record<string, string>>
}

const npy = '.npy'

/** What files of tensors end in. */
export const tensorEndings = ['.safetensors', npy] as const

export const isTensorFile = (path: string): boolean =>
  (tensorEndings as readonly string[]).includes(endingOf(path).toLowerCase())

export const isNpy = (path: string): boolean => endingOf(path).toLowerCase() === npy

const ours: readonly string[] = ['latent', 'noise']

/** What solvers remember besides x, at most. */
const memoryNames = ['memory.0', 'memory.1', 'memory.2', 'memory.3']

/** The axis along which tensors of one shape lie in a file. */
const batch = 'pictures'

/** What a file holds that does not name its axes: it is older than the names, or another program's. */
const unnamed: readonly Axis[] = ['channels', 'height', 'width']

/**
 * The tensors of this name, or of the file's only one. Axes are those that the file names in its metadata, as
 * `channels,frames,height,width`, with `pictures` before them where there may be several; without names channels × height ×
 * width, or several of these. A .npy file has one tensor, without a name and without metadata: it is what is asked for.
 *
 * Throws `unavailable` for a missing file, `bad-model` for one of another format, `bad-option` where the tensor is not there and for invalid
 * names of axes, `bad-shape` for another number of axes.
 */
export async function readTensorFile(files: Files, path: string, name: 'latent' | 'noise'): Promise<ReadTensors> {
  const { metadata, found } = await contentOf(files, path, name)
  const file = `\`${lastName(path)}\``
  const [only] = found.size === 1 ? [...found.keys()] : []
  // A noise is not taken for a latent because it is alone.
  const tensor = found.get(only !== undefined && !ours.includes(only) ? only : name)
  if (!tensor) {
    const got = [...found.keys()].map((one) => `\`${one}\``).join(', ') || 'nothing'
    const isLatent = name === 'noise' && found.has('latent')
    const remedy = isLatent
      ? 'Invert the latent to its noise first.'
      : name === 'latent' && found.has('noise')
        ? 'It holds the noise already: there is nothing to invert.'
        : `Name it \`${name}\`, or store it alone.`
    throw expected('bad-option', `a tensor \`${name}\``, file, got, remedy)
  }
  const { axes, isBatch } = axesOf(metadata.axes, tensor.shape, file)
  const rank = axes.length + (isBatch ? 1 : 0)
  if (tensor.data.length === 0 || tensor.shape.length !== rank) {
    const what = `${isBatch ? `${batch} × ` : ''}${axes.join(' × ')}${metadata.axes === undefined ? ', or several of these,' : ''}`
    throw expected('bad-shape', what, `the ${name} in ${file}`, formatShape(tensor.shape), 'Check what made it.')
  }
  const split = (one: Tensor) => (isBatch ? unstack(one) : [one])
  const tensors = split(tensor)
  const remembered = memoryNames.flatMap((memory) => (name === 'latent' ? (found.get(memory) ?? []) : []))
  if (remembered.some(({ shape }) => !sameShape(shape, tensor.shape))) {
    throw expected('bad-shape', `a memory for each of ${tensors.length} latents`, file, 'others', 'Check what made it.')
  }
  const memories = tensors.map((_, i) => remembered.map((all) => split(all)[i]!))
  return { tensors, axes, memories, recipe: recipeOf(metadata), metadata }
}

/** Throws `not-finite` for a tensor of a file with NaN or infinity. */
export function checkFinite(tensor: Tensor, path: string): void {
  if (isFiniteTensor(tensor)) return
  throw expected('not-finite', 'finite numbers', `\`${lastName(path)}\``, 'NaN or infinity', 'Check what made it.')
}

/** Tensors by their names, and what the file says of them. */
async function contentOf(files: Files, path: string, name: string) {
  if (isNpy(path))
    return { metadata: {} as Record<string, string>, found: new Map([[name, await readNpy(files, path)]]) }
  await fileSize(files, path)
  try {
    const { metadata } = await readSafetensorsHeader(files, path)
    return { metadata, found: await readTensors(files, path) }
  } catch (error) {
    if (isTensorFile(path) || !isUndiffuseError(error) || error.code !== 'bad-model') throw error
    const what = `a ${tensorEndings.join(' or ')} file with a ${name}`
    const found = fileNature(await files.read(path, 0, natureBytes))
    const remedy = found?.remedy ?? 'Pass such a file. A picture has to be inverted first.'
    const got = found?.name ?? 'another file'
    throw expected('bad-model', what, `\`${lastName(path)}\``, got, remedy, { cause: error })
  }
}

/** The error of reading a picture where files of tensors may stand too: it says what those end in. */
export function orTensors(error: unknown): unknown {
  if (!isUndiffuseError(error) || error.code !== 'bad-image' || isPictureFile(error.subject.replaceAll('`', '')))
    return error
  const { code, subject, got, remedy } = error
  const what = `${error.expected}, or a ${tensorEndings.join(' or ')} file,`
  return expected(code, what, subject, got, remedy.replace('Pass a picture file.', 'Pass one of these.'), {
    cause: error,
  })
}

/** The axes of one tensor, and whether several lie along another one before them. */
function axesOf(named: string | undefined, shape: Shape, file: string) {
  if (named === undefined) return { axes: unnamed, isBatch: shape.length === unnamed.length + 1 }
  const names = named.split(',')
  const isBatch = names[0] === batch
  const axes = names.slice(isBatch ? 1 : 0)
  if (axes.length > 0 && new Set(axes).size === axes.length && axes.every(isAxis)) return { axes, isBatch }
  const what = `axes among ${allAxes.join(', ')}, each once, and ${batch} before them`
  throw expected('bad-option', what, `\`axes\` in ${file}`, `\`${named}\``, 'Check what made it.')
}

const isAxis = (name: string): name is Axis => (allAxes as readonly string[]).includes(name)

/** Throws `bad-shape` where the tensors of a file have other axes than a model's: a clip is not several pictures. */
export function checkAxes({ axes, metadata }: ReadTensors, layout: Pick<Layout, 'axes'>, path: string): void {
  if (axes.join() === layout.axes.join()) return
  const got = metadata.axes === undefined ? `no names of axes, which stand for ${unnamed.join(', ')}` : axes.join(', ')
  const remedy = 'Pass the model that made the file, or name its axes in its metadata.'
  throw expected('bad-shape', `the axes ${layout.axes.join(', ')}`, `\`${lastName(path)}\``, got, remedy)
}

/** Throws `bad-option` where a file is of another model than the one that is taken for want of a name. */
export function checkFileModel(
  { metadata }: ReadTensors,
  path: string,
  { model }: { readonly model?: string | undefined },
  { name }: Pick<OperationModel, 'name'>,
): void {
  if (model !== undefined || metadata.model === undefined || metadata.model === name) return
  const what = `the model of \`${lastName(path)}\`, \`${metadata.model}\`,`
  throw expected('bad-option', what, setting('model'), `no name, which is \`${name}\``, 'Pass the model of the file.')
}

/**
 * Throws where another model made a file, and the solver that the file tells does not go with this one: what the solver says of
 * it is only what follows.
 */
export function checkFileSolver(
  { metadata }: ReadTensors,
  path: string,
  said: Pick<Recipe, 'solver' | 'steps'>,
  plan: Plan,
  model: OperationModel,
): void {
  const isOwn = metadata.model === undefined || metadata.model === model.name
  if (isOwn || said.solver !== undefined || said.steps !== undefined) return
  try {
    samplingOf(plan, model).solver.grid(model.schedule(latentShapeAt(model)))
  } catch (error) {
    if (!isUndiffuseError(error)) throw error
    const what = `the model of \`${lastName(path)}\`, \`${metadata.model}\`,`
    const remedy = `Another model made it, by \`${plan.recipe.solver}\`, which does not go with this one. Pass the model of the file, or name ${setting('solver')}.`
    throw expected('bad-option', what, setting('model'), `\`${model.name}\``, remedy, { cause: error })
  }
}

/** That a file was made with other weights, and what comes of it. */
export function* notesOnFileWeights({ metadata }: ReadTensors, path: string, identity: string, consequence: string) {
  if (metadata.modelFiles === undefined || metadata.modelFiles === identity) return
  const weights = `It is of other weights, of \`${metadata.model ?? 'a model'}\`: ${metadata.modelFiles}, and these are ${identity}.`
  yield noted(path, `${weights} ${consequence}`)
}

function unstack({ shape, data }: Tensor): readonly Tensor[] {
  const [count, ...rest] = shape as [number, ...number[]]
  const size = data.length / count
  return Array.from({ length: count }, (_, i) => ({ shape: rest, data: data.slice(i * size, (i + 1) * size) }))
}

const stack = (tensors: readonly Tensor[]): Tensor => ({
  shape: [tensors.length, ...tensors[0]!.shape],
  data: Float64Array.from(tensors.flatMap(({ data }) => [...data])),
})

/** Float32 as other programs expect it, unless more digits were asked for. */
type FileType = 'float32' | 'float64'

export const fileTypeOf = (precision: PrecisionName): FileType => (precision === '64' ? 'float64' : 'float32')

/** What a file holds beside its numbers. */
export interface TensorFileOptions {
  /** Of the model that they belong to. */
  readonly layout: Pick<Layout, 'axes'>
  readonly recipe?: Recipe
  readonly metadata: Readonly<Record<string, string>>
  readonly dtype: FileType
}

/**
 * The bytes of a file with this path: of each name one tensor, pictures × the axes of a latent, which the metadata names. A
 * .npy file holds the first of them. Throws `not-finite` for what the file cannot hold as finite numbers.
 */
export function tensorFile(
  path: string,
  tensors: Readonly<Record<string, readonly Tensor[]>>,
  { layout, recipe = {}, metadata, dtype }: TensorFileOptions,
): Uint8Array[] {
  const all = Object.entries(tensors).map(([name, some]) => [name, held(stack(some), name, dtype)] as const)
  if (isNpy(path)) return encodeNpy(all[0]![1], dtype)
  return encodeSafetensors(Object.fromEntries(all.map(([name, tensor]) => [name, safetensor(tensor, dtype)])), {
    axes: [batch, ...layout.axes].join(),
    ...recipeMetadata(recipe),
    ...metadata,
  })
}

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
export function stateFile(path: string, states: readonly State[], options: TensorFileOptions): Uint8Array[] {
  const memory = states[0]!.memory.map((_, k) => [memoryNames[k]!, states.map((state) => state.memory[k]!)] as const)
  const tensors = { latent: states.map(({ x }) => x), ...Object.fromEntries(memory) }
  return tensorFile(path, tensors, memory.length > 0 ? { ...options, dtype: 'float64' } : options)
}
