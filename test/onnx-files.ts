/** ONNX files as other exporters write them, for tests: built from the format's own messages, not by our writer. */
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import {
  type AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  type FunctionProtoSchema,
  type GraphProtoSchema,
  ModelProtoSchema,
  type NodeProtoSchema,
  TensorProto_DataType as OnnxType,
  type TensorProtoSchema,
  ValueInfoProtoSchema,
} from 'onnx-buf'

export { AttributeType, OnnxType }

export type AttributeInit = MessageInitShape<typeof AttributeProtoSchema>
export type NodeInit = MessageInitShape<typeof NodeProtoSchema>
export type TensorInit = MessageInitShape<typeof TensorProtoSchema>
export type FunctionInit = MessageInitShape<typeof FunctionProtoSchema>

const utf8 = (text: string) => new TextEncoder().encode(text)

/** Whole numbers become integers; write `float(1)` for a float. */
export const attribute = (name: string, value: number | string | readonly number[] | AttributeInit): AttributeInit => {
  if (typeof value === 'number') return { name, type: AttributeType.INT, i: BigInt(value) }
  if (typeof value === 'string') return { name, type: AttributeType.STRING, s: utf8(value) }
  if (Array.isArray(value)) return { name, type: AttributeType.INTS, ints: value.map(BigInt) }
  return { ...(value as AttributeInit), name } as AttributeInit
}
export const float = (f: number): AttributeInit => ({ type: AttributeType.FLOAT, f })

export const node = (
  opType: string,
  input: string[],
  output: string[],
  attributes: Record<string, Parameters<typeof attribute>[1]> = {},
  domain = '',
): NodeInit => ({
  opType,
  domain,
  name: `node_${output[0]}`,
  input,
  output,
  attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
})

export const floats = (name: string, dims: number[], values: number[]): TensorInit => ({
  name,
  dataType: OnnxType.FLOAT,
  dims: dims.map(BigInt),
  floatData: values,
})
export const int64s = (name: string, dims: number[], values: number[]): TensorInit => ({
  name,
  dataType: OnnxType.INT64,
  dims: dims.map(BigInt),
  int64Data: values.map(BigInt),
})

/** A size, a symbolic dimension's name, or null for one without a name. */
export type Dimension = number | string | null

export const value = (name: string, dims: readonly Dimension[] | undefined, elemType: OnnxType = OnnxType.FLOAT) =>
  create(ValueInfoProtoSchema, {
    name,
    type: {
      value: {
        case: 'tensorType',
        value: {
          elemType,
          ...(dims && {
            shape: {
              dim: dims.map((d) =>
                typeof d === 'number'
                  ? { value: { case: 'dimValue' as const, value: BigInt(d) } }
                  : d === null
                    ? {}
                    : { value: { case: 'dimParam' as const, value: d } },
              ),
            },
          }),
        },
      },
    },
  })

export interface ModelInit {
  readonly opset: number
  readonly inputs: readonly ReturnType<typeof value>[]
  readonly outputs: readonly ReturnType<typeof value>[]
  readonly nodes: readonly NodeInit[]
  readonly initializers?: readonly TensorInit[]
  readonly functions?: readonly FunctionInit[]
  readonly imports?: Readonly<Record<string, number>>
  readonly irVersion?: number
  readonly more?: MessageInitShape<typeof GraphProtoSchema>
}

/** The bytes of a model. */
export const modelFile = (init: ModelInit): Uint8Array =>
  toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: BigInt(init.irVersion ?? 8),
      opsetImport: [
        { domain: '', version: BigInt(init.opset) },
        ...Object.entries(init.imports ?? {}).map(([domain, version]) => ({ domain, version: BigInt(version) })),
      ],
      functions: [...(init.functions ?? [])],
      graph: {
        name: 'main',
        input: [...init.inputs],
        output: [...init.outputs],
        node: [...init.nodes],
        initializer: [...(init.initializers ?? [])],
        ...init.more,
      },
    }),
  )
