/**
 * Draws a scene, or only a window of it at proportional cost: a shaded solid, seen from the front without perspective,
 * its soft shadow on a textured wall behind. Not a general renderer: one light, one solid.
 */
import { type Image, type Mask, smoothstep } from './image.js'
import { backgroundTones, surfaceColour } from './palette.js'
import type { Scene } from './scene.js'
import { boundingRadius, type Distance, distances, orientation } from './shapes.js'
import { textureOf } from './textures.js'

/** The picture's side in pixels, and the window of it to draw (default: all of it). */
export interface RenderOptions {
  readonly size?: number
  readonly x?: number
  readonly y?: number
  readonly width?: number
  readonly height?: number
}

/** Lengths below are in units of 1/128 of the picture's side, so a scene looks the same at every size. */
const units = 128
const placement = {
  left: [-1, 0],
  right: [1, 0],
  top: [0, 1],
  bottom: [0, -1],
  centre: [0, 0],
} as const
const distanceFromCentre = 29
const largestJitter = 3
const radii = { small: 18, large: 30 } as const

const hitDistance = 0.006
const longestMarch = 40
const normalStep = 0.02
const shadowSpacing = 3
const penumbra = 0.24
const shadowDepth = 0.5

/** Where the solid is and how it is lit: everything the pixel loops need. */
interface Stage {
  readonly distance: Distance
  /** Centre (x right, y down) and radius of the unit ball. */
  readonly centre: readonly [number, number]
  readonly radius: number
  readonly rotation: readonly number[]
  /** Unit vector towards the light in the world and in the shape's coordinates. */
  readonly light: readonly [number, number, number]
}

/** Centre of the shape in pixels of a picture of this size: where to crop to see it. */
export function shapeCentre(scene: Scene, size = units): readonly [x: number, y: number] {
  const [right, up] = placement[scene.place]
  const { variation } = scene
  const x = units / 2 + right * distanceFromCentre + largestJitter * variation.right
  const y = units / 2 - up * distanceFromCentre - largestJitter * variation.up
  return [(x * size) / units, (y * size) / units]
}

function setStage(scene: Scene): Stage {
  const { variation } = scene
  const side = 0.5 * variation.lightSide
  const height = 0.52 + 0.16 * variation.lightHeight
  const length = Math.sqrt(side * side + height * height + 0.64)
  return {
    distance: distances[scene.shape],
    centre: shapeCentre(scene),
    radius: radii[scene.size] * (1 + 0.07 * variation.radius),
    rotation: orientation(scene.shape, variation),
    light: [side / length, height / length, 0.8 / length],
  }
}

/** The transposed rotation: world to shape, for one row of the result. */
const toShape = (m: readonly number[], row: number, x: number, y: number, z: number): number =>
  m[row]! * x + m[row + 3]! * y + m[row + 6]! * z

/**
 * How much light the wall loses at (x, y): the ray towards the light passes the solid at its smallest distance d,
 * and the shadow is a smooth step of d over the penumbra.
 */
function shadowAt(stage: Stage, x: number, y: number): number {
  const { distance, centre, radius, rotation, light } = stage
  const wx = (x - centre[0]) / radius
  const wy = (centre[1] - y) / radius
  const wz = -1
  const reach = boundingRadius + penumbra
  const middle = -(wx * light[0] + wy * light[1] + wz * light[2])
  const apart = wx * wx + wy * wy + wz * wz - middle * middle
  if (apart >= reach * reach) return 0
  const half = Math.sqrt(reach * reach - apart)
  const px = toShape(rotation, 0, wx, wy, wz)
  const py = toShape(rotation, 1, wx, wy, wz)
  const pz = toShape(rotation, 2, wx, wy, wz)
  const lx = toShape(rotation, 0, light[0], light[1], light[2])
  const ly = toShape(rotation, 1, light[0], light[1], light[2])
  const lz = toShape(rotation, 2, light[0], light[1], light[2])
  let smallest = penumbra
  for (let t = Math.max(0, middle - half); t < middle + half && smallest > -penumbra; ) {
    const d = distance(px + lx * t, py + ly * t, pz + lz * t)
    if (d < smallest) smallest = d
    t += Math.max(Math.abs(d), 0.06)
  }
  return 1 - smoothstep(-penumbra, penumbra, smallest)
}

