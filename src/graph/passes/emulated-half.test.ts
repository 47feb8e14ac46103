import { describe, expect, it } from 'vitest'
import { builder, inferTypes } from '../builder.js'
import type { Builder } from '../emit.js'
import type { Graph, Value } from '../graph.js'
import { dataTypeCode, mul, singleScope } from '../ops/common.js'
import { emulatedHalf } from './emulated-half.js'
import { half } from './half.js'

const graphOf = (write: (b: Builder, x: Value) => Value): Graph => {
  const b = builder()
  b.output(write(b, b.input('x', 'float32', [2, 4])), 'y')
  return b.finish('g')
}

/** `Op: types of inputs → types of outputs` for each node, by inference of the result itself. */
function typed(graph: Graph): string[] {
  const { types, nodes } = inferTypes(graph)
  const type = (name: string) => types.get(name)?.dtype ?? '-'
  return nodes.map(({ op, inputs, outputs }) => `${op}: ${inputs.map(type).join(' ')} → ${outputs.map(type).join(' ')}`)
}

const rounding = ['Cast: float32 → float16', 'Cast: float16 → float32']

describe('emulatedHalf', () => {
  it('computes in float32 and rounds each result by a pair of casts', () => {
    const graph = half(graphOf((b, x) => b.emit('Sigmoid', [b.emit('Exp', [x])])))
    expect(typed(emulatedHalf(graph))).toEqual([
      ...rounding,
      'Exp: float32 → float32',
      ...rounding,
      'Sigmoid: float32 → float32',
      ...rounding,
      'Identity: float32 → float32',
      // The output of the half graph is a float16 value widened.
      ...rounding,
    ])
  })

  it('does not round what only moves or compares numbers', () => {
    const graph = half(graphOf((b, x) => b.emit('Relu', [b.emit('Transpose', [x], { perm: [1, 0] })])))
    expect(typed(emulatedHalf(graph))).toEqual([
      ...rounding,
      'Transpose: float32 → float32',
      'Relu: float32 → float32',
      'Identity: float32 → float32',
      ...rounding,
    ])
  })

  it('keeps inputs, outputs and weights as they are, whatever their types', () => {
    const b = builder()
    const x = b.input('x', 'float16', [4])
    const storage = { file: 'w.safetensors', offset: 0, length: 8 }
    const weight = b.initializer('w', { dtype: 'float16', shape: [4], storage })
    b.output(mul(b, x, weight), 'y')
    b.output(b.emit('Cast', [x], { to: dataTypeCode.int64 }), 'whole')
    b.output(x)
    const graph = b.finish('g')
    const emulated = emulatedHalf(graph)
    expect(emulated.inputs).toEqual(graph.inputs)
    expect(emulated.outputs).toEqual(graph.outputs)
    expect(emulated.initializers).toEqual(graph.initializers)
    expect(typed(emulated).filter((node) => /^Mul/.test(node))).toEqual(['Mul: float32 float32 → float32'])
  })

  it('leaves what half keeps in float32 without roundings', () => {
    const kernel = half(
      graphOf((b, x) => {
        const inside = b.within(singleScope)
        return b.emit('Sigmoid', [inside.emit('Sqrt', [inside.emit('Mul', [x, x])])])
      }),
    )
    expect(typed(emulatedHalf(kernel))).toEqual([
      'Mul: float32 float32 → float32',
      'Sqrt: float32 → float32',
      ...rounding,
      'Sigmoid: float32 → float32',
      ...rounding,
      'Identity: float32 → float32',
      ...rounding,
    ])
  })

  it('states the types that inference finds', () => {
    const emulated = emulatedHalf(half(graphOf((b, x) => mul(b, b.emit('Exp', [x]), x))))
    const plain = (types: Graph['types']) =>
      new Map([...types].map(([name, { dtype, shape }]) => [name, { dtype, shape }]))
    expect(plain(emulated.types)).toEqual(plain(inferTypes(emulated).types))
  })
})
