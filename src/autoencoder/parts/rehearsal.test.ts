import { describe, expect, it } from 'vitest'
import { dot, map, norm, subtract, torchGenerator } from '../../math/index.js'
import { isLikeness, rehearsalLatent } from './rehearsal.js'

const shape = [4, 32, 32]
const random = torchGenerator(1)
const encoded = random.noise(shape)
const residual = map(random.noise(shape), (value) => 0.3 * value)

describe('rehearsalLatent', () => {
  const noise = subtract(rehearsalLatent(encoded, residual, torchGenerator(2)), encoded)

  it('adds noise as large as the residual', () => {
    // 4,096 numbers: their norm varies by 1/√(2·4096) = 1.1 %, and so four times that is never seen.
    expect(Math.abs(norm(noise) / norm(residual) - 1)).toBeLessThan(0.045)
  })

  it('adds noise that has nothing to do with either', () => {
    // Cosines of independent noise vary by 1/√4096.
    const cosine = (a: typeof noise, b: typeof noise) => Math.abs(dot(a, b) / norm(a) / norm(b))
    expect(cosine(noise, encoded)).toBeLessThan(4 / 64)
    expect(cosine(noise, residual)).toBeLessThan(4 / 64)
  })

  it('is the same for a seed, and the encoder where it is right', () => {
    expect(rehearsalLatent(encoded, residual, torchGenerator(2))).toEqual(
      rehearsalLatent(encoded, residual, torchGenerator(2)),
    )
    const nothing = map(residual, () => 0)
    expect(rehearsalLatent(encoded, nothing, torchGenerator(2))).toEqual(encoded)
  })
})

describe('isLikeness', () => {
  const times = (factor: number) => map(residual, (value) => factor * value)

  it('wants a first step that leaves three quarters, and later ones that make nothing larger', () => {
    expect(isLikeness(times(0.7), residual, 1)).toBe(true)
    expect(isLikeness(times(0.8), residual, 1)).toBe(false)
    expect(isLikeness(times(1.05), residual, 2)).toBe(true)
    expect(isLikeness(times(1.2), residual, 2)).toBe(false)
    expect(isLikeness(times(Number.NaN), residual, 2)).toBe(false)
  })
})
