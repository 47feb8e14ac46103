/** What networks need of a checkpoint: named tensors as graph values, and typed configuration fields. */
import { expected } from '../core/errors.js'
import type { Builder } from '../graph/emit.js'
import type { DataType, Initializer, Value } from '../graph/graph.js'
import type { Blocks } from '../graph/ops/block-products.js'
import { cast } from '../graph/ops/common.js'

/** A network's parameters as values of the graph being built. */
export interface Parameters {
  has(name: string): boolean
  /** The tensor of this name and shape; throws `bad-model` when the checkpoint has another. */
  value(name: string, shape: readonly number[]): Value
  /** Entries of a table along an axis by their numbers, where only these are widened. */
  entries?(name: string, shape: readonly number[], numbers: Value, axis: number): Value
  /** The matrix of this name where it is kept in blocks of a few bits. */
  blocks?(name: string, shape: Matrix): Blocks | undefined
}

type Matrix = readonly [rows: number, columns: number]

/** A matrix in blocks of a few bits, as `Blocks` of src/graph has it. */
export interface StoredBlocks extends Pick<Blocks, 'bits' | 'blockSize'> {
  readonly numbers: Initializer
  readonly scales: Initializer
  readonly zeros?: Initializer | undefined
}

/** Where a checkpoint's tensors lie. */
export interface WeightSource {
  has(name: string): boolean
  get(name: string, shape?: readonly number[]): Initializer
  /** The matrix of this name where it is kept in blocks of a few bits; errors as `get`. */
  blocks?(name: string, shape: Matrix): StoredBlocks | undefined
}

/** Fields of a configuration; an absent field takes the default, a wrong one is a `bad-model` error. */
export interface ConfigReader {
  readonly file: string
  has(field: string): boolean
  number(field: string, fallback?: number): number
  integer(field: string, fallback?: number): number
  integers(field: string, fallback?: readonly number[]): readonly number[]
  integerOrIntegers(field: string, fallback?: number | readonly number[]): number | readonly number[]
  string(field: string, fallback?: string): string
  strings(field: string, fallback?: readonly string[]): readonly string[]
  boolean(field: string, fallback?: boolean): boolean
  booleans(field: string, fallback?: readonly boolean[]): readonly boolean[]
  numbers(field: string, fallback?: readonly number[]): readonly number[]
  /** A number that may be infinite, as Python writes them. */
  extendedNumber(field: string, fallback?: number): number
  /** As it stands in the file. */
  value(field: string): unknown
  /**
   * Ends the reading: what was not asked for and is not `harmless` is refused by name. Each harmless field has its reason.
   * Throws `unsupported`.
   */
  done(harmless?: Readonly<Record<string, string>>): void
}

/** What to do about a configuration that does not fit its network. */
export const asPublished = 'Use the configuration that the weights were published with.'

/** An integer of at least 1; throws `bad-model` for another. */
export function positiveInteger(config: ConfigReader, field: string, fallback: number): number {
  const found = config.integer(field, fallback)
  if (found > 0) return found
  throw expected('bad-model', 'a positive integer', `\`${field}\` in \`${config.file}\``, `${found}`, asPublished)
}

/**
 * Parameters that stay where the checkpoint has them. Narrow types are widened by a Cast in the graph, so nothing is
 * converted or copied here.
 */
export function checkpointParameters(b: Builder, weights: WeightSource, dtype: DataType = 'float32'): Parameters {
  const stored = new Map<string, Value>()
  const values = new Map<string, Value>()
  const matrices = new Map<string, Blocks | undefined>()
  function asStored(name: string, shape: readonly number[]): Value {
    const value = stored.get(name) ?? b.initializer(name, weights.get(name, shape))
    stored.set(name, value)
    return value
  }
  function blocksOf(name: string, shape: Matrix): Blocks | undefined {
    const found = weights.blocks?.(name, shape)
    if (!found) return undefined
    const { bits, blockSize, numbers, scales, zeros } = found
    return {
      bits,
      blockSize,
      columns: shape[1],
      numbers: b.initializer(name, numbers),
      scales: cast(b, b.initializer(`${name}.scales`, scales), dtype),
      zeros: zeros && cast(b, b.initializer(`${name}.zeros`, zeros), dtype),
    }
  }
  return {
    has: (name) => weights.has(name),
    blocks(name, shape) {
      if (!matrices.has(name)) matrices.set(name, blocksOf(name, shape))
      return matrices.get(name)
    },
    value(name, shape) {
      const found = values.get(name)
      if (found) return found
      const value = cast(b, asStored(name, shape), dtype)
      values.set(name, value)
      return value
    },
    entries: (name, shape, numbers, axis) =>
      cast(b, b.emit('Gather', [asStored(name, shape), numbers], { axis }), dtype),
  }
}

/** Parameters as inputs of the graph: what training feeds and differentiates. `declared` collects them in order. */
export function inputParameters(
  b: Builder,
  dtype: DataType = 'float32',
): Parameters & { readonly declared: readonly Value[] } {
  const values = new Map<string, Value>()
  return {
    has: () => true,
    value(name, shape) {
      const value = values.get(name) ?? b.input(name, dtype, shape)
      values.set(name, value)
      return value
    },
    get declared() {
      return [...values.values()]
    },
  }
}
