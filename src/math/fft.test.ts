import { describe, expect, it } from 'vitest'
import { fft2, fftshift, inverseFft2, inverseFftshift } from './fft.js'
import { torchNoise } from './noise.js'
import { dot, norm, subtract, type Tensor, tensor, zeros } from './tensor.js'

/** Rounding of float64 sums of a few thousand terms of size 1. */
const rounding = 1e-11

const sizes: [number, number][] = [
  [1, 1],
  [2, 4],
  [8, 8],
  [5, 3],
  [1, 7],
  [12, 10],
  [16, 9],
  [31, 17],
]

/** The definition, term by term. */
function slow(real: Tensor, imaginary: Tensor) {
  const [height, width] = real.shape as [number, number]
  const out = { real: zeros(real.shape), imaginary: zeros(real.shape) }
  for (let u = 0; u < height; u++) {
    for (let v = 0; v < width; v++) {
      for (let i = 0; i < real.data.length; i++) {
        const angle = -2 * Math.PI * ((u * Math.floor(i / width)) / height + (v * (i % width)) / width)
        const [re, im] = [real.data[i]!, imaginary.data[i]!]
        out.real.data[u * width + v]! += re * Math.cos(angle) - im * Math.sin(angle)
        out.imaginary.data[u * width + v]! += re * Math.sin(angle) + im * Math.cos(angle)
      }
    }
  }
  return out
}

describe.each(sizes)('fft2 of %i×%i', (height, width) => {
  const x = { real: torchNoise(1, [height, width]), imaginary: torchNoise(2, [height, width]) }

  it('is the definition', () => {
    const [got, want] = [fft2(x), slow(x.real, x.imaginary)]
    expect(norm(subtract(got.real, want.real))).toBeLessThan(rounding * height * width)
    expect(norm(subtract(got.imaginary, want.imaginary))).toBeLessThan(rounding * height * width)
  })

  it('is undone by its inverse and leaves its input alone', () => {
    const before = x.real.data.slice()
    const back = inverseFft2(fft2(x))
    expect(norm(subtract(back.real, x.real))).toBeLessThan(rounding)
    expect(norm(subtract(back.imaginary, x.imaginary))).toBeLessThan(rounding)
    expect(x.real.data).toEqual(before)
  })

  it('keeps energy (Parseval) and has conjugate symmetry for real input', () => {
    const { real, imaginary } = fft2(x.real)
    const energy = (dot(real, real) + dot(imaginary, imaginary)) / (height * width)
    expect(energy).toBeCloseTo(dot(x.real, x.real), 9)
    for (let i = 0; i < real.data.length; i++) {
      const mirror = ((height - Math.floor(i / width)) % height) * width + ((width - (i % width)) % width)
      expect(real.data[mirror]).toBeCloseTo(real.data[i]!, 9)
      expect(imaginary.data[mirror]).toBeCloseTo(-imaginary.data[i]!, 9)
    }
  })
})

it('transforms planes independently', () => {
  const both = torchNoise(3, [2, 6, 4])
  const second = fft2(tensor([6, 4], both.data.slice(24)))
  expect([...fft2(both).real.data.slice(24)]).toEqual([...second.real.data])
})

it('shifts the zero frequency to the middle and back, odd sides too', () => {
  expect([...fftshift(tensor([1, 5], [0, 1, 2, 3, 4])).data]).toEqual([3, 4, 0, 1, 2])
  expect([...fftshift(tensor([2, 2, 1], [0, 1, 2, 3])).data]).toEqual([1, 0, 3, 2])
  for (const [height, width] of sizes) {
    const x = torchNoise(4, [2, height, width])
    expect(inverseFftshift(fftshift(x))).toEqual(x)
    expect(fftshift(x).data[Math.floor(height / 2) * width + Math.floor(width / 2)]).toBe(x.data[0])
  }
})

it('refuses an array without two axes', () => {
  expect(() => fft2(tensor([4], [1, 2, 3, 4]))).toThrow('at least two axes')
})
