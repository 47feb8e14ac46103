/**
 * Pictures, clips, latents and masks as planes: the last two axes are height and width, and whatever lies before them,
 * channels or frames, counts planes. The one place where a function of pixels reads axes by their position.
 */
import { type Shape, sizeOf } from '../math/tensor.js'

export interface Planes {
  /** Of channels and, of clips, frames. */
  readonly count: number
  readonly height: number
  readonly width: number
}

/**
 * How many planes there are, and the sides of each.
 *
 * @example planesOf([3, 24, 32]) // { count: 3, height: 24, width: 32 }
 */
export function planesOf(shape: Shape): Planes {
  const [height, width] = shape.slice(-2) as [number, number]
  return { count: sizeOf(shape.slice(0, -2)), height, width }
}

/** `480×320`: the width and the height of a picture, as people say them. */
export const sizeText = ({ width, height }: { readonly width: number; readonly height: number }): string =>
  `${width}×${height}`

/** The shape with planes of another height and width. */
export const withSides = (shape: Shape, height: number, width: number): Shape => [...shape.slice(0, -2), height, width]
