/** AdamW with global clipping and an exponential average of the weights, on plain arrays, in place. */
import { type Tensor, tensor, zeros } from 'undiffuse'

export interface AdamWOptions {
  readonly betas: readonly [number, number]
  readonly epsilon: number
  /** Decoupled; vectors (biases, scales of normalisations) are not decayed. */
  readonly weightDecay: number
  readonly clip: number
  readonly averageDecay: number
}

export interface Trained {
  readonly weights: ReadonlyMap<string, Tensor>
  readonly first: ReadonlyMap<string, Tensor>
  readonly second: ReadonlyMap<string, Tensor>
  readonly average: ReadonlyMap<string, Tensor>
}

/** The state before the first step: moments are zero, the average is the weights themselves. */
export function freshState(weights: ReadonlyMap<string, Tensor>): Trained {
  const like = (make: (weight: Tensor) => Tensor) => new Map([...weights].map(([name, weight]) => [name, make(weight)]))
  const empty = () => like(({ shape }) => zeros(shape))
  return { weights, first: empty(), second: empty(), average: like(({ shape, data }) => tensor(shape, data.slice())) }
}

const norm = (tensors: Iterable<Tensor>): number => {
  let sum = 0
  for (const { data } of tensors) for (let i = 0; i < data.length; i++) sum += data[i]! ** 2
  return Math.sqrt(sum)
}

/**
 * One update with bias correction: w ← w − lr·(m̂/(√v̂ + ε) + decay·w); returns the norm of the gradient before clipping.
 * A gradient that is not finite is skipped: nothing changes. Source: Loshchilov and Hutter (2019), Algorithm 2.
 */
export function adamW(
  state: Trained,
  gradients: ReadonlyMap<string, Tensor>,
  step: number,
  learningRate: number,
  options: AdamWOptions,
): number {
  const length = norm(gradients.values())
  if (!Number.isFinite(length)) return length
  const [beta1, beta2] = options.betas
  const shrink = Math.min(1, options.clip / length)
  const correct1 = 1 - beta1 ** (step + 1)
  const correct2 = 1 - beta2 ** (step + 1)
  // Early on the average forgets its start faster, so that it is of use from the first steps.
  const averageDecay = Math.min(options.averageDecay, (step + 1) / (step + 10))
  for (const [name, { shape, data: w }] of state.weights) {
    const g = gradients.get(name)!.data
    const m = state.first.get(name)!.data
    const v = state.second.get(name)!.data
    const a = state.average.get(name)!.data
    const decay = shape.length > 1 ? options.weightDecay : 0
    for (let i = 0; i < w.length; i++) {
      const slope = g[i]! * shrink
      m[i] = beta1 * m[i]! + (1 - beta1) * slope
      v[i] = beta2 * v[i]! + (1 - beta2) * slope * slope
      const move = m[i]! / correct1 / (Math.sqrt(v[i]! / correct2) + options.epsilon) + decay * w[i]!
      w[i]! -= learningRate * move
      a[i] = averageDecay * a[i]! + (1 - averageDecay) * w[i]!
    }
  }
  return length
}
