import { describe, expect, it } from 'vitest'
import { isUndiffuseError } from '../../core/errors.js'
import { builder, inferTypes } from '../builder.js'
import type { Graph, Initializer } from '../graph.js'
import { compose } from './compose.js'

const weight = (offset: number): Initializer => ({
  dtype: 'float32',
  shape: [4],
  storage: { file: 'vae.safetensors', offset, length: 16 },
})

/** z → image: two weights and a constant; `hidden` is an output too. */
function decoder(): Graph {
  const b = builder()
  const z = b.input('latent', 'float32', [1, 4])
  const scaled = b.emit('Mul', [z, b.initializer('scale', weight(0))], {}, { name: 'mul', names: ['h'] })
  const shifted = b.emit('Add', [scaled, b.initializer('bias', weight(16))], {}, { name: 'add', names: ['image'] })
  b.output(shifted)
  b.output(scaled)
  return b.finish('decoder')
}

/** picture → latent, with a second input; shares one weight with the decoder under another name. */
function encoder(): Graph {
  const b = builder()
  const x = b.input('picture', 'float32', [1, 4])
  const t = b.input('latent_offset', 'float32', [1, 4])
  const scaled = b.emit('Mul', [x, b.initializer('shared', weight(16))], {}, { name: 'mul', names: ['h'] })
  const own = b.emit('Mul', [scaled, b.initializer('bias', weight(32))], {}, { name: 'own' })
  b.output(b.emit('Sub', [own, t], {}, { names: ['latent'] }))
  return b.finish('encoder')
}

const code = (f: () => unknown) => {
  try {
    f()
  } catch (error) {
    if (isUndiffuseError(error)) return error.code
    throw error
  }
  return undefined
}

describe('compose', () => {
  const both = compose(decoder(), encoder(), { picture: 'image' }, { keep: ['image'] })

  it('has the free inputs of both, and the outputs that are asked for', () => {
    expect(both.inputs.map(({ name }) => name)).toEqual(['latent', 'latent_offset'])
    expect(both.outputs.map(({ name }) => name)).toEqual(['image', 'encoder/latent'])
    expect(compose(decoder(), encoder(), { picture: 'image' }).outputs.map(({ name }) => name)).toEqual([
      'encoder/latent',
    ])
  })

  it('is a valid graph: each value once, read after it is made, of fitting types', () => {
    expect(inferTypes(both).outputs.map(({ shape }) => shape)).toEqual([
      [1, 4],
      [1, 4],
    ])
    expect(new Set(both.nodes.map(({ name }) => name)).size).toBe(both.nodes.length)
    for (const { outputs } of both.nodes) for (const name of outputs) expect(both.types.has(name)).toBe(true)
  })

  it('feeds the second from the first', () => {
    const mul = both.nodes.filter(({ op }) => op === 'Mul')[1]!
    expect(mul.inputs[0]).toBe('image')
    expect(mul.outputs).toEqual(['encoder/h'])
  })

  it('shares weights at one place in one file, and only those', () => {
    expect([...both.initializers].map(([name, { storage }]) => [name, 'offset' in storage && storage.offset])).toEqual([
      ['scale', 0],
      ['bias', 16],
      ['encoder/bias', 32],
    ])
    expect(both.nodes.filter(({ op }) => op === 'Mul')[1]!.inputs[1]).toBe('bias')
  })

  it('leaves both graphs as they were', () => {
    const first = decoder()
    const second = encoder()
    compose(first, second, { picture: 'image' })
    expect(first).toEqual(decoder())
    expect(second).toEqual(encoder())
  })

  it('of a graph with itself is the graph twice', () => {
    const twice = compose(decoder(), decoder(), { latent: 'image' })
    expect(inferTypes(twice).nodes).toHaveLength(4)
    expect(twice.initializers.size).toBe(2)
    expect(twice.outputs.map(({ name }) => name)).toEqual(['decoder/image', 'decoder/h'])
  })

  it('refuses names that are not there and types that do not fit', () => {
    expect(code(() => compose(decoder(), encoder(), { image: 'image' }))).toBe('bad-option')
    expect(code(() => compose(decoder(), encoder(), { picture: 'latent' }))).toBe('bad-option')
    expect(code(() => compose(decoder(), encoder(), { picture: 'image' }, { keep: ['latent'] }))).toBe('bad-option')
    const b = builder()
    b.output(b.emit('Neg', [b.input('picture', 'float32', [1, 8])]))
    expect(code(() => compose(decoder(), b.finish('large'), { picture: 'image' }))).toBe('bad-shape')
  })
})
