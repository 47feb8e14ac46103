/**
 * How single nodes of old operator sets are written in set 21. Which operator needs which is the table in upgrade.ts.
 *
 * Source: https://github.com/onnx/onnx/blob/main/docs/Changelog.md
 */
import { expected, type UndiffuseError } from '../../core/errors.js'
import type { Attribute, DataType, Initializer, Node } from '../graph.js'

/** What rewrites ask of the model around a node. */
export interface Surroundings {
  /** Adds a constant and returns its name. */
  constant(dtype: DataType, shape: readonly number[], values: readonly number[]): string
  /** A name that no value and no node has yet. */
  fresh(wish: string): string
  initializer(name: string): Initializer | undefined
  /** The number of axes where it is known. */
  rank(name: string): number | undefined
  /** The floating-point type of a value. */
  floatType(name: string): DataType
  /** Whether a node reads the value or the graph yields it. */
  isUsed(name: string): boolean
}

export type Rewrite = (node: Node, around: Surroundings, version: number) => readonly Node[]

type Attributes = Node['attributes']

const int = (value: number): Attribute => ({ type: 'int', value })
const string = (value: string): Attribute => ({ type: 'string', value })

const integer = ({ attributes }: Node, key: string): number | undefined => {
  const found = attributes[key]
  return found?.type === 'int' ? found.value : undefined
}
const integers = ({ attributes }: Node, key: string): readonly number[] | undefined => {
  const found = attributes[key]
  return found?.type === 'ints' ? found.value : undefined
}
const number = ({ attributes }: Node, key: string): number | undefined => {
  const found = attributes[key]
  return found?.type === 'float' ? found.value : undefined
}
const text = ({ attributes }: Node, key: string): string | undefined => {
  const found = attributes[key]
  return found?.type === 'string' ? found.value : undefined
}

const without = (attributes: Attributes, ...keys: readonly string[]): Attributes =>
  Object.fromEntries(Object.entries(attributes).filter(([key]) => !keys.includes(key)))

/** Inputs without the empty ones at the end. */
const trimmed = (inputs: readonly string[]): readonly string[] =>
  inputs.slice(0, inputs.findLastIndex((name) => name !== '') + 1)

/** A node that takes part in the place of another. */
const part = (
  of: Node,
  around: Surroundings,
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Attributes = {},
): Node => ({
  op,
  domain: '',
  name: around.fresh(`${of.name}/${op}`),
  inputs: trimmed(inputs),
  outputs,
  attributes,
})

/** `Softmax (node \`/attention/Softmax\`)`: how errors name a node. */
export const describeNode = ({ op, domain, name, outputs }: Pick<Node, 'op' | 'domain' | 'name' | 'outputs'>): string =>
  `${domain && `${domain}.`}${op} (node \`${name || outputs[0] || ''}\`)`

const unsupported = (node: Node, what: string, got: string, remedy: string): UndiffuseError =>
  expected('unsupported', what, describeNode(node), got, remedy)

/** int64 constants for attributes that became inputs; '' where there is no such attribute. */
const indices = (around: Surroundings, values: readonly number[] | undefined): string =>
  values ? around.constant('int64', [values.length], values) : ''

/** The attribute `axes` becomes the second input. */
export const axesToInput: Rewrite = (node, around) => [
  {
    ...node,
    inputs: trimmed([node.inputs[0] ?? '', indices(around, integers(node, 'axes'))]),
    attributes: without(node.attributes, 'axes'),
  },
]

/** Set 24 adds how casts to types of eight bits round, which are not read here. */
export const castAsNearest: Rewrite = (node) => [{ ...node, attributes: without(node.attributes, 'round_mode') }]

/** The attribute `split` becomes the second input; equal parts are said by their number. */
export const split: Rewrite = (node, around, version) => {
  const sizes = version < 13 ? integers(node, 'split') : undefined
  const attributes = without(node.attributes, 'split')
  if (sizes) return [{ ...node, inputs: [node.inputs[0] ?? '', indices(around, sizes)], attributes }]
  if (node.inputs[1]) return [node]
  return [{ ...node, attributes: { ...attributes, num_outputs: int(node.outputs.length) } }]
}

