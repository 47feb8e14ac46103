/**
 * Gives the symbolic dimensions of a model's inputs their sizes: graphs here are static. Not shape inference, which
 * the builder does from the operators.
 */
import type { ValueInfoProto } from 'onnx-buf'
import { expected } from '../../core/errors.js'
import type { DataType, Value } from '../graph.js'
import { damaged, readDataType } from './tensors.js'

/** Sizes by a symbolic dimension's name, or whole shapes by the name of an input or output. */
export type Shapes = Readonly<Record<string, number | readonly number[]>>

/** A size, a symbolic dimension's name, or undefined for one without a name. */
type Dimension = number | string | undefined

/** An input or output as the file declares it; dimensions are undefined where not even their number is stated. */
export interface Declared {
  readonly name: string
  readonly dtype: DataType
  readonly dimensions: readonly Dimension[] | undefined
}

export function readDeclared({ name, type }: ValueInfoProto): Declared {
  if (type?.value.case !== 'tensorType') {
    throw expected(
      'unsupported',
      'a tensor',
      name === '' ? 'an input or output of the graph' : `\`${name}\``,
      type?.value.case ?? 'no type',
      'Export the model so that all its inputs and outputs are tensors.',
    )
  }
  const { elemType, shape } = type.value.value
  const dimensions = shape?.dim.map(({ value }): Dimension => {
    if (value.case === 'dimParam') return value.value || undefined
    if (value.case !== 'dimValue') return undefined
    const size = Number(value.value)
    if (size < 0 || !Number.isSafeInteger(size)) {
      throw expected('bad-model', 'sizes of zero or more', `\`${name}\``, `${value.value}`, damaged)
    }
    return size
  })
  return { name, dtype: readDataType(elemType, `\`${name}\``), dimensions }
}

/** The declared shape where it is static. */
export const staticShape = ({ dimensions }: Declared): readonly number[] | undefined =>
  dimensions?.every((dimension) => typeof dimension === 'number') ? dimensions : undefined

/** The shape given for a whole input or output, which must agree with the sizes that the file states. */
export function givenShape({ name, dimensions }: Declared, shapes: Shapes): readonly number[] | undefined {
  const given = Object.hasOwn(shapes, name) ? shapes[name] : undefined
  if (given === undefined || typeof given === 'number') return undefined
  const agrees =
    !dimensions ||
    (dimensions.length === given.length && dimensions.every((d, i) => typeof d !== 'number' || d === given[i]))
  if (!agrees) {
    throw expected(
      'bad-shape',
      `a shape that fits [${dimensions.map((d) => d ?? '?').join(', ')}]`,
      `\`${name}\``,
      `[${given.join(', ')}]`,
      'Give another shape, or export the model with symbolic dimensions.',
    )
  }
  return given
}

/** Exporters call the first axis `batch`, `batch_size`, `N`; one picture at a time is what this library runs. */
const isBatch = (dimension: Dimension, axis: number): boolean =>
  axis === 0 && typeof dimension === 'string' && /batch|^N$/i.test(dimension)

function checkShapes(inputs: readonly Declared[], outputs: readonly Declared[], shapes: Shapes): void {
  const names = [...inputs, ...outputs].map(({ name }) => name)
  const symbols = [...new Set(inputs.flatMap(({ dimensions }) => dimensions ?? []))].filter(
    (d) => typeof d === 'string',
  )
  for (const [key, given] of Object.entries(shapes)) {
    const known = typeof given === 'number' ? symbols : names
    if (!known.includes(key)) {
      throw expected(
        'bad-option',
        typeof given === 'number' ? 'a symbolic dimension of the model' : 'an input or output of the model',
        'shapes',
        `\`${key}\``,
        `It has ${known.join(', ') || 'none'}.`,
      )
    }
    const sizes = typeof given === 'number' ? [given] : given
    if (sizes.some((size) => !Number.isSafeInteger(size) || size < 1)) {
      throw expected('bad-shape', 'positive whole sizes', `\`${key}\``, `[${sizes.join(', ')}]`, 'Give another shape.')
    }
  }
}

/**
 * The inputs with static shapes.
 *
 * A symbolic dimension has one size wherever it stands: from `shapes` by its own name, or from the whole shape given
 * for an input that has it; a first axis named like a batch is 1 unless given. Throws `bad-shape` naming the input and
 * the dimension that has no size or two.
 */
export function specialise(inputs: readonly Declared[], outputs: readonly Declared[], shapes: Shapes): Value[] {
  checkShapes(inputs, outputs, shapes)
  const sizes = new Map<string, number>()
  for (const [key, size] of Object.entries(shapes)) if (typeof size === 'number') sizes.set(key, size)
  for (const input of inputs) {
    givenShape(input, shapes)?.forEach((size, axis) => {
      const dimension = input.dimensions?.[axis]
      if (typeof dimension !== 'string') return
      const before = sizes.get(dimension) ?? size
      if (before !== size) {
        throw expected(
          'bad-shape',
          `one size of dimension \`${dimension}\``,
          `input \`${input.name}\``,
          `${before} and ${size}`,
          'Give shapes that agree.',
        )
      }
      sizes.set(dimension, size)
    })
  }
  return inputs.map((input) => {
    const shape =
      givenShape(input, shapes) ??
      input.dimensions?.map((dimension, axis) => {
        if (typeof dimension === 'number') return dimension
        const size = dimension === undefined ? undefined : sizes.get(dimension)
        if (size !== undefined) return size
        if (isBatch(dimension, axis)) return 1
        const example = input.dimensions?.map((d, i) => (typeof d === 'number' ? d : isBatch(d, i) ? 1 : 64))
        throw expected(
          'bad-shape',
          `a size of dimension ${axis}${dimension === undefined ? '' : ` (\`${dimension}\`)`}`,
          `input \`${input.name}\``,
          'none',
          `Give it, for example shapes: { ${dimension === undefined ? '' : `'${dimension}': 64 } or shapes: { `}'${input.name}': [${example?.join(', ')}] }.`,
        )
      })
    if (!shape) {
      throw expected(
        'bad-shape',
        'a shape',
        `input \`${input.name}\``,
        'none',
        `Give it, for example shapes: { '${input.name}': [1, 4, 64, 64] }.`,
      )
    }
    return { name: input.name, dtype: input.dtype, shape }
  })
}
