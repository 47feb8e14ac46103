/**
 * What a generated picture may do to a scene that leaves its words the same: moved by a few pixels, blurred, tinted,
 * uneven, noisy. So that the reader does not mistake the renderer's exact pixels for the meaning.
 */
import { clamp, type Image } from '../image.js'
import { addOctave } from '../noise.js'
import { between, type Random } from '../random.js'

const largestShift = 3
const largestBlur = 0.5
const largestGain = 0.08
const largestTint = 0.05
const largestUnevenness = 0.06
const largestNoise = 0.08

/** The picture moved by whole pixels; what comes in at the edge repeats it. */
function shifted({ width, height, data }: Image, right: number, down: number): Float32Array {
  const moved = new Float32Array(data.length)
  for (let row = 0, i = 0; row < 3 * height; row++) {
    const plane = Math.floor(row / height)
    const from = (plane * height + clamp((row % height) - down, 0, height - 1)) * width
    for (let column = 0; column < width; column++, i++) moved[i] = data[from + clamp(column - right, 0, width - 1)]!
  }
  return moved
}

/** Mixes every number with the mean of its two neighbours along an axis: (share/2, 1 − share, share/2). */
function blur(data: Float32Array, width: number, height: number, share: number): void {
  const copy = new Float32Array(data.length)
  for (const step of [1, width]) {
    copy.set(data)
    const last = step === 1 ? width - 1 : height - 1
    for (let row = 0, i = 0; row < 3 * height; row++) {
      for (let column = 0; column < width; column++, i++) {
        const place = step === 1 ? column : row % height
        const before = place === 0 ? i : i - step
        const after = place === last ? i : i + step
        data[i] = copy[i]! + share * ((copy[before]! + copy[after]!) / 2 - copy[i]!)
      }
    }
  }
}

/** Each kind of disturbance happens to half of the pictures; the result stays in [−1, 1]. */
export function disturb(image: Image, random: Random): Float32Array {
  const { width, height } = image
  const plane = width * height
  const happens = () => random() < 0.5
  const shift = () => Math.floor(between(random, -largestShift, largestShift + 1))
  const data = happens() ? shifted(image, shift(), shift()) : image.data.slice()
  if (happens()) blur(data, width, height, between(random, 0, largestBlur))
  if (happens()) {
    for (let channel = 0; channel < 3; channel++) {
      const gain = 1 + between(random, -largestGain, largestGain)
      const tint = between(random, -largestTint, largestTint)
      for (let i = channel * plane; i < (channel + 1) * plane; i++) data[i] = data[i]! * gain + tint
    }
  }
  if (happens()) {
    for (let channel = 0; channel < 3; channel++) {
      const amplitude = between(random, 0, largestUnevenness)
      addOctave(data, channel * plane, width, height, random, between(random, 4, 20), amplitude)
    }
  }
  const noise = happens() ? between(random, 0, largestNoise) : 0
  for (let i = 0; i < data.length; i++) data[i] = clamp(data[i]! + (noise && noise * between(random, -1, 1)), -1, 1)
  return data
}
