/** Numbers as people read them, the same in every sheet and in the words of every application. */

/** Of equal pictures a PSNR is infinite; JSON has null for that. */
export const decibels = (value: number | null): string =>
  value === null || value === Number.POSITIVE_INFINITY ? 'no error' : `${value.toFixed(2)} dB`

/** Of an error: equal tensors have −∞ dB. */
export const errorDecibels = (value: number): string =>
  value === Number.NEGATIVE_INFINITY ? 'no error' : `${value.toFixed(1)} dB`

/** Rounded down, so that 100 % means all of them. */
export const percent = (share: number): string => `${(Math.floor(share * 1e4) / 100).toFixed(2)} %`

/** A prompt in quotes, or that there is none; an empty one asks for nothing. */
export const promptText = (prompt: string | null): string =>
  prompt === null || prompt.trim() === '' ? 'without a prompt' : `“${prompt}”`

export { plural } from '../../core/plural.js'

/** Three digits, and never a 0 that is a rounded one. */
export function probability(value: number): string {
  if (value < 1e-300) return 'below 1e-300'
  return value < 1e-3 ? value.toExponential(2).replace(/\.?0*e/, 'e') : `${Number(value.toPrecision(3))}`
}
