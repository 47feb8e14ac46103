/** Reads ONNX nodes and their attributes, each by itself: what a node's operator set means by it is upgrade.ts. */
import { getTextEncoding } from '@bufbuild/protobuf/wire'
import { type AttributeProto, AttributeProto_AttributeType as AttributeType, type NodeProto } from 'onnx-buf'
import { expected } from '../../core/errors.js'
import type { Attribute, DataType, Initializer, Node } from '../graph.js'
import { encodeNumbers } from '../numbers.js'
import { shortDomain } from './functions.js'
import { describeNode } from './rewrites.js'
import { damaged, type Resolve, readTensor } from './tensors.js'

function readAttribute(proto: AttributeProto, node: NodeProto, resolve: Resolve | undefined): Attribute {
  const decode = (bytes: Uint8Array): string => {
    try {
      return getTextEncoding().decodeUtf8(bytes, true)
    } catch {
      throw expected('bad-model', `text in attribute \`${proto.name}\``, describe(node), 'other bytes', damaged)
    }
  }
  switch (proto.type) {
    case AttributeType.INT:
      return { type: 'int', value: Number(proto.i) }
    case AttributeType.FLOAT:
      return { type: 'float', value: proto.f }
    case AttributeType.STRING:
      return { type: 'string', value: decode(proto.s) }
    case AttributeType.INTS:
      return { type: 'ints', value: proto.ints.map(Number) }
    case AttributeType.FLOATS:
      return { type: 'floats', value: proto.floats }
    case AttributeType.STRINGS:
      return { type: 'strings', value: proto.strings.map(decode) }
    case AttributeType.TENSOR:
      if (proto.t)
        return {
          type: 'tensor',
          value: readTensor(proto.t, `attribute \`${proto.name}\` of ${describe(node)}`, resolve),
        }
  }
  const kind = AttributeType[proto.type]?.toLowerCase() ?? `type ${proto.type}`
  throw expected(
    proto.type === AttributeType.UNDEFINED || proto.type === AttributeType.TENSOR ? 'bad-model' : 'unsupported',
    `numbers, text or a tensor in attribute \`${proto.name}\``,
    describe(node),
    kind,
    'Control flow and sparse tensors are not supported; export the model without them.',
  )
}

const describe = ({ opType, domain, name, output }: NodeProto): string =>
  describeNode({ op: opType, domain: shortDomain(domain), name, outputs: output })

/** Reads one node; throws `unsupported`, naming it, for attributes that hold graphs. */
export function readNode(proto: NodeProto, resolve: Resolve | undefined): Node {
  return {
    op: proto.opType,
    domain: shortDomain(proto.domain),
    name: proto.name,
    inputs: proto.input,
    outputs: proto.output,
    attributes: Object.fromEntries(
      proto.attribute.map((attribute) => [attribute.name, readAttribute(attribute, proto, resolve)]),
    ),
  }
}

/** The value of a `Constant` node, which becomes a weight. */
export function constantOf(node: Node): Initializer {
  const { value, value_float, value_floats, value_int, value_ints } = node.attributes
  const encode = (dtype: DataType, shape: readonly number[], values: readonly number[]): Initializer => ({
    dtype,
    shape,
    storage: { bytes: encodeNumbers(dtype, values) },
  })
  if (value?.type === 'tensor') return value.value
  if (value_float?.type === 'float') return encode('float32', [], [value_float.value])
  if (value_int?.type === 'int') return encode('int64', [], [value_int.value])
  if (value_floats?.type === 'floats') return encode('float32', [value_floats.value.length], value_floats.value)
  if (value_ints?.type === 'ints') return encode('int64', [value_ints.value.length], value_ints.value)
  throw expected(
    'unsupported',
    'a numeric constant',
    describeNode(node),
    Object.keys(node.attributes).join(', ') || 'none',
    'Export the model without text or sparse constants.',
  )
}
