import { expect, test } from 'vitest'
import { builder } from './builder.js'
import { add, concat, mul, reshape, slice, transpose } from './ops/common.js'
import { matmul } from './ops/matmul.js'
import { peakBytes } from './peak.js'

const float32 = 4

test('a chain of elementwise operators writes over its own value, beside the input', () => {
  const b = builder()
  let x = b.input('x', 'float32', [1000])
  for (let i = 0; i < 5; i++) x = b.emit('Sigmoid', [x])
  b.output(x, 'y')
  expect(peakBytes(b.finish('chain'))).toBe(2 * 1000 * float32)
})

test('a value lives until its last reader: a skip connection is there beside what is between', () => {
  const b = builder()
  const x = b.input('x', 'float32', [1000])
  const skip = b.emit('Sin', [x])
  // Concat and Slice write elsewhere: 1000 → 2000 → 1000 numbers.
  const wide = concat(b, [skip, skip], 0)
  b.output(add(b, skip, slice(b, wide, 0, 0, 1000)), 'y')
  // Input, skip and wide, and the slice of it.
  expect(peakBytes(b.finish('skip'))).toBe((1000 + 1000 + 2000 + 1000) * float32)
})

test('reshapes and transposed factors of products take nothing', () => {
  const b = builder()
  const x = b.input('x', 'float32', [10, 100])
  const y = b.input('y', 'float32', [10, 100])
  b.output(matmul(b, reshape(b, x, [10, 100]), transpose(b, y, [1, 0])), 'z')
  expect(peakBytes(b.finish('product'))).toBe((1000 + 1000 + 100) * float32)
})

test('a value that two read is not written over', () => {
  const b = builder()
  const x = b.input('x', 'float32', [1000])
  const s = b.emit('Sin', [x])
  b.output(mul(b, b.emit('Sigmoid', [s]), s), 'y')
  // Input, s and its sigmoid; the product takes the place of one of them.
  expect(peakBytes(b.finish('silu'))).toBe(3 * 1000 * float32)
})

test('a convolution has copies of what it reads and writes; weights are not counted; a batch counts as often as it is large', () => {
  const peakOf = (batch: number) => {
    const b = builder()
    const x = b.input('x', 'float32', [batch, 3, 10, 10])
    b.output(b.emit('Conv', [x, b.constant('float32', [8, 3, 1, 1], Array(24).fill(1))], { kernel_shape: [1, 1] }), 'y')
    return peakBytes(b.finish('conv'))
  }
  expect(peakOf(1)).toBe(2 * (300 + 800) * float32)
  expect(peakOf(4)).toBe(4 * peakOf(1))
})

test('nodes that no output needs are not computed', () => {
  const b = builder()
  const x = b.input('x', 'float32', [10])
  concat(b, Array(100).fill(x), 0)
  b.output(b.emit('Sin', [x]), 'y')
  expect(peakBytes(b.finish('unneeded'))).toBe(20 * float32)
})
