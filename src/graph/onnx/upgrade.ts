/**
 * Rewrites nodes of older operator sets (9 to 20) and a few of newer ones (22 to 26) to the forms of operator set 21,
 * so that the rest of the library knows one form of each operator. Only inference is meant: dropout does nothing,
 * batch normalization uses its stored statistics. Operators that are not in the table have the same form in all sets.
 *
 * Source: https://github.com/onnx/onnx/blob/main/docs/Changelog.md
 */
import type { Node } from '../graph.js'
import {
  axesToInput,
  batchNormalization,
  castAsNearest,
  clip,
  dropout,
  fourier,
  gridSample,
  groupNormalization,
  microsoftGelu,
  pad,
  type Rewrite,
  rename,
  resize,
  resizeFromScales,
  roiAlign,
  type Surroundings,
  slice,
  softmax,
  split,
  swish,
  topK,
} from './rewrites.js'

const always = Number.POSITIVE_INFINITY

/** Operator → the first set whose form is that of set 21, and the rewrite of what comes before. */
const table: ReadonlyMap<string, readonly [before: number, rewrite: Rewrite]> = new Map<string, [number, Rewrite]>([
  ['BatchNormalization', [always, batchNormalization]],
  ['Cast', [always, castAsNearest]],
  ['Clip', [11, clip]],
  ['DFT', [20, fourier]],
  ['Dropout', [always, dropout]],
  ['GridSample', [20, gridSample]],
  ['GroupNormalization', [21, groupNormalization]],
  ['Hardmax', [13, softmax]],
  ['LogSoftmax', [13, softmax]],
  ['Pad', [11, pad]],
  ['ReduceL1', [18, axesToInput]],
  ['ReduceL2', [18, axesToInput]],
  ['ReduceLogSum', [18, axesToInput]],
  ['ReduceLogSumExp', [18, axesToInput]],
  ['ReduceMax', [18, axesToInput]],
  ['ReduceMean', [18, axesToInput]],
  ['ReduceMin', [18, axesToInput]],
  ['ReduceProd', [18, axesToInput]],
  ['ReduceSum', [13, axesToInput]],
  ['ReduceSumSquare', [18, axesToInput]],
  ['Resize', [always, resize]],
  ['RoiAlign', [16, roiAlign]],
  ['Scatter', [always, rename('ScatterElements')]],
  ['Slice', [10, slice]],
  ['Softmax', [13, softmax]],
  ['Split', [18, split]],
  ['Squeeze', [13, axesToInput]],
  ['Swish', [always, swish(1)]],
  ['TopK', [10, topK]],
  ['Unsqueeze', [13, axesToInput]],
  ['Upsample', [always, resizeFromScales]],
  ['com.microsoft.BiasGelu', [always, microsoftGelu('none')]],
  ['com.microsoft.FastGelu', [always, microsoftGelu('tanh')]],
  ['com.microsoft.Gelu', [always, microsoftGelu('none')]],
  ['com.microsoft.LayerNormalization', [always, rename('LayerNormalization')]],
  ['com.microsoft.QuickGelu', [always, swish(1.702)]],
])

const keyOf = (op: string, domain: string): string => (domain === '' ? op : `${domain}.${op}`)

/** Whether the operator has a form that is rewritten. */
export const isUpgraded = (op: string, domain: string): boolean => table.has(keyOf(op, domain))

/**
 * The nodes that do in operator set 21 what `node` does in set `version`.
 *
 * Errors: `unsupported`, naming operator and node, for training forms.
 */
export function upgrade(node: Node, version: number, around: Surroundings): readonly Node[] {
  const [before, rewrite] = table.get(keyOf(node.op, node.domain)) ?? [0, undefined]
  return rewrite && version < before ? rewrite(node, around, version) : [node]
}
