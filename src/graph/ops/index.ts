/** The table of operators. Adding one is an entry in a family's file. */
import type { Operator } from '../operator.js'
import { activations } from './activation.js'
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

let table: ReadonlyMap<string, Operator> | undefined

export function operatorOf(op: string, domain: string): Operator | undefined {
  table ??= new Map(operators.map((operator) => [`${operator.domain ?? ''}:${operator.op}`, operator]))
  return table.get(`${domain === 'ai.onnx' ? '' : domain}:${op}`)
}
