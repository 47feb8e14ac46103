/** Starting weights by the shape and the name of a parameter. */
import { type Shape, type Tensor, tensor, torchGenerator, zeros } from 'undiffuse'

/** How much smaller than usual a weight starts. */
export type Gain = (name: string) => number

/** The second convolution of a residual block starts small, so that the block starts near the identity. */
export const residualGain: Gain = (name) => (/\.conv2\.weight$/.test(name) ? 0.2 : 1)

/** Normal weights of variance gain²/fan-in, zero biases, unit scales of normalisations. */
export function initialWeights(
  parameters: readonly { readonly name: string; readonly shape: Shape }[],
  seed: number,
  gain: Gain = residualGain,
): Map<string, Tensor> {
  const generator = torchGenerator(seed)
  return new Map(
    parameters.map(({ name, shape }) => {
      if (shape.length === 1) {
        const isScale = /norm.*\.weight$/.test(name)
        return [name, isScale ? tensor(shape, new Float64Array(shape[0]!).fill(1)) : zeros(shape)]
      }
      const fanIn = shape.slice(1).reduce((product, size) => product * size, 1)
      const size = gain(name) / Math.sqrt(fanIn)
      const noise = generator.noise(shape)
      return [
        name,
        tensor(
          shape,
          noise.data.map((value) => size * value),
        ),
      ]
    }),
  )
}