/** The shadow on a coarse grid fixed to the picture (so that every window sees the same), to be interpolated. */
function shadowGrid(stage: Stage, x0: number, y0: number, x1: number, y1: number) {
  const left = Math.floor(x0 / shadowSpacing)
  const top = Math.floor(y0 / shadowSpacing)
  const columns = Math.floor(x1 / shadowSpacing) + 2 - left
  const rows = Math.floor(y1 / shadowSpacing) + 2 - top
  const values = new Float32Array(columns * rows)
  for (let j = 0, k = 0; j < rows; j++) {
    for (let i = 0; i < columns; i++, k++) {
      values[k] = shadowAt(stage, (left + i) * shadowSpacing, (top + j) * shadowSpacing)
    }
  }
  return { left, top, columns, values }
}

/** Draws the wall with its texture, its light and the shadow into the three planes from `start`. */
function paintWall(scene: Scene, stage: Stage, window: Required<RenderOptions>, target: Float32Array, start: number) {
  const { width, height } = window
  const step = units / window.size
  const plane = width * height
  const texture = textureOf(scene)
  const { light, deep } = backgroundTones(scene)
  const [dr, dg, db] = [deep[0] - light[0], deep[1] - light[1], deep[2] - light[2]]
  const firstX = (window.x + 0.5) * step
  const firstY = (window.y + 0.5) * step
  const grid = shadowGrid(stage, firstX, firstY, firstX + (width - 1) * step, firstY + (height - 1) * step)
  const fallX = (0.1 * stage.light[0]) / units
  const fallY = (0.1 * stage.light[1]) / units
  for (let row = 0, i = start; row < height; row++) {
    const y = firstY + row * step
    const gy = y / shadowSpacing - grid.top
    const j = Math.floor(gy)
    const down = gy - j
    for (let column = 0; column < width; column++, i++) {
      const x = firstX + column * step
      const gx = x / shadowSpacing - grid.left
      const k = Math.floor(gx)
      const across = gx - k
      const at = j * grid.columns + k
      const a = grid.values[at]!
      const b = grid.values[at + grid.columns]!
      const upper = a + (grid.values[at + 1]! - a) * across
      const lower = b + (grid.values[at + grid.columns + 1]! - b) * across
      const shadow = upper + (lower - upper) * down
      const share = texture(x, y)
      const lit = (0.95 + (x - 64) * fallX - (y - 64) * fallY) * (1 - shadowDepth * shadow)
      target[i] = 2 * Math.min((light[0] + share * dr) * lit, 1) - 1
      target[i + plane] = 2 * Math.min((light[1] + share * dg) * lit, 1) - 1
      target[i + 2 * plane] = 2 * Math.min((light[2] + share * db) * lit, 1) - 1
    }
  }
}

