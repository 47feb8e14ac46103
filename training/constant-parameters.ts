/** Weights in memory as constants of a graph: for networks that are small or change while they train. */
import { type Builder, expected, formatShape, type Parameters, sameShape, type Tensor } from 'undiffuse'

/** Every weight lies in the graph as float32; `value` throws `bad-model` for one that is missing or of another shape. */
export function constantParameters(b: Builder, weights: ReadonlyMap<string, Tensor>): Parameters {
  const values = new Map([...weights].map(([name, { shape, data }]) => [name, b.constant('float32', shape, [...data])]))
  return {
    has: (name) => values.has(name),
    value(name, shape) {
      const value = values.get(name)
      if (value && sameShape(value.shape, shape)) return value
      const got = value ? formatShape(value.shape) : 'none'
      throw expected(
        'bad-model',
        `a tensor of shape ${formatShape(shape)}`,
        `\`${name}\``,
        got,
        'Fetch the model again.',
      )
    },
  }
}
