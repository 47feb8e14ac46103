/**
 * Smooth noise at any point of the plane: one fixed lattice of random numbers, interpolated.
 * Pictures differ by where they look into it. Not white noise, and not the library's Gaussian noise.
 */
import { between, type Random, randomFrom } from './random.js'

const side = 256
const lattice = Float32Array.from(
  { length: side * side },
  (
    (random) => () =>
      between(random, -1, 1)
  )(randomFrom(1)),
)

/** Value noise in [−1, 1] with one lattice point per unit; period 256 in both directions. */
export function noiseAt(x: number, y: number): number {
  const left = Math.floor(x)
  const top = Math.floor(y)
  const u = x - left
  const v = y - top
  const across = u * u * (3 - 2 * u)
  const down = v * v * (3 - 2 * v)
  const i0 = left & 255
  const i1 = (left + 1) & 255
  const j0 = (top & 255) << 8
  const j1 = ((top + 1) & 255) << 8
  const a = lattice[j0 | i0]!
  const b = lattice[j1 | i0]!
  const upper = a + (lattice[j0 | i1]! - a) * across
  const lower = b + (lattice[j1 | i1]! - b) * across
  return upper + (lower - upper) * down
}

/** Adds noise of one scale, at a random place and angle of the lattice, to a plane of width × height from `start`. */
export function addOctave(
  target: Float32Array,
  start: number,
  width: number,
  height: number,
  random: Random,
  period: number,
  amplitude: number,
): void {
  const angle = between(random, 0, 2 * Math.PI)
  const cosine = Math.cos(angle) / period
  const sine = Math.sin(angle) / period
  const originX = between(random, 0, side)
  const originY = between(random, 0, side)
  for (let y = 0, i = start; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      target[i]! += amplitude * noiseAt(originX + x * cosine - y * sine, originY + x * sine + y * cosine)
    }
  }
}

/**
 * Adds octaves from `longest` to `shortest` period. Amplitudes fall by 2^−slope per octave; slope 0 gives equal
 * variance per octave, about the 1/f² power spectrum of natural images (Field, 1987), larger slopes are smoother.
 */
export function addOctaves(
  target: Float32Array,
  start: number,
  width: number,
  height: number,
  random: Random,
  longest: number,
  shortest: number,
  slope: number,
  amplitude: number,
): void {
  const fall = 2 ** -slope
  let level = amplitude
  for (let period = longest; period >= shortest; period /= 2, level *= fall) {
    addOctave(target, start, width, height, random, period, level)
  }
}