/** Draws the solid over the wall: sphere tracing along −z, diffuse and specular light; the mask where it is wanted. */
function paintSolid(
  scene: Scene,
  stage: Stage,
  window: Required<RenderOptions>,
  target: Float32Array,
  start: number,
  mask: Float32Array | undefined,
) {
  const { distance, centre, radius, rotation: m, light } = stage
  const { width, height } = window
  const step = units / window.size
  const plane = width * height
  const [red, green, blue] = surfaceColour(scene)
  const gloss = 0.4 + 0.2 * scene.variation.gloss
  const pixel = step / radius
  const reach = boundingRadius + pixel
  // The half vector between light and viewer, for Blinn's highlight.
  const halfLength = Math.sqrt(2 + 2 * light[2])
  const [hx, hy, hz] = [light[0] / halfLength, light[1] / halfLength, (light[2] + 1) / halfLength]
  const [vx, vy, vz] = [-m[6]!, -m[7]!, -m[8]!]
  const left = Math.max(0, Math.floor((centre[0] - reach * radius) / step - window.x))
  const right = Math.min(width, Math.ceil((centre[0] + reach * radius) / step - window.x))
  const top = Math.max(0, Math.floor((centre[1] - reach * radius) / step - window.y))
  const bottom = Math.min(height, Math.ceil((centre[1] + reach * radius) / step - window.y))
  for (let row = top; row < bottom; row++) {
    const wy = (centre[1] - (window.y + row + 0.5) * step) / radius
    for (let column = left; column < right; column++) {
      const wx = ((window.x + column + 0.5) * step - centre[0]) / radius
      const apart = wx * wx + wy * wy
      if (apart >= reach * reach) continue
      const half = Math.sqrt(reach * reach - apart)
      const ox = m[0]! * wx + m[3]! * wy
      const oy = m[1]! * wx + m[4]! * wy
      const oz = m[2]! * wx + m[5]! * wy
      let nearest = pixel
      let at = 0
      let t = -half
      for (let march = 0; march < longestMarch && t < half; march++) {
        const d = distance(ox + vx * t, oy + vy * t, oz + vz * t)
        if (d < nearest) {
          nearest = d
          at = t
          if (d < hitDistance) break
        }
        t += d
      }
      if (nearest >= pixel) continue
      const coverage = nearest < hitDistance ? 1 : 1 - (nearest - hitDistance) / (pixel - hitDistance)
      const px = ox + vx * at
      const py = oy + vy * at
      const pz = oz + vz * at
      // Normal: the gradient of the distance from the four corners of a tetrahedron.
      const d0 = distance(px + normalStep, py - normalStep, pz - normalStep)
      const d1 = distance(px - normalStep, py - normalStep, pz + normalStep)
      const d2 = distance(px - normalStep, py + normalStep, pz - normalStep)
      const d3 = distance(px + normalStep, py + normalStep, pz + normalStep)
      const sx = d0 - d1 - d2 + d3
      const sy = -d0 - d1 + d2 + d3
      const sz = -d0 + d1 - d2 + d3
      const length = Math.sqrt(sx * sx + sy * sy + sz * sz) || 1
      const nx = (m[0]! * sx + m[1]! * sy + m[2]! * sz) / length
      const ny = (m[3]! * sx + m[4]! * sy + m[5]! * sz) / length
      const nz = (m[6]! * sx + m[7]! * sy + m[8]! * sz) / length
      const facing = Math.max(0, nx * light[0] + ny * light[1] + nz * light[2])
      const mirror = Math.max(0, nx * hx + ny * hy + nz * hz)
      const squared = mirror * mirror
      const highlight = gloss * squared ** 14
      // Light adds up in intensity; the square root takes it to the display's scale.
      const diffuse = Math.sqrt(0.2 + 0.08 * ny + 0.82 * facing)
      const i = start + row * width + column
      const shine = (colour: number) => 1 - (1 - Math.min(1, colour * diffuse)) * (1 - highlight)
      target[i]! += coverage * (2 * shine(red) - 1 - target[i]!)
      target[i + plane]! += coverage * (2 * shine(green) - 1 - target[i + plane]!)
      target[i + 2 * plane]! += coverage * (2 * shine(blue) - 1 - target[i + 2 * plane]!)
      if (mask) mask[row * width + column] = coverage
    }
  }
}

/** Draws a window of a scene into `target` from `start` (3 × height × width numbers); fills `mask` if there is one. */
export function paintScene(
  scene: Scene,
  window: Required<RenderOptions>,
  target: Float32Array,
  start: number,
  mask?: Float32Array,
): void {
  const stage = setStage(scene)
  paintWall(scene, stage, window, target, start)
  paintSolid(scene, stage, window, target, start, mask)
}

/**
 * Draws a scene, or a window of it: the picture and the shape's coverage.
 *
 * @param options size: side of the whole picture in pixels (default 128); x, y, width, height: the window
 * @returns image of 3 × height × width in [−1, 1]; mask of height × width in [0, 1], 1 where only the shape is seen
 * @throws RangeError if the window is not inside the picture
 * @example renderScene(describeScene(7), { x: 32, y: 32, width: 64, height: 64 }).image
 */
export function renderScene(
  scene: Scene,
  { size = units, x = 0, y = 0, width = size - x, height = size - y }: RenderOptions = {},
): { readonly image: Image; readonly mask: Mask } {
  const whole = [size, x, y, width, height].every(Number.isInteger)
  if (!whole || x < 0 || y < 0 || width < 1 || height < 1 || x + width > size || y + height > size) {
    throw new RangeError(
      `Expected a window inside a picture of ${size}×${size} for renderScene, got ${width}×${height} at (${x}, ${y}).`,
    )
  }
  const data = new Float32Array(3 * width * height)
  const mask = new Float32Array(width * height)
  paintScene(scene, { size, x, y, width, height }, data, 0, mask)
  return { image: { width, height, data }, mask: { width, height, data: mask } }
}
