/** One training step of the scene reader as one graph: forward, cross-entropy, and the gradient of every weight. */
import { builder, type Graph, inputParameters, operations, type Value, vjp } from 'undiffuse'
import { attributes, readerConfig, readerNetwork, vocabulary } from './network.js'

export interface ReaderTrainingGraph {
  readonly graph: Graph
  /** Names and shapes of the weights, which are inputs `name` and gradients `gradient.name`. */
  readonly parameters: readonly Value[]
}

/**
 * loss = −Σ over attributes of meanₙ ln p(right wordₙ): the cross-entropy, 0 for certainty, Σ ln(words) = 12.7 at first.
 *
 * Inputs: `image` N × 3 × 128 × 128, for each attribute `right.<attribute>` N × words (1 for the right one, 0
 * elsewhere), every weight, `cotangent.loss` (1). Outputs: `loss` and the gradients.
 */
export function readerTrainingGraph(batch: number): ReaderTrainingGraph {
  const b = builder()
  const side = readerConfig.sample_size
  const image = b.input('image', 'float32', [batch, 3, side, side])
  const parameters = inputParameters(b)
  const { logits } = readerNetwork(b, parameters, image)
  const losses = attributes.map((attribute) => {
    const words = vocabulary[attribute].length
    const right = b.input(`right.${attribute}`, 'float32', [batch, words])
    const logarithms = b.emit('LogSoftmax', [logits[attribute]], { axis: -1 })
    return operations.scale(b, operations.mean(b, operations.mul(b, right, logarithms), [0, 1], false), -words)
  })
  b.output(
    losses.reduce((total, loss) => operations.add(b, total, loss)),
    'loss',
  )
  const names = parameters.declared.map(({ name }) => name)
  const graph = vjp(b.finish('scene reader training'), { outputs: ['loss'], wrt: names, keep: ['loss'] })
  return { graph, parameters: parameters.declared }
}
