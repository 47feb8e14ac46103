/**
 * Writes a graph as the bytes of an ONNX model. Reading is onnx-read.ts; nothing here touches a file: weights that lie
 * in one are written as references to it (ONNX external data).
 */
import { create, toBinary } from '@bufbuild/protobuf'
import { getTextEncoding } from '@bufbuild/protobuf/wire'
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataLocation as DataLocation,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf'
import { type Attribute, type Graph, type Initializer, type Node, OPSET, type Value } from '../graph.js'
import { dataTypeCode } from '../ops/common.js'

/** The file format's version that came with operator set 21. */
const IR_VERSION = 10n

const baseName = (file: string): string => file.slice(Math.max(file.lastIndexOf('/'), file.lastIndexOf('\\')) + 1)

/** Numbers at the ends of the 64-bit range stand for its ends: `Slice` says "to the end" so. */
export const toInt64 = (value: number): bigint =>
  value >= 2 ** 63 ? 2n ** 63n - 1n : value <= -(2 ** 63) ? -(2n ** 63n) : BigInt(value)

const utf8 = (text: string): Uint8Array<ArrayBuffer> => getTextEncoding().encodeUtf8(text)

type Locate = (file: string) => string

function tensorProto(name: string, { dtype, shape, storage }: Initializer, locate: Locate): TensorProto {
  const head = { name, dataType: dataTypeCode[dtype], dims: shape.map(BigInt) }
  if ('bytes' in storage) {
    return create(TensorProtoSchema, { ...head, rawData: storage.bytes as Uint8Array<ArrayBuffer> })
  }
  return create(TensorProtoSchema, {
    ...head,
    dataLocation: DataLocation.EXTERNAL,
    externalData: [
      { key: 'location', value: locate(storage.file) },
      { key: 'offset', value: String(storage.offset) },
      { key: 'length', value: String(storage.length) },
    ],
  })
}

function attributeProto(name: string, attribute: Attribute, locate: Locate): AttributeProto {
  switch (attribute.type) {
    case 'int':
      return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: toInt64(attribute.value) })
    case 'float':
      return create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: attribute.value })
    case 'string':
      return create(AttributeProtoSchema, { name, type: AttributeType.STRING, s: utf8(attribute.value) })
    case 'ints':
      return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: attribute.value.map(toInt64) })
    case 'floats':
      return create(AttributeProtoSchema, { name, type: AttributeType.FLOATS, floats: [...attribute.value] })
    case 'strings':
      return create(AttributeProtoSchema, { name, type: AttributeType.STRINGS, strings: attribute.value.map(utf8) })
    case 'tensor':
      return create(AttributeProtoSchema, {
        name,
        type: AttributeType.TENSOR,
        t: tensorProto('', attribute.value, locate),
      })
  }
}

const nodeProto = ({ op, domain, name, inputs, outputs, attributes }: Node, locate: Locate): NodeProto =>
  create(NodeProtoSchema, {
    opType: op,
    domain,
    name,
    input: [...inputs],
    output: [...outputs],
    attribute: Object.entries(attributes).map(([key, attribute]) => attributeProto(key, attribute, locate)),
  })

const valueProto = ({ name, dtype, shape }: Value): ValueInfoProto =>
  create(ValueInfoProtoSchema, {
    name,
    type: {
      value: {
        case: 'tensorType',
        value: {
          elemType: dataTypeCode[dtype],
          shape: { dim: shape.map((size) => ({ value: { case: 'dimValue' as const, value: BigInt(size) } })) },
        },
      },
    },
  })

/**
 * Writes a graph as an ONNX model of operator set 21.
 *
 * Weights held as bytes go into the model; weights that lie in a file become external data at `locate(file)`, which
 * ONNX Runtime resolves beside the model file. Default: the file's base name.
 *
 * @example
 * const bytes = encodeOnnx(graph, (file) => file.split('/').at(-1)!)
 */
export function encodeOnnx(graph: Graph, locate: Locate = baseName): Uint8Array {
  const domains = new Set(graph.nodes.map(({ domain }) => domain).filter((domain) => domain !== ''))
  const model = create(ModelProtoSchema, {
    irVersion: IR_VERSION,
    producerName: 'undiffuse',
    opsetImport: [{ domain: '', version: BigInt(OPSET) }, ...[...domains].map((domain) => ({ domain, version: 1n }))],
    graph: {
      name: graph.name,
      input: graph.inputs.map(valueProto),
      output: graph.outputs.map(valueProto),
      node: graph.nodes.map((node) => nodeProto(node, locate)),
      initializer: [...graph.initializers].map(([name, initializer]) => tensorProto(name, initializer, locate)),
    },
  })
  return toBinary(ModelProtoSchema, model)
}
