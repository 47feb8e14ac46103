import { describe, expect, it } from 'vitest'
import { builder, inferTypes } from '../builder.js'
import type { DataType, Graph, Initializer } from '../graph.js'
import { encodeNumbers } from '../numbers.js'
import { dataTypeCode } from '../ops/common.js'
import { half } from './half.js'

const inFile = (dtype: DataType, shape: readonly number[]): Initializer => ({
  dtype,
  shape,
  storage: { file: 'vae.safetensors', offset: 64, length: 16 },
})
const constant = (values: readonly number[]): Initializer => ({
  dtype: 'float32',
  shape: [values.length],
  storage: { bytes: encodeNumbers('float32', values) },
})

/** `Op: types of inputs → types of outputs` for each node, by inference of the result itself. */
function typed(graph: Graph): string[] {
  const { types, nodes } = inferTypes(graph)
  const type = (name: string) => types.get(name)?.dtype ?? '-'
  return nodes.map(({ op, inputs, outputs }) => `${op}: ${inputs.map(type).join(' ')} → ${outputs.map(type).join(' ')}`)
}

function linear(): Graph {
  const b = builder()
  const x = b.input('x', 'float32', [2, 4])
  const w = b.initializer('w', inFile('float32', [4]))
  const product = b.emit('Mul', [x, w])
  b.output(b.emit('Add', [product, b.initializer('c', constant([1, 2, 3, 4]))]), 'y')
  return b.finish('linear')
}

