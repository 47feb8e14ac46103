/**
 * Patterns as one function of the plane each: stripes, checks, gratings, rings, wood, marble; and strokes like writing.
 * They vary more, and are finer, than the scenes' own backgrounds in textures.ts. Not colours: a share in [0, 1].
 */
import { clamp } from './image.js'
import { noiseAt } from './noise.js'
import { between, pick, type Random } from './random.js'

type Pattern = (x: number, y: number) => number
const turn = 2 * Math.PI

/** Square wave in [0, 1] with edges about 1.5 pixels wide. */
const square = (phase: number, period: number): number => clamp(0.5 + (period / 6) * Math.sin(phase), 0, 1)

/** Linear coordinates at a random angle, bent a little by noise half of the time. */
function bentPlane(random: Random): { readonly u: Pattern; readonly v: Pattern } {
  const angle = between(random, 0, turn)
  const [cosine, sine] = [Math.cos(angle), Math.sin(angle)]
  const bend = random() < 0.5 ? between(random, 1, 8) : 0
  const period = between(random, 20, 60)
  const origin = between(random, 0, 256)
  const start = between(random, 0, 1000)
  const bent = (x: number, y: number) => (bend === 0 ? 0 : bend * noiseAt(origin + x / period, y / period))
  return {
    u: (x, y) => start + x * cosine + y * sine + bent(x, y),
    v: (x, y) => start + y * cosine - x * sine + bent(y, x),
  }
}

const makers: readonly ((random: Random) => Pattern)[] = [
  function stripes(random) {
    const { u } = bentPlane(random)
    const period = between(random, 5, 30)
    return (x, y) => square((turn * u(x, y)) / period, period)
  },
  function checks(random) {
    const { u, v } = bentPlane(random)
    const period = between(random, 9, 40)
    return (x, y) => {
      const a = square((turn * u(x, y)) / period, period)
      const b = square((turn * v(x, y)) / period, period)
      return a + b - 2 * a * b
    }
  },
  function grating(random) {
    const { u } = bentPlane(random)
    const period = between(random, 4, 24)
    const growth = between(random, 0, 0.01)
    return (x, y) => {
      const along = u(x, y)
      return 0.5 + 0.5 * Math.sin((turn * along) / (period + growth * Math.abs(along % 1000)))
    }
  },
  function bricks(random) {
    const { u, v } = bentPlane(random)
    const [long, high] = [between(random, 12, 30), between(random, 6, 14)]
    return (x, y) => {
      const row = v(x, y) / high
      const along = u(x, y) / long + 0.5 * (Math.floor(row) & 1)
      const edge = Math.min(
        (0.5 - Math.abs(along - Math.floor(along) - 0.5)) * long,
        (0.5 - Math.abs(row - Math.floor(row) - 0.5)) * high,
      )
      return clamp(edge - 0.4, 0, 1) * (0.85 + 0.15 * noiseAt(Math.floor(along) * 7.3, Math.floor(row) * 5.1))
    }
  },
  function wood(random) {
    const { u, v } = bentPlane(random)
    const period = between(random, 5, 14)
    const long = between(random, 60, 160)
    return (x, y) => {
      const [along, across] = [u(x, y), v(x, y)]
      const ring = across / period + 1.6 * noiseAt(along / long, across / 30)
      const saw = ring - Math.floor(ring)
      return 0.75 * Math.min(saw, 6 * (1 - saw)) + 0.25 * (0.5 + 0.5 * noiseAt(along / 24, across / 2.5))
    }
  },
  function marble(random) {
    const { u } = bentPlane(random)
    const period = between(random, 14, 40)
    const strength = between(random, 2, 5)
    const origin = between(random, 0, 256)
    return (x, y) => {
      const [a, b] = [origin + x / 28, y / 28]
      const wander = noiseAt(a, b) + 0.5 * noiseAt(2 * a, 2 * b) + 0.25 * noiseAt(4 * a, 4 * b)
      return Math.sqrt(Math.abs(Math.sin((Math.PI * u(x, y)) / period + strength * wander)))
    }
  },
]

/** Fills a plane with one random pattern of values in [0, 1]. */
export function fillPattern(target: Float32Array, width: number, height: number, random: Random): void {
  const pattern = pick(random, makers)(random)
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) target[i] = pattern(x, y)
  }
}

/** Writes lines of short strokes, like text at a distance: 1 where there is ink, into a plane of zeros. */
export function fillStrokes(target: Float32Array, width: number, height: number, random: Random): void {
  const letter = between(random, 5, 14)
  const thickness = Math.max(0.8, letter * between(random, 0.09, 0.16))
  const slant = between(random, -0.3, 0.3)
  const line = letter * between(random, 1.4, 2.2)
  for (let base = between(random, 0, line); base < height + letter; base += line) {
    for (let x = between(random, -letter, letter); x < width; x += letter * 0.75) {
      if (random() < 0.15) continue
      const count = 2 + Math.floor(3 * random())
      for (let k = 0; k < count; k++) {
        const [x0, y0] = [0.6 * random(), random()]
        const [x1, y1] = random() < 0.5 ? [x0, y0 < 0.5 ? 1 : 0] : [0.6 * random(), random()]
        const point = (px: number, py: number) => [x + letter * (px + slant * py), base - letter * py] as const
        drawStroke(target, width, height, point(x0, y0), point(x1, y1), thickness)
      }
    }
  }
}

type Point = readonly [x: number, y: number]

function drawStroke(target: Float32Array, width: number, height: number, a: Point, b: Point, thickness: number): void {
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]]
  const length = dx * dx + dy * dy || 1
  const reach = thickness + 1
  const left = Math.max(0, Math.floor(Math.min(a[0], b[0]) - reach))
  const right = Math.min(width, Math.ceil(Math.max(a[0], b[0]) + reach))
  const top = Math.max(0, Math.floor(Math.min(a[1], b[1]) - reach))
  const bottom = Math.min(height, Math.ceil(Math.max(a[1], b[1]) + reach))
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const [px, py] = [x + 0.5 - a[0], y + 0.5 - a[1]]
      const along = clamp((px * dx + py * dy) / length, 0, 1)
      const ink = clamp(0.5 + thickness - Math.sqrt((px - along * dx) ** 2 + (py - along * dy) ** 2), 0, 1)
      const i = y * width + x
      if (ink > target[i]!) target[i] = ink
    }
  }
}
