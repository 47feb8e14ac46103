/** How networks are told a time: its sines and cosines, through two linear layers. */
import type { Builder } from '../graph/emit.js'
import type { Value } from '../graph/graph.js'
import { cast, concat, mul, reshape, scale } from '../graph/ops/common.js'
import { linear } from './attention.js'
import { type Layers, silu } from './layers.js'

export interface Sinusoids {
  readonly flipSinToCos: boolean
  readonly frequencyShift: number
}

/**
 * [cos(t·f), sin(t·f)] with f = exp(−ln(10000)·k/(width/2 − shift)). t: N → N × width.
 *
 * f is rounded as the reference's float32 arithmetic rounds it: at t = 1000 its last bit moves the angle by 6e-5, and networks
 * were trained on that.
 */
export function sinusoidal(b: Builder, t: Value, width: number, { flipSinToCos, frequencyShift }: Sinusoids): Value {
  const half = width / 2
  const { fround } = Math
  const exponent = (k: number) => fround(fround(fround(-Math.log(10000)) * k) / (half - frequencyShift))
  const frequencies = Array.from({ length: half }, (_, k) => fround(Math.exp(exponent(k))))
  const angles = mul(b, reshape(b, t, [t.shape[0]!, 1]), b.constant(t.dtype, [1, half], frequencies))
  const wide = cast(b, angles, 'float64')
  const [sine, cosine] = [cast(b, b.emit('Sin', [wide]), t.dtype), cast(b, b.emit('Cos', [wide]), t.dtype)]
  return concat(b, flipSinToCos ? [cosine, sine] : [sine, cosine], 1)
}

/**
 * t/1000·1000, rounded after each: networks that are told the share of noise and multiply it themselves see a time that went this
 * way, up to 3e-5 beside it.
 */
export const throughThousandths = (b: Builder, t: Value): Value =>
  scale(b, b.emit('Div', [t, b.scalar(t.dtype, 1000)]), 1000)

/** linear_2(silu(linear_1(x))): of times, and of pooled prompts. */
export function embedding(layers: Layers, name: string, x: Value, width: number, bias = true): Value {
  const hidden = silu(layers.b, linear(layers, `${name}.linear_1`, x, width, bias))
  return linear(layers, `${name}.linear_2`, hidden, width, bias)
}
