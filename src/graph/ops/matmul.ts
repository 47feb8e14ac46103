/** Matrix products. Cotangents of Y = A·B are G·Bᵀ and Aᵀ·G. */
import { expected } from '../../core/errors.js'
import { type Builder, float } from '../emit.js'
import type { Value } from '../graph.js'
import { broadcastShape, type GradientView, type NodeView, type Operator } from '../operator.js'
import { expand, reshape, scale, swapLast, unbroadcast } from './common.js'

export const matmul = (b: Builder, x: Value, y: Value): Value => b.emit('MatMul', [x, y])

/** Vectors count as a row on the left and as a column on the right. */
const asMatrices = (node: NodeView) => {
  const x = node.input(0).shape
  const y = node.input(1).shape
  return { left: x.length === 1 ? [1, ...x] : x, right: y.length === 1 ? [...y, 1] : y }
}

function matmulTypes(node: NodeView) {
  const { left, right } = asMatrices(node)
  if (left.at(-1) !== right.at(-2)) {
    throw expected(
      'bad-model',
      'inner sizes that agree',
      `MatMul \`${node.name}\``,
      `[${left}] and [${right}]`,
      "The graph does not fit the input's size.",
    )
  }
  const shape = broadcastShape(left.slice(0, -2), right.slice(0, -2))
  if (node.input(0).shape.length > 1) shape.push(left.at(-2)!)
  if (node.input(1).shape.length > 1) shape.push(right.at(-1)!)
  return [{ dtype: node.input(0).dtype, shape }]
}

function matmulGradient(node: GradientView) {
  const b = node.builder
  const { left, right } = asMatrices(node)
  const x = reshape(b, node.input(0), left)
  const y = reshape(b, node.input(1), right)
  const batch = broadcastShape(left.slice(0, -2), right.slice(0, -2))
  const g = reshape(b, node.cotangent, [...batch, left.at(-2)!, right.at(-1)!])
  return [
    node.needs[0] ? reshape(b, unbroadcast(b, matmul(b, g, swapLast(b, y)), left), node.input(0).shape) : undefined,
    node.needs[1] ? reshape(b, unbroadcast(b, matmul(b, swapLast(b, x), g), right), node.input(1).shape) : undefined,
  ]
}

const gemm = (b: Builder, x: Value, y: Value, transA: number, transB: number): Value =>
  b.emit('Gemm', [x, y], { transA, transB })

/** Y = alpha·A′·B′ + beta·C, where ′ is transposition if the flag is set. */
function gemmGradient(node: GradientView) {
  const b = node.builder
  const transA = node.integer('transA', 0)
  const transB = node.integer('transB', 0)
  const g = scale(b, node.cotangent, node.float('alpha', 1))
  const bias = node.inputs[2]
  return [
    node.needs[0]
      ? transA
        ? gemm(b, node.input(1), g, transB, 1)
        : gemm(b, g, node.input(1), 0, 1 - transB)
      : undefined,
    node.needs[1]
      ? transB
        ? gemm(b, g, node.input(0), 1, transA)
        : gemm(b, node.input(0), g, 1 - transA, 0)
      : undefined,
    bias && node.needs[2] ? unbroadcast(b, scale(b, node.cotangent, node.float('beta', 1)), bias.shape) : undefined,
  ]
}

interface Equation {
  readonly inputs: readonly string[]
  readonly output: string
}

function parseEinsum(node: NodeView): Equation {
  const equation = node.string('equation', '').replaceAll(' ', '')
  const [left = '', right] = equation.split('->')
  const inputs = left.split(',')
  const repeated = inputs.some((term) => new Set(term).size !== term.length)
  if (equation.includes('.') || repeated || inputs.length !== node.inputs.length) {
    throw expected(
      'unsupported',
      'an equation without ellipses or repeated letters',
      `Einsum \`${node.name}\``,
      `\`${equation}\``,
      'Export it as MatMul and Transpose.',
    )
  }
  const letters = [...new Set(inputs.join(''))].sort()
  const output = right ?? letters.filter((letter) => inputs.join('').split(letter).length === 2).join('')
  return { inputs, output }
}

function einsumTypes(node: NodeView) {
  const { inputs, output } = parseEinsum(node)
  const sizes = new Map<string, number>()
  inputs.forEach((term, i) => {
    ;[...term].forEach((letter, axis) => {
      sizes.set(letter, Math.max(sizes.get(letter) ?? 1, node.input(i).shape[axis]!))
    })
  })
  return [{ dtype: node.input(0).dtype, shape: [...output].map((letter) => sizes.get(letter)!) }]
}

/** The cotangent of one factor is the einsum of the cotangent with the other factors. */
function einsumGradient(node: GradientView) {
  const b = node.builder
  const { inputs, output } = parseEinsum(node)
  return inputs.map((term, i) => {
    if (!node.needs[i]) return undefined
    const others = inputs.flatMap((other, j) => (j === i ? [] : [{ term: other, value: node.input(j) }]))
    const reached = new Set([output, ...others.map((other) => other.term)].join(''))
    const kept = [...term].filter((letter) => reached.has(letter)).join('')
    const equation = `${[output, ...others.map((other) => other.term)].join(',')}->${kept}`
    const partial = b.emit('Einsum', [node.cotangent, ...others.map((other) => other.value)], { equation })
    const { shape } = node.input(i)
    const withOnes = [...term].map((letter, axis) => (reached.has(letter) ? shape[axis]! : 1))
    const aligned = reshape(b, partial, withOnes)
    return kept === term ? aligned : expand(b, aligned, shape)
  })
}

export const matrixProducts: readonly Operator[] = [
  { op: 'MatMul', types: matmulTypes, gradient: matmulGradient },
  {
    op: 'Gemm',
    types: (node) => {
      const [rows, columns] = node.input(0).shape
      const [inner, outer] = node.input(1).shape
      return [
        {
          dtype: node.input(0).dtype,
          shape: [node.integer('transA', 0) ? columns! : rows!, node.integer('transB', 0) ? inner! : outer!],
        },
      ]
    },
    gradient: gemmGradient,
  },
  { op: 'Einsum', types: einsumTypes, gradient: einsumGradient },
]

export const gemmWithBias = (b: Builder, x: Value, weight: Value, bias?: Value): Value =>
  b.emit('Gemm', [x, weight, bias], { transB: 1, alpha: float(1), beta: float(1) })
