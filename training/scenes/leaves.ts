/**
 * Dead leaves: opaque random shapes painted over each other, radii with density 1/r³, which gives the edges and
 * occlusions of natural images (Lee, Mumford and Huang, 2001). Not pictures of anything.
 */
import { type Colour, clamp } from './image.js'
import { noiseAt } from './noise.js'
import { between, type Random } from './random.js'

/** One leaf: an ellipse or a box at an angle, with a soft edge, a shaded colour and a texture of its own. */
interface Leaf {
  readonly x: number
  readonly y: number
  readonly radius: number
  /** Ratio of the short to the long axis. */
  readonly flatness: number
  readonly cosine: number
  readonly sine: number
  readonly box: boolean
  /** Width of the edge in pixels. */
  readonly softness: number
  readonly colour: Colour
  /** Change of brightness from one end to the other. */
  readonly shading: number
  /** Strength and period of the texture, and where it looks into the noise. */
  readonly grain: number
  readonly period: number
  readonly origin: number
}

/** A radius with density 1/r³ between the bounds: the inverse of its cumulative distribution. */
function leafRadius(random: Random, smallest: number, largest: number): number {
  const [a, b] = [smallest ** -2, largest ** -2]
  return (a - random() * (a - b)) ** -0.5
}

function paintLeaf(data: Float32Array, width: number, height: number, leaf: Leaf): void {
  const { x, y, radius, flatness, cosine, sine, box, softness, colour, shading, grain, period, origin } = leaf
  const plane = width * height
  const reach = (box ? Math.SQRT2 * radius : radius) + softness
  const left = Math.max(0, Math.floor(x - reach))
  const right = Math.min(width, Math.ceil(x + reach))
  const top = Math.max(0, Math.floor(y - reach))
  const bottom = Math.min(height, Math.ceil(y + reach))
  const short = radius * flatness
  for (let row = top; row < bottom; row++) {
    const dy = row + 0.5 - y
    for (let column = left; column < right; column++) {
      const dx = column + 0.5 - x
      const u = dx * cosine + dy * sine
      const v = dy * cosine - dx * sine
      const depth = box
        ? Math.min(radius - Math.abs(u), short - Math.abs(v))
        : (1 - Math.sqrt((u * u) / (radius * radius) + (v * v) / (short * short))) * short
      const coverage = clamp(0.5 + depth / softness, 0, 1)
      if (coverage === 0) continue
      const texture = grain === 0 ? 0 : grain * noiseAt(origin + u / period, v / period)
      const light = 1 + (shading * u) / radius + texture
      const i = row * width + column
      data[i]! += coverage * (colour[0] * light - data[i]!)
      data[i + plane]! += coverage * (colour[1] * light - data[i + plane]!)
      data[i + 2 * plane]! += coverage * (colour[2] * light - data[i + 2 * plane]!)
    }
  }
}

/** Paints leaves over the whole of `data` (3 × height × width, colours in [0, 1]) until they cover it a few times. */
export function paintLeaves(data: Float32Array, width: number, height: number, random: Random, palette: () => Colour) {
  const largest = 0.5 * Math.min(width, height)
  const smallest = between(random, 3, 9)
  const boxes = random() < 0.5 ? random() : 0
  const blur = random() < 0.5 ? between(random, 2, 6) : 1.2
  let area = 3.5 * width * height
  for (let first = true; area > 0; first = false) {
    // The first leaf lies under all and covers everything.
    const radius = first ? width + height : leafRadius(random, smallest, largest)
    const flatness = first ? 1 : between(random, 0.35, 1)
    const angle = between(random, 0, Math.PI)
    if (!first) area -= Math.PI * flatness * radius * radius
    paintLeaf(data, width, height, {
      x: first ? width / 2 : between(random, -0.3 * radius, width + 0.3 * radius),
      y: first ? height / 2 : between(random, -0.3 * radius, height + 0.3 * radius),
      radius,
      flatness,
      cosine: Math.cos(angle),
      sine: Math.sin(angle),
      box: random() < boxes,
      softness: random() < 0.5 ? blur : 1.2,
      colour: palette(),
      shading: between(random, -0.35, 0.35),
      grain: random() < 0.5 ? between(random, 0, 0.25) : 0,
      period: between(random, 2.5, 9),
      origin: between(random, 0, 256),
    })
  }
}
