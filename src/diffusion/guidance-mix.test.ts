import { expect, it } from 'vitest'
import { torchNoise } from '../math/noise.js'
import { combine, dot, norm, type Tensor } from '../math/tensor.js'
import { guidedMix } from './denoiser.js'
import { cappedLength, type GuidanceMix, lengthOfPrompt } from './guidance-mix.js'

const shape = [3, 4, 6]
const noise = (seed: number) => torchNoise(seed, shape)
const { estimate } = lengthOfPrompt(2)
const at = { weight: 4, x: noise(1), prompt: noise(2), none: noise(3) }

/** All channels of a token of 2 × 2 places. */
const token = ({ data }: Tensor, row: number, column: number) =>
  [0, 1, 2].flatMap((channel) =>
    [0, 1].flatMap((y) => [0, 1].map((x) => data[(channel * 4 + 2 * row + y) * 6 + 2 * column + x]!)),
  )
const length = (values: readonly number[]) => Math.hypot(...values)

it("turns each token's velocity as guidance does, and keeps the length of the prompt's", () => {
  const velocityOf = (estimated: Tensor) => combine([1, at.x], [-1, estimated])
  const [found, prompt, mixed] = [estimate(at), at.prompt, guidedMix(4, at.prompt, at.none)].map(velocityOf)
  for (const row of [0, 1]) {
    for (const column of [0, 1, 2]) {
      const [ours, own, led] = [found!, prompt!, mixed!].map((each) => token(each, row, column))
      expect(length(ours!)).toBeCloseTo(length(own!), 12)
      ours!.forEach((value, i) => {
        expect(value / length(ours!)).toBeCloseTo(led![i]! / length(led!), 12)
      })
    }
  }
})

it.each<readonly [string, GuidanceMix]>([
  ['lengths that are kept', lengthOfPrompt(2)],
  ['a length that is capped', cappedLength(0.8)],
  ['a length below its cap', cappedLength(100)],
])('has derivatives that agree with differences and with each other: %s', (_, { estimate, pushforward, pullback }) => {
  const by = { x: noise(4), prompt: noise(5), none: noise(6) }
  const step = 1e-6
  const moved = (along: number) =>
    estimate({
      weight: at.weight,
      x: combine([1, at.x], [along, by.x]),
      prompt: combine([1, at.prompt], [along, by.prompt]),
      none: combine([1, at.none], [along, by.none]),
    })
  const slope = combine([1 / (2 * step), moved(step)], [-1 / (2 * step), moved(-step)])
  const tangent = pushforward(at, by)
  expect(norm(combine([1, tangent], [-1, slope])) / norm(slope)).toBeLessThan(1e-8)
  const cotangent = noise(7)
  const of = pullback(at, cotangent)
  const transposed = dot(of.x, by.x) + dot(of.prompt, by.prompt) + dot(of.none, by.none)
  expect(transposed).toBeCloseTo(dot(cotangent, tangent), 10)
})

it('caps the length of the whole velocity, and leaves a shorter one as guidance makes it', () => {
  const [prompt, mixed] = [at.prompt, guidedMix(4, at.prompt, at.none)]
  const velocityOf = (estimated: Tensor) => combine([1, at.x], [-1, estimated])
  const capped = velocityOf(cappedLength(0.8).estimate(at))
  expect(norm(capped) / norm(velocityOf(prompt))).toBeCloseTo(0.8, 12)
  const along = dot(capped, velocityOf(mixed)) / norm(capped) / norm(velocityOf(mixed))
  expect(along).toBeCloseTo(1, 12)
  expect(cappedLength(100).estimate(at)).toEqual(mixed)
})

it('leaves nothing where the mix is nothing', () => {
  const still = estimate({ weight: 2, x: at.x, prompt: noise(2), none: combine([2, noise(2)], [-1, at.x]) })
  expect(still.data.every(Number.isFinite)).toBe(true)
})
