/** Clips, channels × frames × height × width, as their frames and back. */
import { type Tensor, tensor } from '../math/tensor.js'

/** The frames of a clip, each channels × height × width. */
export function framesOfClip({ shape, data }: Tensor): readonly Tensor[] {
  const [channels, frames, height, width] = shape as [number, number, number, number]
  const area = height * width
  return Array.from({ length: frames }, (_, frame) => {
    const one = new Float64Array(channels * area)
    for (let channel = 0; channel < channels; channel++) {
      const from = (channel * frames + frame) * area
      one.set(data.subarray(from, from + area), channel * area)
    }
    return tensor([channels, height, width], one)
  })
}

/** The clip of frames of one size. */
export function clipOfFrames(frames: readonly Tensor[]): Tensor {
  const [channels, height, width] = frames[0]!.shape as [number, number, number]
  const area = height * width
  const data = new Float64Array(channels * frames.length * area)
  for (const [i, frame] of frames.entries()) {
    for (let channel = 0; channel < channels; channel++) {
      data.set(frame.data.subarray(channel * area, (channel + 1) * area), (channel * frames.length + i) * area)
    }
  }
  return tensor([channels, frames.length, height, width], data)
}

/** Most frames of a strip. */
const mostShown = 4

/** A few frames of a clip side by side, evenly spaced from the first to the last; a picture as it is. */
export function filmstrip(picture: Tensor): Tensor {
  if (picture.shape.length < 4) return picture
  const frames = framesOfClip(picture)
  const count = Math.min(mostShown, frames.length)
  const chosen = Array.from(
    { length: count },
    (_, i) => frames[Math.round((i * (frames.length - 1)) / Math.max(1, count - 1))]!,
  )
  const [channels, height, width] = chosen[0]!.shape as [number, number, number]
  const strip = new Float64Array(channels * height * width * count)
  for (const [i, { data }] of chosen.entries()) {
    for (let row = 0; row < channels * height; row++) {
      strip.set(data.subarray(row * width, (row + 1) * width), (row * count + i) * width)
    }
  }
  return tensor([channels, height, count * width], strip)
}
