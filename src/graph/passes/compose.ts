/** Puts one graph after another, as one graph: an iteration that needs both is then one run. */
import { expected } from '../../core/errors.js'
import { formatShape, sameShape } from '../../math/tensor.js'
import type { Graph, Initializer, Node, Value, ValueType } from '../graph.js'
import { freshNames, valueNames } from '../names.js'

export interface ComposeOptions {
  /** Outputs of the first graph to yield as well, before those of the second. Default none. */
  readonly keep?: readonly string[]
}

function lookUp(values: readonly Value[], name: string, what: string): Value {
  const found = values.find((value) => value.name === name)
  if (found) return found
  throw expected(
    'bad-option',
    `one of ${values.map((value) => value.name).join(', ') || 'none'}`,
    what,
    `\`${name}\``,
    'Name an input or output of the graphs.',
  )
}

const show = ({ dtype, shape }: ValueType): string => `${dtype} ${formatShape(shape)}`

/** What says that two weights are the same numbers at the same place; undefined for weights held as bytes. */
function place({ dtype, shape, storage }: Initializer): string | undefined {
  return 'file' in storage ? JSON.stringify([storage.file, storage.offset, storage.length, dtype, shape]) : undefined
}

/**
 * `second` after `first`: the inputs of `second` that `wiring` names are fed from outputs of `first`.
 *
 * For E∘D, `compose(decoder, encoder, { image: 'image' }, { keep: ['image'] })` yields D(z) and E(D(z)) of z. Inputs
 * are those of `first`, then those of `second` that are not wired; outputs are `keep`, then those of `second`. Names of
 * `second` that `first` has too are put behind its graph's name (`encoder/latent`); read them off the result. Weights
 * that lie at one place in one file are shared. Errors: `bad-option` for names that the graphs do not have,
 * `bad-shape` where wired types differ.
 *
 * @example
 * const roundTrip = compose(decoder, encoder, { image: 'image' }, { keep: ['image'] })
 */
export function compose(
  first: Graph,
  second: Graph,
  wiring: Readonly<Record<string, string>>,
  options: ComposeOptions = {},
): Graph {
  const renamed = new Map<string, string>()
  for (const [to, from] of Object.entries(wiring)) {
    const source = lookUp(first.outputs, from, `an output of \`${first.name}\``)
    const target = lookUp(second.inputs, to, `an input of \`${second.name}\``)
    if (source.dtype !== target.dtype || !sameShape(source.shape, target.shape)) {
      throw expected(
        'bad-shape',
        show(target),
        `\`${to}\` of \`${second.name}\``,
        show(source),
        'Open both graphs for pictures of one size.',
      )
    }
    renamed.set(to, from)
  }

  const initializers = new Map(first.initializers)
  const places = new Map([...first.initializers].map(([name, initializer]) => [place(initializer), name]))
  for (const [name, initializer] of second.initializers) {
    const key = place(initializer)
    const same = key === undefined ? undefined : places.get(key)
    if (same !== undefined) renamed.set(name, same)
  }

  const freshValue = freshNames(valueNames(first))
  const freshNode = freshNames(first.nodes.map(({ name }) => name))
  const isTaken = new Set(valueNames(first))
  for (const name of valueNames(second)) {
    if (renamed.has(name)) continue
    renamed.set(name, freshValue(isTaken.has(name) ? `${second.name}/${name}` : name))
  }
  const nameOf = (name: string): string => (name === '' ? '' : renamed.get(name)!)
  const asNamed = (value: Value): Value => ({ ...value, name: nameOf(value.name) })

  for (const [name, initializer] of second.initializers) {
    if (!initializers.has(nameOf(name))) initializers.set(nameOf(name), initializer)
  }
  const nodes = second.nodes.map(
    (node): Node => ({
      ...node,
      name: freshNode(node.name),
      inputs: node.inputs.map(nameOf),
      outputs: node.outputs.map(nameOf),
    }),
  )
  const renamedTypes = [...second.types].map(([name, { dtype, shape }]) => [nameOf(name), { dtype, shape }] as const)
  return {
    name: `${first.name}, ${second.name}`,
    inputs: [...first.inputs, ...second.inputs.filter(({ name }) => !Object.hasOwn(wiring, name)).map(asNamed)],
    outputs: [
      ...(options.keep ?? []).map((name) => lookUp(first.outputs, name, `an output of \`${first.name}\``)),
      ...second.outputs.map(asNamed),
    ],
    nodes: [...first.nodes, ...nodes],
    initializers,
    types: new Map([...renamedTypes, ...first.types]),
  }
}
