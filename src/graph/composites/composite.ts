/** What a composite is: an operator that is written as others when a file is read. */
import { expected, type UndiffuseError } from '../../core/errors.js'
import type { Builder } from '../emit.js'
import type { Value } from '../graph.js'
import type { NodeView } from '../operator.js'

/**
 * Writes the node's results in terms of other operators, so that their rules differentiate it. Results that it does not
 * have are undefined.
 */
export type Composite = (b: Builder, node: NodeView) => readonly (Value | undefined)[]

/** A composite of one result. */
export const ofOneResult =
  (write: (b: Builder, node: NodeView) => Value): Composite =>
  (b, node) => [write(b, node)]

/** The error for a form of a known operator that is not written here. */
export const unsupportedForm = (node: NodeView, what: string, got: string): UndiffuseError =>
  expected('unsupported', what, `${node.op} (node \`${node.name}\`)`, got, 'Export the model with standard operators.')

/** Throws `unsupported` where the node uses one of these inputs. */
export function withoutInputs(node: NodeView, names: Readonly<Record<number, string>>): void {
  for (const [index, name] of Object.entries(names)) {
    if (node.inputs[Number(index)]) throw unsupportedForm(node, `no input \`${name}\``, 'one')
  }
}
