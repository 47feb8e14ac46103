/** Tensors of one shape as one with a batch axis, which networks have and tensors here do not, and back. */
import { expected } from '../../core/errors.js'
import { formatShape, type Shape, sameShape, sizeOf, type Tensor } from '../../math/tensor.js'

/** The one shape of several tensors; throws `bad-shape` when they differ or there are none. */
export function commonShape(tensors: readonly Tensor[], name: string): Shape {
  const [first, ...others] = tensors
  const other = others.find(({ shape }) => !sameShape(shape, first!.shape))
  if (first && !other) return first.shape
  const got = other ? `${formatShape(first!.shape)} and ${formatShape(other.shape)}` : 'none'
  throw expected(
    'bad-shape',
    'tensors of one shape',
    `a batch of \`${name}\``,
    got,
    'Run others in a batch of their own.',
  )
}

export function stack(tensors: readonly Tensor[], name: string): Tensor {
  const shape = commonShape(tensors, name)
  const size = sizeOf(shape)
  const data = new Float64Array(tensors.length * size)
  tensors.forEach((tensor, i) => {
    data.set(tensor.data, i * size)
  })
  return { shape: [tensors.length, ...shape], data }
}

export function unstack({ shape: [count, ...shape], data }: Tensor): Tensor[] {
  if (count === 1) return [{ shape, data }]
  const size = sizeOf(shape)
  return Array.from({ length: count! }, (_, i) => ({ shape, data: data.slice(i * size, (i + 1) * size) }))
}
