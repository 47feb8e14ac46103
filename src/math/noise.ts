/**
 * Seeded random numbers in the order in which PyTorch's CPU generator draws them, so that a seed means the same noise
 * here and there. Not a choice of distributions, and not for secrets.
 */
import { expected, gotText } from '../core/errors.js'
import { mersenneTwister } from './mersenne-twister.js'
import { type Shape, type Tensor, zeros } from './tensor.js'

/** One stream of random numbers; every draw moves it on. */
export interface TorchGenerator {
  /** Standard normal float32 numbers, as `torch.randn(shape, generator=g)` draws them. */
  noise(shape: Shape): Tensor
  /** A number in [low, high), by default [0, 1), of 53 bits: `torch.rand(1, dtype=torch.float64)`. */
  uniform(low?: number, high?: number): number
  /** An integer in [0, bound), bound up to 2³²: `torch.randint(bound, (1,))`. */
  integer(bound: number): number
}

/** Values that one block of the Box–Muller transform makes: 8 radii with 8 angles. */
const block = 16

/**
 * Standard normal noise of a seed, equal to PyTorch's within rounding.
 *
 * √(−2 ln(1 − u₁))·cos 2πu₂ and ·sin 2πu₂ (Box–Muller). Any shape, a batch axis included; one draw. The values are
 * float32 numbers; they differ from PyTorch's by less than 1e-6, since its vectorised logarithm rounds otherwise.
 * Throws `bad-option` when the seed is not an integer in 0 … 2⁵³−1 (only its lower 32 bits count), `bad-shape` for an invalid shape.
 * Source: PyTorch, aten/src/ATen/native/cpu/DistributionTemplates.h.
 *
 * @example torchNoise(0, [1, 4, 64, 64]) // torch.randn(1, 4, 64, 64, generator=torch.Generator().manual_seed(0))
 */
export const torchNoise = (seed: number, shape: Shape): Tensor => torchGenerator(seed).noise(shape)

/**
 * A generator that draws several times from the stream of one seed, as `torch.Generator().manual_seed(seed)` does.
 *
 * Throws as `torchNoise` does.
 *
 * @example
 * const random = torchGenerator(7)
 * const latent = random.noise([4, 64, 64])
 * const eta = random.noise([4, 64, 64])
 */
export function torchGenerator(seed: number): TorchGenerator {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw expected('bad-option', 'an integer from 0 to 2^53 - 1', 'the seed', gotText(seed), 'Pass a whole number.')
  }
  const next = mersenneTwister(seed % 2 ** 32)
  const uniform24 = () => (next() & 0xffffff) / 2 ** 24
  const uniform53 = () => {
    const high = next()
    return ((high & 0x1fffff) * 2 ** 32 + next()) / 2 ** 53
  }

  /** Lanes 0–7 hold u₁ and lanes 8–15 u₂; the normal numbers take their places. */
  function transformBlock(data: Float64Array, start: number) {
    for (let lane = start; lane < start + block / 2; lane++) {
      const radius = Math.sqrt(-2 * Math.log(1 - data[lane]!))
      const angle = 2 * Math.PI * data[lane + block / 2]!
      data[lane] = Math.fround(radius * Math.cos(angle))
      data[lane + block / 2] = Math.fround(radius * Math.sin(angle))
    }
  }

  function fillBlocks(data: Float64Array) {
    for (let i = 0; i < data.length; i++) data[i] = uniform24()
    for (let start = 0; start + block <= data.length; start += block) transformBlock(data, start)
    if (data.length % block === 0) return
    // The last 16 values are drawn again, overlapping the block before.
    const start = data.length - block
    for (let i = start; i < data.length; i++) data[i] = uniform24()
    transformBlock(data, start)
  }

  let second: number | undefined

  /** Below 16 values PyTorch draws pairs in double precision and keeps the second for the next such draw. */
  function scalarNormal(): number {
    if (second !== undefined) {
      const value = second
      second = undefined
      return value
    }
    const angle = 2 * Math.PI * uniform53()
    const radius = Math.sqrt(-2 * Math.log1p(-uniform53()))
    second = radius * Math.sin(angle)
    return radius * Math.cos(angle)
  }

  return {
    noise(shape) {
      const { data } = zeros(shape)
      if (data.length >= block) fillBlocks(data)
      else for (let i = 0; i < data.length; i++) data[i] = Math.fround(scalarNormal())
      return { shape: [...shape], data }
    },
    uniform: (low = 0, high = 1) => low + (high - low) * uniform53(),
    integer(bound) {
      if (!Number.isInteger(bound) || bound < 1 || bound > 2 ** 32) {
        throw expected('bad-option', 'an integer from 1 to 2^32', 'the bound', gotText(bound), 'Pass a whole number.')
      }
      return next() % bound
    },
  }
}
