/** What rounding does to a picture: the part of ‖D(z) − x‖ that no latent explains. */

/**
 * ‖round(x) − x‖ of a picture of this many numbers in [−1, 1], for errors spread evenly over a step of 2/(levels − 1):
 * 2/(levels − 1)·√(count/12). For 8 bits 0.00226 for each number.
 *
 * @example roundingNorm(3 * 512 * 512, 256)
 */
export const roundingNorm = (count: number, levels: number): number => (2 / (levels - 1)) * Math.sqrt(count / 12)

/** s² = (2/(levels − 1))²/12: the variance of one number's rounding error. */
export const roundingVariance = (levels: number): number => (2 / (levels - 1)) ** 2 / 12

/** ‖D(z) − x‖ up to this multiple of `roundingNorm` is explained by it: sums of errors spread evenly vary by less. */
export const roundingMargin = 1.05
