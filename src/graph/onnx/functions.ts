/**
 * Replaces calls of a model's own functions by their bodies, as exporters that build on onnxscript write them.
 * Works on the file's messages, before anything else looks at the nodes.
 */
import { clone, create } from '@bufbuild/protobuf'
import {
  type AttributeProto,
  AttributeProtoSchema,
  type FunctionProto,
  type ModelProto,
  type NodeProto,
  NodeProtoSchema,
  type OperatorSetIdProto,
} from 'onnx-buf'
import { expected } from '../../core/errors.js'
import { OPSET } from '../graph.js'
import type { FreshName } from '../names.js'
import { damaged } from './tensors.js'

/** A node and the operator set it is written in. */
export interface VersionedNode {
  readonly node: NodeProto
  readonly version: number
}

/** The oldest and newest operator sets that are read. */
const OLDEST = 9
const NEWEST = 26

/** Bodies that call bodies grow fast: no honest model comes near these. */
const NODE_LIMIT = 100_000
const DEPTH_LIMIT = 100

/** 'ai.onnx' is the long form of ''. */
export const shortDomain = (domain: string): string => (domain === 'ai.onnx' ? '' : domain)

/** The version of ai.onnx among imports; throws `unsupported` outside 9 to 26. */
export function operatorSet(imports: readonly OperatorSetIdProto[], name: string): number | undefined {
  const found = imports.find(({ domain }) => shortDomain(domain) === '')
  if (!found) return undefined
  const version = Number(found.version)
  if (version < OLDEST || version > NEWEST) {
    throw expected(
      'unsupported',
      `an operator set from ${OLDEST} to ${NEWEST}`,
      name,
      `${found.version}`,
      `Export the model again, with opset_version=${OPSET} for instance.`,
    )
  }
  return version
}

const keyOf = (domain: string, name: string, overload: string): string => `${shortDomain(domain)}\n${name}\n${overload}`

/** The attribute a body refers to: the call's, otherwise the function's default, otherwise none. */
function resolveAttribute(attribute: AttributeProto, call: NodeProto, body: FunctionProto): AttributeProto[] {
  if (!attribute.refAttrName) return [attribute]
  const named = ({ name }: AttributeProto) => name === attribute.refAttrName
  const found = call.attribute.find(named) ?? body.attributeProto.find(named)
  if (!found) return []
  const renamed = clone(AttributeProtoSchema, found)
  renamed.name = attribute.name
  return [renamed]
}

/**
 * All nodes of the model's graph with calls replaced by bodies, to any depth.
 *
 * Errors: `bad-model` when a function calls itself, or bodies explode.
 */
export function inlineFunctions(model: ModelProto, version: number, fresh: FreshName): VersionedNode[] {
  const functions = new Map(model.functions.map((body) => [keyOf(body.domain, body.name, body.overload), body]))
  const nodes: VersionedNode[] = []
  let visited = 0

  function inline(call: NodeProto, callVersion: number, callers: readonly FunctionProto[]): void {
    const body = functions.get(keyOf(call.domain, call.opType, call.overload))
    if (++visited > NODE_LIMIT) {
      throw expected('bad-model', `at most ${NODE_LIMIT} nodes`, 'a model', 'more', 'The file is not an honest model.')
    }
    if (!body) {
      nodes.push({ node: call, version: callVersion })
      return
    }
    if (callers.includes(body) || callers.length > DEPTH_LIMIT) {
      throw expected('bad-model', 'functions that do not call themselves', `\`${body.name}\``, 'a cycle', damaged)
    }
    const bodyVersion = operatorSet(body.opsetImport, `function \`${body.name}\``) ?? version
    const prefix = fresh(call.name || body.name)
    const names = new Map(body.input.map((name, i) => [name, call.input[i] ?? '']))
    const produced = new Set(body.node.flatMap(({ output }) => output))
    const copies: NodeProto[] = []
    body.output.forEach((name, i) => {
      const outside = call.output[i] ?? ''
      if (outside === '') return
      // An output that is an input of the function, or listed twice, has no node of its own to be renamed.
      if (produced.has(name) && !names.has(name)) names.set(name, outside)
      else
        copies.push(
          create(NodeProtoSchema, { opType: 'Identity', name: `${prefix}/${name}`, input: [name], output: [outside] }),
        )
    })
    const outsideOf = (name: string): string => {
      if (name === '') return ''
      const outside = names.get(name) ?? fresh(`${prefix}/${name}`)
      names.set(name, outside)
      return outside
    }
    for (const inner of [...body.node, ...copies]) {
      const node = create(NodeProtoSchema, {
        opType: inner.opType,
        domain: inner.domain,
        overload: inner.overload,
        name: fresh(`${prefix}/${inner.name || inner.opType}`),
        input: inner.input.map(outsideOf),
        output: copies.includes(inner) ? inner.output : inner.output.map(outsideOf),
        attribute: inner.attribute.flatMap((attribute) => resolveAttribute(attribute, call, body)),
      })
      inline(node, bodyVersion, [...callers, body])
    }
  }

  for (const node of model.graph?.node ?? []) inline(node, version, [])
  return nodes
}