describe('half', () => {
  it('computes in 16 bit behind a 32-bit interface', () => {
    const small = half(linear())
    expect(small.inputs).toEqual(linear().inputs)
    expect(small.outputs).toEqual(linear().outputs)
    expect(typed(small)).toEqual([
      'Cast: float32 → float16',
      'Cast: float32 → float16',
      'Mul: float16 float16 → float16',
      'Add: float16 float16 → float16',
      'Identity: float16 → float16',
      'Cast: float16 → float32',
    ])
  })

  it('leaves weights where they lie and rounds constants', () => {
    const { initializers } = half(linear())
    expect(initializers.get('w')).toEqual(inFile('float32', [4]))
    expect(initializers.has('c')).toBe(false)
    expect(initializers.get('c/half')).toEqual({
      dtype: 'float16',
      shape: [4],
      storage: { bytes: new Uint8Array(Uint16Array.of(0x3c00, 0x4000, 0x4200, 0x4400).buffer) },
    })
  })

  it('states the types that inference finds', () => {
    const small = half(linear())
    const inferred = [...inferTypes(small).types].map(([name, { dtype, shape }]) => [name, { dtype, shape }] as const)
    expect(new Map([...small.types].map(([name, { dtype, shape }]) => [name, { dtype, shape }]))).toEqual(
      new Map(inferred),
    )
  })

  it('casts a value once, however often it is read', () => {
    const b = builder()
    const x = b.input('x', 'float32', [2])
    b.output(b.emit('Mul', [b.emit('Add', [x, x]), x]), 'y')
    expect(half(b.finish('g')).nodes.filter(({ op }) => op === 'Cast')).toHaveLength(2)
  })

  it('keeps operators in 32 bit that it is told to, and what follows in 16', () => {
    const b = builder()
    const x = b.input('x', 'float32', [2, 4])
    b.output(b.emit('Sigmoid', [b.emit('Softmax', [b.emit('Neg', [x])])]), 'y')
    expect(typed(half(b.finish('g'), { keep: ['Softmax'] }))).toEqual([
      'Cast: float32 → float16',
      'Neg: float16 → float16',
      'Cast: float16 → float32',
      'Softmax: float32 → float32',
      'Cast: float32 → float16',
      'Sigmoid: float16 → float16',
      'Identity: float16 → float16',
      'Cast: float16 → float32',
    ])
  })

  it('uses weights stored in 16 bit without widening them', () => {
    const b = builder()
    const x = b.input('x', 'float32', [4])
    const widened = (name: string, dtype: DataType) =>
      b.emit('Cast', [b.initializer(name, inFile(dtype, [4]))], { to: dataTypeCode.float32 })
    b.output(b.emit('Mul', [b.emit('Mul', [x, widened('w', 'float16')]), widened('v', 'bfloat16')]), 'y')
    const small = half(b.finish('g'))
    expect(typed(small)).toEqual([
      'Cast: float32 → float16',
      'Mul: float16 float16 → float16',
      'Cast: bfloat16 → float16',
      'Mul: float16 float16 → float16',
      'Identity: float16 → float16',
      'Cast: float16 → float32',
    ])
    expect(small.nodes[1]!.inputs[1]).toBe('w')
  })

  it('widens such a weight after all for an operator that stays in 32 bit', () => {
    const b = builder()
    const x = b.input('x', 'float32', [4])
    const w = b.emit('Cast', [b.initializer('w', inFile('bfloat16', [4]))], { to: dataTypeCode.float32 })
    b.output(b.emit('Mul', [x, w]), 'y')
    expect(typed(half(b.finish('g'), { keep: ['Mul'] }))).toContain('Cast: bfloat16 → float32')
  })

  it('keeps the scales of a resize in 32 bit', () => {
    const b = builder()
    const x = b.input('x', 'float32', [1, 1, 2, 2])
    const scales = b.initializer('s', constant([1, 1, 2, 2]))
    b.output(b.emit('Resize', [x, undefined, scales], { mode: 'nearest' }), 'y')
    expect(typed(half(b.finish('g')))).toContain('Resize: float16 - float32 → float16')
  })

  it('keeps what depends on integers and weights alone in 32 bit until it meets data', () => {
    const b = builder()
    const x = b.input('x', 'float32', [2])
    const t = b.input('t', 'int64', [1])
    const angle = b.emit('Mul', [
      b.emit('Cast', [t], { to: dataTypeCode.float32 }),
      b.initializer('f', constant([1, 0.5])),
    ])
    b.output(b.emit('Add', [x, b.emit('Sin', [angle])]), 'y')
    expect(typed(half(b.finish('g')))).toEqual([
      'Cast: int64 → float32',
      'Mul: float32 float32 → float32',
      'Sin: float32 → float32',
      'Cast: float32 → float16',
      'Cast: float32 → float16',
      'Add: float16 float16 → float16',
      'Identity: float16 → float16',
      'Cast: float16 → float32',
    ])
  })

  it.each([-3.4e38, 65520, 1e-12])('stays in 32 bit where a constant does not fit: %d', (value) => {
    const b = builder()
    const x = b.input('x', 'float32', [2])
    b.output(b.emit('Neg', [b.emit('Add', [x, b.scalar('float32', value)])]), 'y')
    expect(typed(half(b.finish('g')))).toEqual([
      'Add: float32 float32 → float32',
      'Cast: float32 → float16',
      'Neg: float16 → float16',
      'Identity: float16 → float16',
      'Cast: float16 → float32',
    ])
  })

  it('makes copies of casts that have nothing to do', () => {
    const b = builder()
    const absolute = b.emit('Abs', [b.input('x', 'float32', [2])])
    b.output(b.emit('Neg', [b.emit('Cast', [absolute], { to: dataTypeCode.float32 })]), 'y')
    b.output(b.emit('Neg', [b.emit('Cast', [absolute], { to: dataTypeCode.float16 })]), 'z')
    const small = half(b.finish('g'))
    expect(typed(small)).toEqual([
      'Cast: float32 → float16',
      'Abs: float16 → float16',
      'Identity: float16 → float16',
      'Neg: float16 → float16',
      'Identity: float16 → float16',
      'Identity: float16 → float16',
      'Neg: float16 → float16',
      'Identity: float16 → float16',
      'Cast: float16 → float32',
    ])
    expect(small.outputs.map(({ dtype }) => dtype)).toEqual(['float32', 'float16'])
  })

  it('passes an input or a weight that is an output through', () => {
    const b = builder()
    const x = b.input('x', 'float32', [2])
    b.output(x)
    b.output(b.emit('Neg', [x]), 'y')
    expect(half(b.finish('g')).outputs.map(({ name }) => name)).toEqual(['x', 'y'])
  })
})
