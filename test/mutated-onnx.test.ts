/** ONNX files that nobody exported: changed bytes and changed messages are read, or refused by name, soon and without a crash. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { type GraphProto, type ModelProto, ModelProtoSchema } from 'onnx-buf'
import { afterAll, describe, expect, it } from 'vitest'
import { isUndiffuseError } from '../src/core/index.js'
import { decodeOnnx, onnxInputs } from '../src/graph/onnx/read.js'
import { vjp } from '../src/graph/passes/vjp.js'
import { chance } from './mutations/chance.js'

/** Of each file and kind; `UNDIFFUSE_MUTATIONS` asks for more. */
const count = Number(process.env.UNDIFFUSE_MUTATIONS ?? 40)
/** A file that says nothing useful is refused sooner than this. */
const mostSeconds = 10

const exportsFolder = join(import.meta.dirname, 'golden', 'onnx-exports')
const largestFile = 300_000
const files = readdirSync(exportsFolder, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.onnx'))
  .map((name) => [name, readFileSync(join(exportsFolder, name))] as const)
  .filter(([, bytes]) => bytes.length < largestFile)

const mostKilobytes = 2 ** 20

/**
 * What a refusal may name: an operator or its attribute, a value, or the file where it is none any more. Quoted texts are
 * names that the file gives.
 */
const named =
  /`[^`]+`|\b[A-Z][A-Za-z]+ (\(node|``)|an ONNX model|a model that is not quantised|operators that this library knows|input or output of the graph/

/** Reads, differentiates, and says why not. */
function refusalOf(bytes: Uint8Array): string | undefined {
  try {
    const shapes = Object.fromEntries(
      onnxInputs(bytes).map(({ name, dimensions }) => [
        name,
        (dimensions ?? []).map((length) => (typeof length === 'number' ? length : 2)),
      ]),
    )
    const graph = decodeOnnx(bytes, { shapes })
    const wrt = graph.inputs.flatMap(({ name, dtype }) => (dtype === 'float32' ? [name] : []))
    if (wrt.length > 0) vjp(graph, { wrt })
    return undefined
  } catch (error) {
    if (isUndiffuseError(error)) return error.message
    throw error
  }
}

function changedBytes(bytes: Uint8Array, below: (limit: number) => number): Uint8Array {
  const changed = Uint8Array.from(bytes)
  for (let k = 0; k < 3; k++) changed[below(changed.length)] = below(256)
  return below(8) === 0 ? changed.subarray(0, below(changed.length)) : changed
}

const numbers = [0n, 1n, -1n, 3n, 1_000_000_000n, -(2n ** 63n), 2n ** 62n]
const operators = ['Range', 'Expand', 'Tile', 'Resize', 'Split', 'Pad', 'Loop', 'Nonsense', 'Conv', 'Gather', 'Reshape']

/** One thing of one node or weight is another. */
function changedMessage(model: ModelProto, below: (limit: number) => number): Uint8Array {
  const graph = model.graph as GraphProto
  const one = graph.node[below(graph.node.length)]!
  const number = numbers[below(numbers.length)]!
  const weight = graph.initializer[below(Math.max(1, graph.initializer.length))]
  const attribute = one.attribute[below(Math.max(1, one.attribute.length))]
  const changes: readonly (() => void)[] = [
    () => {
      one.opType = operators[below(operators.length)]!
    },
    () => one.input.splice(below(one.input.length + 1), 1, graph.node[below(graph.node.length)]!.output[0] ?? ''),
    () => one.output.pop(),
    () => attribute?.ints.splice(0, 1, number),
    () => {
      if (attribute) attribute.i = number
    },
    () => weight?.dims.splice(0, 1, number),
    () => weight?.int64Data.splice(0, 1, number),
    () => {
      if (weight) weight.dataType = below(24)
    },
    () => graph.node.push(one),
  ]
  changes[below(changes.length)]!()
  return toBinary(ModelProtoSchema, model)
}

describe.each(files)('%s', (name, bytes) => {
  it('is read as it is', () => {
    // Two of the exports are there to be refused.
    expect(refusalOf(bytes) ?? 'IntegerOperators').toMatch(/^(IntegerOperators|Expected)/)
  })

  it.each([
    ['bytes', (below: (limit: number) => number) => changedBytes(bytes, below)],
    ['messages', (below: (limit: number) => number) => changedMessage(fromBinary(ModelProtoSchema, bytes), below)],
  ] as const)(`${count} times with other %s`, (kind, change) => {
    const below = chance(name.length + kind.length)
    for (let i = 0; i < count; i++) {
      const changed = change(below)
      const begin = performance.now()
      const refusal = refusalOf(changed)
      expect((performance.now() - begin) / 1000).toBeLessThan(mostSeconds)
      if (refusal !== undefined) expect(refusal).toMatch(named)
    }
  })
})

afterAll(() => {
  expect(process.resourceUsage().maxRSS).toBeLessThan(mostKilobytes)
})
