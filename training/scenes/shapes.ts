/**
 * The eight shapes as signed distances in their own coordinates (y up, within the unit ball), and how they may stand.
 * Distances never overestimate, so a ray may always advance by them. Not their shading: see render.ts.
 */
import type { ShapeName, Variation } from './scene.js'

/** Signed distance from a point to the surface: negative inside, never more than the true distance. */
export type Distance = (x: number, y: number, z: number) => number

/** Every shape lies within this distance of its centre. */
export const boundingRadius = 1.1

/** Maximum with a rounded corner of width `k`: the edges of the solids are soft. */
function roundedMaximum(a: number, b: number, k: number): number {
  const h = k - Math.abs(a - b)
  const larger = Math.max(a, b)
  return h > 0 ? larger + (h * h) / (4 * k) : larger
}

const cosine36 = Math.cos(Math.PI / 5)
const sine36 = Math.sin(Math.PI / 5)

/** Five-pointed star in the plane (Inigo Quilez, 2D distance functions). */
function starOutline(x: number, y: number, radius: number, inner: number): number {
  let px = Math.abs(x)
  let py = y
  const first = 2 * Math.max(cosine36 * px - sine36 * py, 0)
  px -= first * cosine36
  py += first * sine36
  const second = 2 * Math.max(-cosine36 * px - sine36 * py, 0)
  px += second * cosine36
  py += second * sine36
  px = Math.abs(px)
  py -= radius
  const sideX = inner * sine36
  const sideY = inner * cosine36 - 1
  const along = Math.min(Math.max((px * sideX + py * sideY) / (sideX * sideX + sideY * sideY), 0), radius)
  const distance = Math.sqrt((px - sideX * along) ** 2 + (py - sideY * along) ** 2)
  return py * sideX - px * sideY > 0 ? distance : -distance
}

/** Heart in the plane with its tip at the origin and height about 1.1 (Inigo Quilez, 2D distance functions). */
function heartOutline(x: number, y: number): number {
  const px = Math.abs(x)
  if (px + y > 1) return Math.sqrt((px - 0.25) ** 2 + (y - 0.75) ** 2) - Math.SQRT2 / 4
  const half = 0.5 * Math.max(px + y, 0)
  const distance = Math.sqrt(Math.min(px * px + (y - 1) ** 2, (px - half) ** 2 + (y - half) ** 2))
  return px > y ? distance : -distance
}

/** Outward unit normal (across, up) of the side of a cone or pyramid. */
function slope(height: number, base: number): readonly [number, number] {
  const length = Math.sqrt(height * height + base * base)
  return [height / length, base / length]
}

const coneSide = slope(1.6, 0.8)
const pyramidSide = slope(1.45, 0.72)
const heartScale = 1.62

export const distances: Readonly<Record<ShapeName, Distance>> = {
  ball: (x, y, z) => Math.sqrt(x * x + y * y + z * z) - 0.88,
  cube: (x, y, z) => roundedMaximum(roundedMaximum(Math.abs(x), Math.abs(y), 0.08), Math.abs(z), 0.08) - 0.6,
  cone: (x, y, z) => roundedMaximum(coneSide[0] * Math.sqrt(x * x + z * z) + coneSide[1] * (y - 0.92), -y - 0.66, 0.08),
  cylinder: (x, y, z) => roundedMaximum(Math.sqrt(x * x + z * z) - 0.58, Math.abs(y) - 0.72, 0.08),
  ring: (x, y, z) => {
    const across = Math.sqrt(x * x + y * y) - 0.66
    return Math.sqrt(across * across + z * z) - 0.27
  },
  star: (x, y, z) => roundedMaximum(starOutline(x, y, 1.04, 0.5), Math.abs(z) - 0.26, 0.5),
  pyramid: (x, y, z) =>
    roundedMaximum(
      pyramidSide[0] * roundedMaximum(Math.abs(x), Math.abs(z), 0.06) + pyramidSide[1] * (y - 0.88),
      -y - 0.56,
      0.06,
    ),
  heart: (x, y, z) =>
    roundedMaximum(heartScale * heartOutline(x / heartScale, y / heartScale + 0.52), Math.abs(z) - 0.36, 0.6),
}

/** Middle and half range of the three turns in degrees: yaw about the vertical, tilt towards the viewer, roll. */
interface Pose {
  readonly yaw: readonly [number, number]
  readonly tilt: readonly [number, number]
  readonly roll: readonly [number, number]
}

const poses: Readonly<Record<ShapeName, Pose>> = {
  ball: { yaw: [0, 0], tilt: [0, 0], roll: [0, 0] },
  cube: { yaw: [42, 20], tilt: [30, 8], roll: [0, 8] },
  cone: { yaw: [0, 0], tilt: [20, 8], roll: [0, 16] },
  cylinder: { yaw: [0, 0], tilt: [28, 8], roll: [0, 20] },
  ring: { yaw: [0, 32], tilt: [20, 20], roll: [0, 30] },
  star: { yaw: [0, 24], tilt: [8, 16], roll: [0, 22] },
  pyramid: { yaw: [38, 22], tilt: [22, 7], roll: [0, 8] },
  heart: { yaw: [0, 24], tilt: [8, 14], roll: [0, 16] },
}

/** The rotation from the shape's coordinates to the world (x right, y up, z to the viewer), row by row. */
export function orientation(shape: ShapeName, variation: Variation): readonly number[] {
  const radians = ([middle, range]: readonly [number, number], offset: number) =>
    ((middle + range * offset) * Math.PI) / 180
  const yaw = radians(poses[shape].yaw, variation.yaw)
  const tilt = radians(poses[shape].tilt, variation.tilt)
  const roll = radians(poses[shape].roll, variation.roll)
  const [cy, sy, ct, st, cr, sr] = [yaw, tilt, roll].flatMap((a) => [Math.cos(a), Math.sin(a)]) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  // Rz(roll) · Rx(tilt) · Ry(yaw)
  return [
    cr * cy - sr * st * sy,
    -sr * ct,
    cr * sy + sr * st * cy,
    sr * cy + cr * st * sy,
    cr * ct,
    sr * sy - cr * st * cy,
    -ct * sy,
    st,
    ct * cy,
  ]
}
