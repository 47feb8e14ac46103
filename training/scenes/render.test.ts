import { expect, test } from 'vitest'
import type { Image, Mask } from './image.js'
import { renderScene, shapeCentre } from './render.js'
import { type ColourName, describeScene, type Scene, shapes, textures } from './scene.js'

const sum = (data: Float32Array): number => data.reduce((total, value) => total + value, 0)

/** Mean place of the mask in pixels. */
function centroid({ width, data }: Mask): readonly [x: number, y: number] {
  let [x, y] = [0, 0]
  data.forEach((coverage, i) => {
    x += coverage * ((i % width) + 0.5)
    y += coverage * (Math.floor(i / width) + 0.5)
  })
  const total = sum(data)
  return [x / total, y / total]
}

/** Mean red, green and blue in [0, 1] over the pixels where the mask is `value`. */
function meanColour(image: Image, mask: Mask, value: number): readonly [number, number, number] {
  const plane = image.width * image.height
  const total: [number, number, number] = [0, 0, 0]
  let count = 0
  for (let i = 0; i < plane; i++) {
    if (mask.data[i] !== value) continue
    count++
    for (const channel of [0, 1, 2] as const) total[channel] += (image.data[i + channel * plane]! + 1) / 2
  }
  return [total[0] / count, total[1] / count, total[2] / count]
}

/** Hue angles in degrees that people give these names (the CSS colours' own, and their middles). */
const hues: Readonly<Partial<Record<ColourName, number>>> = {
  red: 0,
  orange: 32,
  yellow: 54,
  green: 120,
  cyan: 182,
  blue: 225,
  purple: 280,
}

/** The name whose hue is nearest; white where there is hardly any colour. */
function nameOf([red, green, blue]: readonly [number, number, number]): string {
  const largest = Math.max(red, green, blue)
  const chroma = largest - Math.min(red, green, blue)
  if (chroma < 0.12 * largest) return 'white'
  const hue = (180 / Math.PI) * Math.atan2(Math.sqrt(3) * (green - blue), 2 * red - green - blue)
  const apart = (angle: number) => Math.abs(((hue - angle + 540) % 360) - 180)
  return Object.entries(hues).reduce((best, next) => (apart(next[1]) < apart(best[1]) ? next : best))[0]
}

test('a scene always looks the same, with values in [−1, 1] and coverage in [0, 1]', () => {
  for (let seed = 0; seed < 20; seed++) {
    const { image, mask } = renderScene(describeScene(seed))
    expect(image.data.length).toBe(3 * 128 * 128)
    expect(image.data.every((value) => value >= -1 && value <= 1)).toBe(true)
    expect(mask.data.every((value) => value >= 0 && value <= 1)).toBe(true)
    if (seed < 3) expect(renderScene(describeScene(seed)).image.data).toEqual(image.data)
  }
})

test.each(textures)('%s: a window is the same pixels as in the whole picture', (texture) => {
  // The two differ by how coordinates are rounded; an edge of the texture multiplies that by its slope.
  const rounding = 1e-5
  for (const [seed, shape] of shapes.entries()) {
    const scene: Scene = { ...describeScene(seed), shape, texture }
    const [size, x, y, width, height] = [96, 21, 10, 50, 61]
    const whole = renderScene(scene, { size })
    const part = renderScene(scene, { size, x, y, width, height })
    let largest = 0
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const [i, k] = [row * width + column, (row + y) * size + column + x]
        largest = Math.max(largest, Math.abs(part.mask.data[i]! - whole.mask.data[k]!))
        for (let channel = 0; channel < 3; channel++) {
          const [a, b] = [part.image.data[channel * width * height + i]!, whole.image.data[channel * size * size + k]!]
          largest = Math.max(largest, Math.abs(a - b))
        }
      }
    }
    expect(largest).toBeLessThan(rounding)
  }
})

