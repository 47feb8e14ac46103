/**
 * What this library knows of a class of networks that diffusers or transformers saves: one file for each class, one table
 * (index.ts). How a pipeline puts networks together is a family's business.
 */
import type { NetworkPart } from '../../checkpoints/folder.js'
import type { OriginalNames } from '../../checkpoints/gguf-weights.js'
import { expected } from '../../core/errors.js'
import type { Builder } from '../../graph/builder.js'
import type { Graph } from '../../graph/graph.js'
import { formatShape } from '../../math/tensor.js'
import type { ConfigReader, Parameters, WeightSource } from '../../nn/parameters.js'
import type { AutoencoderDefinition } from '../autoencoder/networks.js'

export type FedShapes = Readonly<Record<string, readonly number[]>>

/** A network before the sizes of its inputs are known. */
export interface Network {
  readonly inputs: readonly string[]
  graph(shapes: FedShapes): Graph
}

export interface NetworkClass {
  /** `_class_name`, or the first of `architectures`. */
  readonly classNames: readonly string[]
  /** What its folder is called in a pipeline, and it is called where it lies alone. */
  readonly role: 'vae' | 'unet' | 'transformer' | 'text_encoder'
  /** Where its tensors lie in a GGUF file; without it, none is read. */
  readonly originalNames?: OriginalNames
  /** The network as its own tools name and scale inputs and outputs: what `undiffuse run` runs. Autoencoders have halves. */
  readonly network?: (file: ConfigReader, weights: WeightSource) => Network
  /** Where the class is an autoencoder. */
  readonly autoencoder?: AutoencoderClass
  /** Puts the network into a graph, which declares its parameters: what random weights are made for. */
  readonly declare?: (b: Builder, parameters: Parameters, file: ConfigReader) => void
}

export interface AutoencoderClass {
  /** diffusers' scale factor of latents where a configuration has none. */
  readonly defaultScalingFactor: number
  definition(file: ConfigReader, weights: WeightSource): Omit<AutoencoderDefinition, 'name'>
}

/** The shape that is fed as `name`, of as many axes as are named; throws `bad-shape` for another. */
export function fedShape(shapes: FedShapes, name: string, axes: readonly string[]): readonly number[] {
  const shape = Object.hasOwn(shapes, name) ? shapes[name] : undefined
  if (shape?.length === axes.length) return shape
  const got = shape ? formatShape(shape) : `${Object.keys(shapes).join(', ') || 'nothing'}`
  throw expected('bad-shape', axes.join(' × '), `input \`${name}\``, got, `Feed \`${name}\`.`)
}

/** Pictures or their latents; clips; words, or what an encoder made of them. */
const [pictureAxes, clipAxes, textAxes] = [
  ['batch', 'channels', 'height', 'width'],
  ['batch', 'channels', 'frames', 'height', 'width'],
  ['batch', 'tokens', 'channels'],
] as const

const fedSizes = <Axis extends string>(shapes: FedShapes, name: string, axes: readonly Axis[]) => {
  const shape = fedShape(shapes, name, axes)
  return Object.fromEntries(axes.map((axis, i) => [axis, shape[i]!])) as Readonly<Record<Axis, number>>
}

/** What graphs are made for, by the names of inputs; each throws `bad-shape` for another number of axes. */
export const fedPicture = (shapes: FedShapes, name: string) => fedSizes(shapes, name, pictureAxes)
export const fedClip = (shapes: FedShapes, name: string) => fedSizes(shapes, name, clipAxes)
export const fedStates = (shapes: FedShapes, name: string) => fedSizes(shapes, name, textAxes)
export const fedWords = (shapes: FedShapes) => fedSizes(shapes, 'input_ids', ['batch', 'tokens'] as const)

/** The entry of a class that a table has; throws `unsupported`, naming those that it has. */
export function entryOf<Entry extends Pick<NetworkClass, 'classNames'>>(
  table: readonly Entry[],
  className: string,
  place: string,
  remedy: string,
): Entry {
  const found = table.find(({ classNames }) => classNames.includes(className))
  if (found) return found
  const known = table.flatMap(({ classNames }) => classNames).join(', ')
  throw expected('unsupported', `one of ${known}`, place, className, remedy)
}

/** A part as its own tools run it. */
export type Runnable = Pick<NetworkPart, 'className' | 'config' | 'folder' | 'openWeights'>
