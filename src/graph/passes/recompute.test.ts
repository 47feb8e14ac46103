import { expect, it } from 'vitest'
import { sizeOf } from '../../math/tensor.js'
import { builder } from '../builder.js'
import { mul } from '../ops/common.js'
import { groupNorm } from '../ops/normalization.js'
import { vjp } from './vjp.js'

it('leaves the backward part of product, normalisation, SiLU, product one large forward value to keep', () => {
  const b = builder()
  const ones = (shape: readonly number[]) =>
    b.constant('float32', shape, Array<number>(shape.reduce((x, y) => x * y, 1)).fill(1))
  const product = b.emit('MatMul', [b.input('x', 'float32', [1, 4, 8, 8]), ones([8, 8])])
  const normal = groupNorm(b, product, ones([4]), ones([4]), 2, 1e-5)
  b.output(b.emit('MatMul', [mul(b, normal, b.emit('Sigmoid', [normal])), ones([8, 8])]), 'y')
  const forward = b.finish('normalised')
  const gradient = vjp(forward, { wrt: ['x'] })

  const isForward = new Set(forward.nodes.flatMap(({ outputs }) => outputs))
  const backward = gradient.nodes.filter(({ outputs }) => !outputs.some((name) => isForward.has(name)))
  const read = new Set(backward.flatMap(({ inputs }) => inputs).filter((name) => isForward.has(name)))
  const isLarge = (name: string) => sizeOf(gradient.types.get(name)!.shape) === sizeOf(product.shape)
  expect([...read].filter(isLarge)).toEqual([product.name])
})