export const slice: Rewrite = (node, around) => [
  {
    ...node,
    inputs: trimmed([
      node.inputs[0] ?? '',
      indices(around, integers(node, 'starts') ?? []),
      indices(around, integers(node, 'ends') ?? []),
      indices(around, integers(node, 'axes')),
    ]),
    attributes: without(node.attributes, 'starts', 'ends', 'axes'),
  },
]

export const topK: Rewrite = (node, around) => [
  {
    ...node,
    inputs: [node.inputs[0] ?? '', indices(around, [integer(node, 'k') ?? 0])],
    attributes: without(node.attributes, 'k'),
  },
]

export const pad: Rewrite = (node, around) => {
  const x = node.inputs[0] ?? ''
  const value = around.constant(around.floatType(x), [], [number(node, 'value') ?? 0])
  return [
    {
      ...node,
      inputs: [x, indices(around, integers(node, 'pads') ?? []), value],
      attributes: without(node.attributes, 'pads', 'value'),
    },
  ]
}

export const clip: Rewrite = (node, around) => {
  const x = node.inputs[0] ?? ''
  const bound = (key: string) => {
    const value = number(node, key)
    return value === undefined ? '' : around.constant(around.floatType(x), [], [value])
  }
  return [
    { ...node, inputs: trimmed([x, bound('min'), bound('max')]), attributes: without(node.attributes, 'min', 'max') },
  ]
}

/** Before set 11 output pixel i is input pixel ⌊i/scale⌋, or lies at i/scale between two. */
export const resizeFromScales: Rewrite = (node) => [
  {
    ...node,
    op: 'Resize',
    inputs: [node.inputs[0] ?? '', '', node.inputs[1] ?? ''],
    attributes: {
      mode: string(text(node, 'mode') ?? 'nearest'),
      coordinate_transformation_mode: string('asymmetric'),
      nearest_mode: string('floor'),
    },
  },
]

/** Exporters write empty tensors for the region and scales that they do not mean. */
export const resize: Rewrite = (node, around, version) => {
  if (version < 11) return resizeFromScales(node, around, version)
  if (text(node, 'coordinate_transformation_mode') === 'tf_half_pixel_for_nn') {
    throw unsupported(
      node,
      'a coordinate mode of operator set 13 or later',
      'tf_half_pixel_for_nn',
      'Export with opset_version=13 or later.',
    )
  }
  const isEmpty = (name: string) => around.initializer(name)?.shape.includes(0) ?? false
  return [{ ...node, inputs: trimmed(node.inputs.map((name, i) => (i > 0 && isEmpty(name) ? '' : name))) }]
}

/**
 * Before set 13 the axes from `axis` on are one: S(x) = reshape(S₁₃(flatten(x, axis)), shape(x)). With the last axis
 * both forms agree.
 */
export const softmax: Rewrite = (node, around) => {
  const x = node.inputs[0] ?? ''
  const y = node.outputs[0] ?? ''
  const axis = integer(node, 'axis') ?? 1
  const rank = around.rank(x)
  const last = { axis: int(-1) }
  if (axis === -1 || (rank !== undefined && axis === rank - 1)) return [{ ...node, attributes: last }]
  const [flat, soft, shape] = [around.fresh(`${y}/flat`), around.fresh(`${y}/soft`), around.fresh(`${y}/shape`)]
  return [
    part(node, around, 'Flatten', [x], [flat], { axis: int(axis) }),
    { ...node, inputs: [flat], outputs: [soft], attributes: last },
    part(node, around, 'Shape', [x], [shape]),
    part(node, around, 'Reshape', [soft, shape], [y]),
  ]
}

