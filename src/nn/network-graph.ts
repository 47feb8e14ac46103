/** A network alone in a graph, with its parameters where a checkpoint has them. */
import { type Builder, builder } from '../graph/builder.js'
import type { Graph, Value } from '../graph/graph.js'
import type { Shape } from '../math/tensor.js'
import { checkpointParameters, type Parameters, type WeightSource } from './parameters.js'

/** Half of an autoencoder as a graph, for pictures of this size. */
export type HalfGraph<Config> = (
  config: Config,
  weights: WeightSource,
  batch: number,
  height: number,
  width: number,
) => Graph

/** The graph of a network of one input: what `network` makes of it are the outputs, by their names and in their order. */
export function networkGraph(
  name: string,
  weights: WeightSource,
  input: { readonly name: string; readonly shape: Shape },
  network: (b: Builder, parameters: Parameters, x: Value) => Readonly<Record<string, Value>>,
): Graph {
  const b = builder()
  const x = b.input(input.name, 'float32', input.shape)
  const outputs = network(b, checkpointParameters(b, weights), x)
  for (const [output, value] of Object.entries(outputs)) b.output(value, output)
  return b.finish(name)
}
