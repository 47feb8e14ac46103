/** All numbers of 16-bit floating point, for those who read them by the million. */
import { fromHalfBits } from '../math/half.js'
import { once } from '../math/once.js'

/** By their bits. */
export const halfNumbers = once(() =>
  Float32Array.from(fromHalfBits(Uint16Array.from({ length: 2 ** 16 }, (_, bits) => bits))),
)

/** The number whose two bytes lie at `at`, the lower first. */
export const halfNumber = (bytes: Uint8Array, at: number): number => halfNumbers()[bytes[at]! | (bytes[at + 1]! << 8)]!