/** One scale per group: instance normalization of the groups, which has the same parameters. */
export const groupNormalization: Rewrite = (node, around) => {
  const [x = '', scale = '', bias = ''] = node.inputs
  const y = node.outputs[0] ?? ''
  const groups = integer(node, 'num_groups') ?? 1
  const [grouped, normal, shape] = [
    around.fresh(`${y}/groups`),
    around.fresh(`${y}/normal`),
    around.fresh(`${y}/shape`),
  ]
  return [
    part(node, around, 'Reshape', [x, indices(around, [0, groups, -1])], [grouped]),
    part(node, around, 'InstanceNormalization', [grouped, scale, bias], [normal], {
      epsilon: { type: 'float', value: number(node, 'epsilon') ?? 1e-5 },
    }),
    part(node, around, 'Shape', [x], [shape]),
    part(node, around, 'Reshape', [normal, shape], [y]),
  ]
}

const forInference = 'Export the model for inference: call model.eval() first.'

/** Sets before 14 list the statistics as outputs, and later ones set a flag, when they are to be computed. */
export const batchNormalization: Rewrite = (node) => {
  const isTraining = integer(node, 'training_mode') === 1 || node.outputs.slice(1).some((name) => name !== '')
  if (isTraining) throw unsupported(node, 'stored statistics', 'training mode', forInference)
  return [{ ...node, outputs: node.outputs.slice(0, 1) }]
}

export const dropout: Rewrite = (node, around) => {
  const [, mask = ''] = node.outputs
  if (mask !== '' && around.isUsed(mask)) throw unsupported(node, 'no use of the mask', `\`${mask}\``, forInference)
  const [x = '', , training = ''] = node.inputs
  const storage = around.initializer(training)?.storage
  const isOff = training === '' || (storage && 'bytes' in storage && storage.bytes.every((byte) => byte === 0))
  if (!isOff) throw unsupported(node, 'training_mode false', `\`${training}\``, forInference)
  return [{ ...node, op: 'Identity', inputs: [x], outputs: node.outputs.slice(0, 1), attributes: {} }]
}

export const gridSample: Rewrite = (node) => {
  const renamed: ReadonlyMap<string, string> = new Map([
    ['bilinear', 'linear'],
    ['bicubic', 'cubic'],
  ])
  const mode = text(node, 'mode') ?? 'bilinear'
  return [{ ...node, attributes: { ...node.attributes, mode: string(renamed.get(mode) ?? mode) } }]
}

export const roiAlign: Rewrite = (node) => [
  { ...node, attributes: { coordinate_transformation_mode: string('output_half_pixel'), ...node.attributes } },
]

export const fourier: Rewrite = (node, around) => [
  {
    ...node,
    inputs: [node.inputs[0] ?? '', node.inputs[1] ?? '', around.constant('int64', [], [integer(node, 'axis') ?? 1])],
    attributes: without(node.attributes, 'axis'),
  },
]

export const rename =
  (op: string): Rewrite =>
  (node) => [{ ...node, op, domain: '' }]

/** x·sigmoid(alpha·x). */
export const swish =
  (fallback: number): Rewrite =>
  (node, around) => {
    const x = node.inputs[0] ?? ''
    const y = node.outputs[0] ?? ''
    const alpha = number(node, 'alpha') ?? fallback
    const [scaled, gate] = [around.fresh(`${y}/scaled`), around.fresh(`${y}/gate`)]
    return [
      part(node, around, 'Mul', [x, around.constant(around.floatType(x), [], [alpha])], [scaled]),
      part(node, around, 'Sigmoid', [scaled], [gate]),
      part(node, around, 'Mul', [x, gate], [y]),
    ]
  }

/** ONNX Runtime's Gelu forms, with and without a bias that is added first. */
export const microsoftGelu =
  (approximate: 'none' | 'tanh'): Rewrite =>
  (node, around) => {
    const [x = '', bias = ''] = node.inputs
    const y = node.outputs[0] ?? ''
    const attributes = { approximate: string(approximate) }
    if (bias === '') return [part(node, around, 'Gelu', [x], [y], attributes)]
    const sum = around.fresh(`${y}/biased`)
    return [part(node, around, 'Add', [x, bias], [sum]), part(node, around, 'Gelu', [sum], [y], attributes)]
  }
