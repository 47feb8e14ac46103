/**
 * Endless training pictures besides the scenes, so that photographs survive the autoencoder: colour fields, 1/f noise,
 * dead leaves, patterns and strokes, with the colours of photographs. They show nothing and have no captions.
 */
import { type Colour, clamp, type Image } from './image.js'
import { paintLeaves } from './leaves.js'
import { addOctaves } from './noise.js'
import { fillPattern, fillStrokes } from './patterns.js'
import { develop, relatedColours } from './photograph.js'
import { between, type Random, randomFrom } from './random.js'

type Painter = (data: Float32Array, width: number, height: number, random: Random) => void

/** Turns brightness and two differences of colour, as planes, into red, green and blue around one half. */
function fromOpponents(data: Float32Array): void {
  const plane = data.length / 3
  for (let i = 0; i < plane; i++) {
    const light = 0.5 + data[i]!
    const warm = data[i + plane]!
    const green = data[i + 2 * plane]!
    data[i] = light + warm - 0.5 * green
    data[i + plane] = light + green
    data[i + 2 * plane] = light - warm - 0.5 * green
  }
}

/** Smooth fields: a few cosines of at most two periods across the picture in each of the three planes. */
const fields: Painter = (data, width, height, random) => {
  const plane = width * height
  for (let channel = 0; channel < 3; channel++) {
    const amplitude = channel === 0 ? 0.17 : 0.07
    for (let waves = 2 + Math.floor(3 * random()); waves > 0; waves--) {
      const fx = between(random, -4 * Math.PI, 4 * Math.PI) / width
      const fy = between(random, -4 * Math.PI, 4 * Math.PI) / height
      const phase = between(random, 0, 2 * Math.PI)
      for (let y = 0, i = channel * plane; y < height; y++) {
        for (let x = 0; x < width; x++, i++) data[i]! += amplitude * Math.cos(fx * x + fy * y + phase)
      }
    }
  }
  fromOpponents(data)
}

/** 1/f noise: brightness down to fine detail, differences of colour only coarse, as in natural images. */
const octaves: Painter = (data, width, height, random) => {
  const plane = width * height
  const longest = Math.max(width, height)
  const slope = between(random, 0.15, 0.8)
  addOctaves(data, 0, width, height, random, longest, 2.5, slope, 0.42)
  for (let channel = 1; channel < 3; channel++) {
    addOctaves(data, channel * plane, width, height, random, longest, 7, slope + 0.2, 0.16)
  }
  fromOpponents(data)
}

const leaves: Painter = (data, width, height, random) =>
  paintLeaves(data, width, height, random, relatedColours(random))

/** Adds faint 1/f texture of one brightness to all three planes. */
function roughen(data: Float32Array, width: number, height: number, random: Random, amount: number): void {
  const plane = width * height
  const grain = new Float32Array(plane)
  addOctaves(grain, 0, width, height, random, Math.max(width, height), 3.5, 0.3, amount)
  for (let i = 0; i < plane; i++) {
    for (let channel = 0; channel < 3; channel++) data[channel * plane + i]! *= 1 + grain[i]!
  }
}

/** Colours from one to the next of three along the values of a plane. */
function colourPlane(data: Float32Array, values: Float32Array, colours: readonly [Colour, Colour, Colour]): void {
  const plane = values.length
  for (let channel = 0; channel < 3; channel++) {
    const [a, b, c] = [colours[0][channel]!, colours[1][channel]!, colours[2][channel]!]
    for (let i = 0; i < plane; i++) {
      const value = 2 * clamp(values[i]!, 0, 1)
      data[channel * plane + i] = value < 1 ? a + (b - a) * value : b + (c - b) * (value - 1)
    }
  }
}

const patterns: Painter = (data, width, height, random) => {
  const values = new Float32Array(width * height)
  fillPattern(values, width, height, random)
  const colour = relatedColours(random)
  colourPlane(data, values, [colour(), colour(), colour()])
  if (random() < 0.6) roughen(data, width, height, random, between(random, 0.05, 0.2))
}

/** Dark strokes on a light, uneven page, or the other way round. */
const strokes: Painter = (data, width, height, random) => {
  const plane = width * height
  const ink = new Float32Array(plane)
  fillStrokes(ink, width, height, random)
  const colour = relatedColours(random)
  const [page, pen] = [colour(), colour()]
  const lift = random() < 0.75 ? 0.35 : -0.35
  for (let channel = 0; channel < 3; channel++) {
    for (let i = 0; i < plane; i++) {
      data[channel * plane + i] = page[channel]! + lift + (pen[channel]! - lift - page[channel]! - lift) * ink[i]!
    }
  }
  roughen(data, width, height, random, 0.08)
}

const painters: readonly (readonly [share: number, painter: Painter])[] = [
  [0.1, fields],
  [0.2, octaves],
  [0.45, leaves],
  [0.17, patterns],
  [0.08, strokes],
]

/** Draws the picture of a seed into three planes of `target` from `start`. */
export function paintPicture(seed: number, width: number, height: number, target: Float32Array, start: number): void {
  const random = randomFrom(seed)
  const data = target.subarray(start, start + 3 * width * height)
  data.fill(0)
  let choice = random()
  const painter = painters.find(([share]) => {
    choice -= share
    return choice < 0
  })
  ;(painter ?? painters[0]!)[1](data, width, height, random)
  develop(data, random)
}

/**
 * A training picture from a seed: like a photograph in its spectrum, edges and colours, though of nothing.
 *
 * @returns 3 × height × width in [−1, 1]
 * @example proceduralPicture(3, 64, 64)
 */
export function proceduralPicture(seed: number, width: number, height: number): Image {
  const data = new Float32Array(3 * width * height)
  paintPicture(seed, width, height, data, 0)
  return { width, height, data }
}
