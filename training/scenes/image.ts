/** Pictures as plain numbers. Not a codec and not the library's Tensor: the training data stands on its own. */

/** RGB in [−1, 1], planar: channels × height × width. */
export interface Image {
  readonly width: number
  readonly height: number
  readonly data: Float32Array
}

/** One plane of coverage in [0, 1]: height × width. */
export interface Mask {
  readonly width: number
  readonly height: number
  readonly data: Float32Array
}

/** Red, green and blue in [0, 1]. */
export type Colour = readonly [red: number, green: number, blue: number]

export const blend = (a: Colour, b: Colour, share: number): Colour => [
  a[0] + (b[0] - a[0]) * share,
  a[1] + (b[1] - a[1]) * share,
  a[2] + (b[2] - a[2]) * share,
]

export const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high)

/** 0 below `low`, 1 above `high`, smooth between. */
export function smoothstep(low: number, high: number, value: number): number {
  const t = clamp((value - low) / (high - low), 0, 1)
  return t * t * (3 - 2 * t)
}
