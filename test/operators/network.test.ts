/** Gradients through several operators at once: weights, values that are read twice, several outputs. */
import { describe, expect, it } from 'vitest'
import { type Builder, builder } from '../../src/graph/builder.js'
import type { Value } from '../../src/graph/graph.js'
import { vjp } from '../../src/graph/passes/vjp.js'
import { map, type Tensor, zeros } from '../../src/math/tensor.js'
import { randomNumbers } from './case.js'
import { expectGradient, randomCotangents, run } from './finite-differences.js'

const shapes = {
  kernel: [4, 2, 3, 3],
  kernelBias: [4],
  scale: [4],
  shift: [4],
  last: [2, 4, 3, 3],
  matrix: [3, 8],
} as const

/** Small weights, as training starts from: a steep network has large third derivatives. */
const LARGEST = 0.3
const random = randomNumbers(5)
const values: Readonly<Record<string, Tensor>> = Object.fromEntries(
  Object.entries({ ...shapes, image: [1, 2, 4, 4] }).map(([name, shape]) => [
    name,
    map(zeros(shape), () => LARGEST * (2 * random() - 1)),
  ]),
)
const weightNames = Object.keys(shapes)
const feedsOf = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, values[name]!]))

/** A small network of a kind with the decoder: convolution, normalization, SiLU, a skip, resizing, attention. */
function network(weight: (build: Builder, name: string, tensor: Tensor) => Value) {
  const build = builder()
  const parameter = (name: keyof typeof shapes) => weight(build, name, values[name]!)
  const image = build.input('image', 'float64', [1, 2, 4, 4])
  const attributes = { strides: [2, 2], pads: [1, 1, 1, 1] }
  const features = build.emit('Conv', [image, parameter('kernel'), parameter('kernelBias')], attributes)
  const normal = build.emit('GroupNormalization', [features, parameter('scale'), parameter('shift')], { num_groups: 2 })
  const silu = build.emit('Mul', [normal, build.emit('Sigmoid', [normal])])
  const skip = build.emit('Add', [silu, features])
  const factors = build.constant('float32', [4], [1, 1, 2, 2])
  const resized = build.emit('Resize', [skip, undefined, factors], {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  })
  const restored = build.emit('Conv', [resized, parameter('last')], { pads: [1, 1, 1, 1] })
  const tokens = build.emit('Reshape', [restored, build.indices([4, 8])])
  const mixed = build.emit('MatMul', [tokens, build.emit('Transpose', [parameter('matrix')])])
  const weights = build.emit('Softmax', [build.emit('MatMul', [mixed, build.emit('Transpose', [mixed])])])
  build.output(build.emit('MatMul', [weights, tokens]), 'attended')
  build.output(restored, 'restored')
  return build.finish('network')
}

const fed = network((build, name, { shape }) => build.input(name, 'float64', shape))
const held = network((build, name, { shape, data }) =>
  build.initializer(name, { dtype: 'float64', shape, storage: { bytes: new Uint8Array(data.buffer) } }),
)

describe('the gradient of a network', () => {
  it('agrees with finite differences for its input and every weight', () =>
    expectGradient(fed, values, ['image', ...weightNames]))

  it.each(['image', ...weightNames])('agrees for %s alone', (name) => expectGradient(fed, values, [name]))

  it('is the same for weights that the graph holds', async () => {
    const options = { wrt: ['image', ...weightNames] }
    const [ofFed, ofHeld] = [vjp(fed, options), vjp(held, options)]
    const cotangents = randomCotangents(ofFed, 6)
    expect(await run(ofHeld, { ...feedsOf(['image']), ...cotangents })).toEqual(
      await run(ofFed, { ...values, ...cotangents }),
    )
  })

  it('yields forward outputs that are kept', async () => {
    const gradient = vjp(held, { outputs: ['restored'], wrt: ['image'], keep: ['attended', 'restored'] })
    const results = await run(gradient, { ...feedsOf(['image']), ...randomCotangents(gradient, 7) })
    const { 'gradient.image': gradientOfImage, ...kept } = results
    expect(gradientOfImage!.shape).toEqual([1, 2, 4, 4])
    expect(kept).toEqual(await run(held, feedsOf(['image'])))
  })

  it('is zero for what the outputs do not depend on', async () => {
    const gradient = vjp(fed, { outputs: ['restored'], wrt: ['matrix'] })
    const results = await run(gradient, { ...values, ...randomCotangents(gradient, 8) })
    expect(results['gradient.matrix']).toEqual(zeros([3, 8]))
  })
})

describe('what has no gradient', () => {
  const overwriting = () => {
    const build = builder()
    const x = build.input('x', 'float64', [4])
    const updates = build.input('updates', 'float64', [1])
    build.output(build.emit('ScatterND', [x, build.constant('int64', [1, 1], [2]), updates]), 'y')
    return build.finish('overwriting')
  }
  const statistics = () => {
    const build = builder()
    const x = build.input('x', 'float64', [2])
    build.output(build.emit('LayerNormalization', [x, x], {}, { names: ['y', 'mean', 'scale'] }), 'y')
    build.output(build.value('mean'), 'mean')
    return build.finish('statistics')
  }

  it('is refused by name: a form without a rule', () => {
    expect(() => vjp(overwriting(), { wrt: ['x'] })).toThrow(/reduction add.*ScatterND/)
  })

  it('is refused by name: an output without a rule', () => {
    expect(() => vjp(statistics(), { wrt: ['x'] })).toThrow(/only the first output.*LayerNormalization/)
  })
})
