/** The table of operators. Adding one is an entry in a family's file. */
import type { Operator } from '../operator.js'
import { activations } from './activation.js'
import { blockProducts } from './block-products.js'
import { convolutions } from './convolution.js'
import { elementwise } from './elementwise.js'
import { forwardOnly } from './forward-only.js'
import { gathers } from './gather.js'
import { matrixProducts } from './matmul.js'
import { normalizations } from './normalization.js'
import { pooling } from './pooling.js'
import { randoms } from './random.js'
import { reductions } from './reduction.js'
import { selections } from './selection.js'
import { shapes } from './shape.js'

export const operators: readonly Operator[] = [
  ...elementwise,
  ...activations,
  ...matrixProducts,
  ...blockProducts,
  ...convolutions,
  ...normalizations,
  ...reductions,
  ...pooling,
  ...shapes,
  ...gathers,
  ...selections,
  ...forwardOnly,
  ...randoms,
]

const keyOf = (op: string, domain: string): string => `${domain}:${op}`
const table: ReadonlyMap<string, Operator> = new Map(
  operators.map((operator) => [keyOf(operator.op, operator.domain ?? ''), operator]),
)

export const operatorOf = (op: string, domain: string): Operator | undefined =>
  table.get(keyOf(op, domain === 'ai.onnx' ? '' : domain))
