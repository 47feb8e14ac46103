/** Cases of matrix products and convolutions. */
import { float } from '../../../src/graph/emit.js'
import { absent, constant, number, type OperatorCase, of, real } from '../case.js'

const matmul = (label: string, left: readonly number[], right: readonly number[]) =>
  of('MatMul', label, [real(left), real(right)])

const gemm = (label: string, shapes: readonly (readonly number[])[], attributes: OperatorCase['attributes'] = {}) =>
  of(
    'Gemm',
    label,
    shapes.map((shape) => real(shape)),
    attributes,
  )

/** Gemm with all flags and sizes that tell rows, columns and the inner axis apart. */
const gemmFlags = [0, 1].flatMap((transA) =>
  [0, 1].map((transB) =>
    gemm(`transA ${transA}, transB ${transB}`, [transA ? [4, 2] : [2, 4], transB ? [3, 4] : [4, 3], [3]], {
      transA,
      transB,
      alpha: float(0.7),
      beta: float(1.3),
    }),
  ),
)

const einsum = (equation: string, ...shapes: readonly (readonly number[])[]) =>
  of(
    'Einsum',
    equation,
    shapes.map((shape) => real(shape)),
    { equation },
  )

type Shapes = readonly [input: readonly number[], weight: readonly number[], bias?: readonly number[]]

const convolution =
  (op: 'Conv' | 'ConvTranspose') =>
  (label: string, shapes: Shapes, attributes: OperatorCase['attributes'] = {}) =>
    of(
      op,
      label,
      shapes.map((shape) => real(shape!)),
      attributes,
    )
const conv = convolution('Conv')
const transposed = convolution('ConvTranspose')

const someBytes = (count: number) => Array.from({ length: count }, (_, i) => (i * 89 + 13 * i * i) % 256)
const someScales = (count: number) => Array.from({ length: count }, (_, i) => 0.01 + 0.003 * ((i * 5) % 7))

/** Rows of `columns` numbers of a few bits in blocks; zeros as they are told for so many rows and blocks of a row. */
function blockProduct(
  label: string,
  shape: readonly number[],
  { bits, blockSize, rows }: { readonly bits: 4 | 8; readonly blockSize: number; readonly rows: number },
  zeros: 'middle' | 'numbers' | 'packed' = 'middle',
  bias = false,
): OperatorCase {
  const columns = shape.at(-1)!
  const blocks = Math.ceil(columns / blockSize)
  const bytes = (blockSize * bits) / 8
  const zeroBytes = rows * Math.ceil((blocks * bits) / 8)
  const zero = {
    middle: absent,
    numbers: number(...Array.from({ length: rows * blocks }, (_, i) => 7.3 - (i % 3))),
    packed: constant('uint8', [zeroBytes], someBytes(zeroBytes)),
  }[zeros]
  const operands = [
    real(shape),
    constant('uint8', [rows, blocks, bytes], someBytes(rows * blocks * bytes)),
    number(...someScales(rows * blocks)),
    ...(zeros === 'middle' && !bias ? [] : [zero]),
    ...(bias ? [absent, real([rows])] : []),
  ]
  const attributes = { K: columns, N: rows, bits, block_size: blockSize, accuracy_level: 1 }
  return of('MatMulNBits', label, operands, attributes, { domain: 'com.microsoft' })
}

