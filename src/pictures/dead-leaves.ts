/** Pictures that can be drawn from a seed and have the statistics of photographs: to measure on where there are no others. */
import { torchGenerator } from '../math/noise.js'
import type { Tensor } from '../math/tensor.js'
import { zeros } from '../math/tensor.js'

/** Leaves of one picture; enough to cover it, few enough that large ones stay. */
const leaves = 80
/** The smallest leaf's radius in pixels; the largest is half the shorter side. */
const smallestRadius = 2
/** Waves that make a leaf's texture. */
const waves = 6

/**
 * A picture of shapes that fall on one another, with colours, shades and textures: "dead leaves".
 *
 * Ellipses, rectangles and triangles in any direction, radii with density 1/r, each of one colour with a shade across it and,
 * for two in five, a texture of waves. Occlusion at all sizes gives edges and the power spectrum of photographs. Shape
 * 3 × height × width in [−1, 1], not rounded. The same for the same seed. Cost: about 80 visits of each pixel.
 * Source: Lee, Mumford, Huang, "Occlusion models for natural images", IJCV 2001; the textures are ours.
 *
 * @example const picture = deadLeaves(7, 128, 128)
 */
export function deadLeaves(seed: number, height: number, width: number): Tensor {
  const random = torchGenerator(seed)
  const picture = zeros([3, height, width])
  const [red, green, blue] = [0, height * width, 2 * height * width]
  const colour = () => [...random.noise([3]).data].map((value) => Math.max(-1, Math.min(1, 0.5 * value)))
  const [r0, g0, b0] = colour() as [number, number, number]
  for (let i = 0; i < height * width; i++) {
    picture.data[red + i] = r0
    picture.data[green + i] = g0
    picture.data[blue + i] = b0
  }

  const largest = Math.max(Math.min(height, width) / 2, smallestRadius)
  for (let leaf = 0; leaf < leaves; leaf++) {
    const radius = smallestRadius * (largest / smallestRadius) ** random.uniform()
    const [cx, cy] = [random.uniform(0, width), random.uniform(0, height)]
    const angle = random.uniform(0, Math.PI)
    const aspect = random.uniform(0.3, 1)
    const inside = [isInEllipse, isInRectangle, isInTriangle][random.integer(3)]!
    const [r, g, b] = colour() as [number, number, number]
    const shade = random.uniform(-0.5, 0.5)
    const texture = random.uniform() < 0.4 ? wavesOf(random, random.uniform(0.05, 0.3)) : () => 0
    const [cosine, sine] = [Math.cos(angle), Math.sin(angle)]
    const reach = 2 * radius
    for (let y = Math.max(0, Math.floor(cy - reach)); y < Math.min(height, cy + reach); y++) {
      for (let x = Math.max(0, Math.floor(cx - reach)); x < Math.min(width, cx + reach); x++) {
        const along = ((x - cx) * cosine + (y - cy) * sine) / radius
        const across = ((y - cy) * cosine - (x - cx) * sine) / (radius * aspect)
        if (!inside(along, across)) continue
        const light = shade * along + texture(x, y)
        const i = y * width + x
        picture.data[red + i] = Math.max(-1, Math.min(1, r + light))
        picture.data[green + i] = Math.max(-1, Math.min(1, g + light))
        picture.data[blue + i] = Math.max(-1, Math.min(1, b + light))
      }
    }
  }
  return picture
}

type Inside = (along: number, across: number) => boolean
const isInEllipse: Inside = (along, across) => along * along + across * across < 1
const isInRectangle: Inside = (along, across) => Math.abs(along) < 1 && Math.abs(across) < 1
const isInTriangle: Inside = (along, across) => across > -1 && across + 2 * Math.abs(along) < 1

/** A sum of plane waves, of lengths from 3 to 40 pixels with amplitudes that grow with length. */
function wavesOf(random: ReturnType<typeof torchGenerator>, amplitude: number): (x: number, y: number) => number {
  const all = Array.from({ length: waves }, () => {
    const length = 3 * (40 / 3) ** random.uniform()
    const direction = random.uniform(0, 2 * Math.PI)
    const wave = (2 * Math.PI) / length
    return {
      x: wave * Math.cos(direction),
      y: wave * Math.sin(direction),
      phase: random.uniform(0, 2 * Math.PI),
      size: amplitude * Math.sqrt(length / 40),
    }
  })
  return (x, y) => all.reduce((sum, wave) => sum + wave.size * Math.sin(wave.x * x + wave.y * y + wave.phase), 0)
}