test('the mask says where the shape is seen', () => {
  for (const [seed, shape] of shapes.entries()) {
    const scene: Scene = { ...describeScene(seed), shape, colour: 'red', background: 'blue' }
    const { image, mask } = renderScene(scene)
    const otherWall = renderScene({ ...scene, background: 'yellow' })
    const otherShape = renderScene({ ...scene, colour: 'green' })
    expect(otherWall.mask.data).toEqual(mask.data)
    const plane = mask.data.length
    /** Largest difference of a pixel's channels from those of another picture. */
    const difference = (other: Image, i: number) =>
      Math.max(...[i, i + plane, i + 2 * plane].map((k) => Math.abs(other.data[k]! - image.data[k]!)))
    let wrong = 0
    for (let i = 0; i < plane; i++) {
      // Base + 1·(solid − base) in Float32 may keep the last bit of the base.
      const hidesWall = difference(otherWall.image, i) < 1e-6
      const showsShape = difference(otherShape.image, i) > 0
      if (hidesWall !== (mask.data[i] === 1) || showsShape !== mask.data[i]! > 0) wrong++
    }
    expect(wrong).toBe(0)
  }
})

test('the ball covers the disc of its radius', () => {
  for (const [size, radius] of [
    ['small', 18],
    ['large', 30],
  ] as const) {
    const scene = describeScene(1)
    const middle = { ...scene, shape: 'ball' as const, size, variation: { ...scene.variation, radius: 0 } }
    const { mask } = renderScene(middle)
    // Coverage counts from the edge outwards by one pixel, half a pixel too far on average; the ray also stops 0.006 radii early.
    const disc = Math.PI * (0.88 * radius + 0.5) ** 2
    expect(Math.abs(sum(mask.data) / disc - 1)).toBeLessThan(0.01)
    const [x, y] = centroid(mask)
    const [cx, cy] = shapeCentre(middle)
    expect(Math.hypot(x - cx, y - cy)).toBeLessThan(0.1)
  }
})

test('size is the number of pixels and nothing else: the shape stays where it is and as large as it is', () => {
  for (const [seed, shape] of shapes.entries()) {
    const scene: Scene = { ...describeScene(seed), shape, size: 'large' }
    const [fine, coarse] = [renderScene(scene, { size: 256 }).mask, renderScene(scene, { size: 64 }).mask]
    const [fineCentre, coarseCentre] = [centroid(fine), centroid(coarse)]
    // In pixels of the coarse picture.
    expect(Math.hypot(fineCentre[0] / 4 - coarseCentre[0], fineCentre[1] / 4 - coarseCentre[1])).toBeLessThan(0.1)
    // Coverage reaches half a pixel too far, at either size: 4 % of a ball's radius of 13 pixels, 1 % of
    // 52; shapes with more edge for their area grow two to three times as much.
    const growth = Math.sqrt((16 * sum(coarse.data)) / sum(fine.data))
    expect(growth).toBeGreaterThan(1)
    expect(growth).toBeLessThan(1.1)
  }
})

test('the caption is true of the pixels: place, size and both colours', () => {
  for (let seed = 0; seed < 120; seed++) {
    const scene = describeScene(seed)
    const { image, mask } = renderScene(scene)
    const [x, y] = centroid(mask)
    const place =
      Math.hypot(x - 64, y - 64) < 15
        ? 'centre'
        : Math.abs(x - 64) > Math.abs(y - 64)
          ? x < 64
            ? 'left'
            : 'right'
          : y < 64
            ? 'top'
            : 'bottom'
    expect(place).toBe(scene.place)
    const other = renderScene({ ...scene, size: scene.size === 'small' ? 'large' : 'small' })
    expect(sum(mask.data) > sum(other.mask.data) ? 'large' : 'small').toBe(scene.size)
    expect(`${seed}: ${nameOf(meanColour(image, mask, 1))}`).toBe(`${seed}: ${scene.colour}`)
    expect(`${seed}: ${nameOf(meanColour(image, mask, 0))}`).toBe(`${seed}: ${scene.background}`)
  }
})

test('a window outside the picture is an error', () => {
  expect(() => renderScene(describeScene(0), { x: 100, width: 64 })).toThrow(RangeError)
  expect(() => renderScene(describeScene(0), { size: 12.5 })).toThrow(/Expected a window inside/)
})