export const productCases: readonly OperatorCase[] = [
  blockProduct('4 bits', [2, 32], { bits: 4, blockSize: 16, rows: 3 }),
  blockProduct('4 bits, a block that reaches beyond the row', [2, 2, 40], { bits: 4, blockSize: 32, rows: 3 }),
  blockProduct('4 bits, zeros that are numbers', [2, 48], { bits: 4, blockSize: 32, rows: 3 }, 'numbers', true),
  blockProduct('4 bits, packed zeros', [2, 48], { bits: 4, blockSize: 16, rows: 2 }, 'packed'),
  blockProduct('8 bits and a bias', [3, 32], { bits: 8, blockSize: 32, rows: 2 }, 'middle', true),
  blockProduct('8 bits, packed zeros', [2, 40], { bits: 8, blockSize: 16, rows: 3 }, 'packed'),
  matmul('matrices', [2, 3], [3, 4]),
  matmul('batch', [2, 2, 3], [2, 3, 4]),
  matmul('left broadcast', [2, 3], [2, 2, 3, 2]),
  matmul('right broadcast', [2, 2, 2, 3], [3, 2]),
  matmul('both broadcast', [2, 1, 2, 3], [3, 3, 2]),
  matmul('vector and matrix', [3], [2, 3, 4]),
  matmul('matrix and vector', [2, 4, 3], [3]),
  matmul('vectors', [3], [3]),
  ...gemmFlags,
  gemm('no bias', [
    [2, 4],
    [4, 3],
  ]),
  gemm('matrix bias', [
    [2, 4],
    [4, 3],
    [2, 3],
  ]),
  gemm('column bias', [
    [2, 4],
    [4, 3],
    [2, 1],
  ]),
  gemm('scalar bias', [[2, 4], [4, 3], []]),
  einsum('ij,jk->ik', [2, 3], [3, 4]),
  einsum('bhqd,bhkd->bhqk', [1, 2, 3, 4], [1, 2, 2, 4]),
  einsum('bij,jk', [2, 2, 3], [3, 2]),
  einsum('ij,jk,kl->li', [2, 3], [3, 2], [2, 4]),
  einsum('ij->i', [2, 3]),
  einsum('ij,k->j', [2, 3], [2]),
  einsum('i,i->', [3], [3]),
  conv('3×3', [[1, 2, 4, 5], [3, 2, 3, 3], [3]]),
  conv('1×1, no bias', [
    [2, 3, 2, 2],
    [2, 3, 1, 1],
  ]),
  conv(
    'padded',
    [
      [1, 2, 4, 3],
      [2, 2, 3, 3],
    ],
    { pads: [1, 1, 1, 1] },
  ),
  conv(
    'uneven pads',
    [
      [1, 1, 4, 3],
      [2, 1, 3, 2],
    ],
    { pads: [0, 1, 2, 0] },
  ),
  conv(
    'pads beyond the kernel',
    [
      [1, 1, 3, 3],
      [1, 1, 2, 2],
    ],
    { pads: [2, 2, 1, 2] },
  ),
  conv('stride 2', [[1, 2, 5, 6], [2, 2, 3, 3], [2]], { strides: [2, 2], pads: [1, 1, 1, 1] }),
  conv(
    'strides that leave a rest',
    [
      [1, 1, 6, 7],
      [2, 1, 3, 2],
    ],
    { strides: [2, 3] },
  ),
  conv(
    'stride 2, pads at the end',
    [
      [1, 2, 4, 4],
      [2, 2, 3, 3],
    ],
    { strides: [2, 2], pads: [0, 0, 1, 1] },
  ),
  conv(
    'dilated',
    [
      [1, 2, 6, 5],
      [2, 2, 3, 2],
    ],
    { dilations: [2, 3], pads: [1, 2, 1, 1] },
  ),
  conv(
    'dilated with stride',
    [
      [1, 1, 7, 6],
      [1, 1, 2, 3],
    ],
    { dilations: [3, 2], strides: [2, 1], pads: [1, 1, 1, 1] },
  ),
  conv('groups', [[2, 4, 3, 3], [6, 2, 2, 2], [6]], { group: 2 }),
  conv(
    'groups with stride',
    [
      [1, 4, 5, 4],
      [4, 2, 3, 3],
    ],
    { group: 2, strides: [2, 2], pads: [1, 1, 1, 1] },
  ),
  conv(
    'depthwise',
    [
      [1, 3, 4, 4],
      [3, 1, 3, 3],
    ],
    { group: 3, pads: [1, 1, 1, 1] },
  ),
  conv(
    'SAME_UPPER',
    [
      [1, 1, 5, 4],
      [2, 1, 2, 3],
    ],
    { auto_pad: 'SAME_UPPER', strides: [2, 2] },
  ),
  conv(
    'SAME_LOWER',
    [
      [1, 1, 5, 4],
      [2, 1, 2, 3],
    ],
    { auto_pad: 'SAME_LOWER', strides: [2, 1] },
  ),
  conv(
    'VALID',
    [
      [1, 1, 4, 4],
      [1, 1, 3, 2],
    ],
    { auto_pad: 'VALID' },
  ),
  conv('one axis', [[2, 2, 6], [3, 2, 3], [3]], { strides: [2], pads: [1, 0] }),
  conv(
    'one axis, dilated groups',
    [
      [1, 4, 7],
      [2, 2, 3],
    ],
    { dilations: [2], group: 2, pads: [2, 1] },
  ),
  conv('three axes', [[1, 2, 3, 3, 4], [2, 2, 2, 3, 2], [2]], { pads: [1, 1, 0, 0, 1, 1] }),
  conv(
    'three axes, strides',
    [
      [1, 1, 4, 3, 5],
      [2, 1, 2, 2, 3],
    ],
    { strides: [2, 1, 2] },
  ),
  conv('fewer filters', [[2, 3, 3, 4], [1, 3, 3, 2], [1]], { pads: [1, 0, 1, 1] }),
  conv(
    'fewer filters, dilated',
    [
      [1, 3, 6, 5],
      [2, 3, 3, 2],
    ],
    { dilations: [2, 3], pads: [1, 2, 0, 1] },
  ),
  conv(
    'fewer filters, pads beyond the kernel',
    [
      [1, 2, 3, 3],
      [1, 2, 2, 2],
    ],
    { pads: [2, 2, 1, 2] },
  ),
  conv(
    'fewer filters, one axis',
    [
      [2, 3, 5],
      [2, 3, 3],
    ],
    { pads: [1, 1] },
  ),
  transposed('more filters', [[1, 1, 3, 4], [1, 3, 2, 3], [3]], { pads: [1, 0, 0, 1] }),
  transposed('stride 2', [[1, 2, 3, 2], [2, 3, 3, 3], [3]], { strides: [2, 2], pads: [1, 1, 1, 1] }),
  transposed('no attributes', [
    [2, 2, 2, 3],
    [2, 2, 2, 3],
  ]),
  transposed(
    'output_padding',
    [
      [1, 2, 2, 3],
      [2, 2, 3, 3],
    ],
    { strides: [2, 3], pads: [1, 0, 1, 1], output_padding: [1, 2] },
  ),
  transposed(
    'dilated',
    [
      [1, 1, 3, 3],
      [1, 2, 2, 3],
    ],
    { dilations: [2, 2], pads: [1, 0, 0, 1], strides: [2, 1] },
  ),
  transposed('groups', [[1, 4, 2, 3], [4, 2, 2, 2], [4]], { group: 2, strides: [2, 1] }),
  transposed(
    'pads that cut',
    [
      [1, 1, 4, 4],
      [1, 2, 2, 2],
    ],
    { pads: [2, 1, 1, 1] },
  ),
  transposed('one axis', [[2, 2, 4], [2, 3, 4], [3]], { strides: [2], pads: [1, 1] }),
  transposed(
    'three axes',
    [
      [1, 2, 2, 2, 2],
      [2, 1, 2, 3, 2],
    ],
    { strides: [2, 1, 1], pads: [0, 1, 0, 0, 1, 1] },
  ),
]
