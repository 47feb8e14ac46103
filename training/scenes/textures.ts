/**
 * The six background textures: for each point of the plane the share of the deep tone, in [0, 1].
 * Gentle on purpose: periods of at least 14 units (of 128 per picture) and soft edges. Not their colours.
 */
import { clamp } from './image.js'
import { noiseAt } from './noise.js'
import type { Scene, TextureName, Variation } from './scene.js'

/** Share of the deep tone at a point, in units of 1/128 of the picture's side. */
export type Texture = (x: number, y: number) => number

const softness = 2.2
const turn = 2 * Math.PI

/** Coordinates along and across the texture's direction, in radians of its period. */
function turned(variation: Variation, period: number) {
  const angle = turn * variation.angle
  const cosine = (Math.cos(angle) * turn) / period
  const sine = (Math.sin(angle) * turn) / period
  const [u, v] = [turn * variation.phase[0], turn * variation.phase[1]]
  return {
    along: (x: number, y: number) => u + x * cosine + y * sine,
    across: (x: number, y: number) => v - x * sine + y * cosine,
  }
}

/** A square wave in [−1, 1] with soft edges; `sharpness` is period / (2π · softness). */
const softSquare = (phase: number, sharpness: number): number => clamp(sharpness * Math.sin(phase), -1, 1)

const makers: Readonly<Record<TextureName, (variation: Variation) => Texture>> = {
  plain: () => () => 0.5,
  gradient: (variation) => {
    const angle = turn * variation.angle
    const [cosine, sine] = [Math.cos(angle) / 110, Math.sin(angle) / 110]
    return (x, y) => clamp(0.5 + (x - 64) * cosine + (y - 64) * sine, 0, 1)
  },
  stripes: (variation) => {
    const period = 23 + 7 * variation.period
    const { along } = turned(variation, period)
    const sharpness = period / (turn * softness)
    return (x, y) => 0.5 + 0.5 * softSquare(along(x, y), sharpness)
  },
  checks: (variation) => {
    const period = 32 + 8 * variation.period
    const { along, across } = turned(variation, period)
    const sharpness = period / (turn * softness)
    return (x, y) => 0.5 + 0.5 * softSquare(along(x, y), sharpness) * softSquare(across(x, y), sharpness)
  },
  dots: (variation) => {
    const period = 22 + 5 * variation.period
    const { along, across } = turned(variation, period)
    const [radius, units] = [0.3 * period, period / turn]
    return (x, y) => {
      const [a, b] = [along(x, y) / turn, across(x, y) / turn]
      const [u, v] = [(a - Math.round(a)) * turn * units, (b - Math.round(b)) * turn * units]
      return clamp(0.5 + (radius - Math.sqrt(u * u + v * v)) / (2 * softness), 0, 1)
    }
  },
  clouds: (variation) => {
    const period = 34 + 8 * variation.period
    const angle = turn * variation.angle
    const [cosine, sine] = [Math.cos(angle) / period, Math.sin(angle) / period]
    const [u, v] = [256 * variation.phase[0], 256 * variation.phase[1]]
    return (x, y) => {
      const [a, b] = [u + x * cosine - y * sine, v + x * sine + y * cosine]
      const billow = noiseAt(a, b) + 0.5 * noiseAt(2 * a + 37, 2 * b + 91) + 0.2 * noiseAt(4 * a + 11, 4 * b + 53)
      return clamp(0.5 + 0.75 * billow, 0, 1)
    }
  },
}

/** The texture of a scene's background. */
export const textureOf = (scene: Scene): Texture => makers[scene.texture](scene.variation)
