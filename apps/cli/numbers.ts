/** Numbers, lists of them and sizes on the command line. */
import { InvalidArgumentError } from 'commander'

/** Reads one number; `12abc`, `1.5` and smaller ones are refused. */
export const integerAtLeast =
  (least: number) =>
  (text: string): number => {
    const value = text.trim() === '' ? Number.NaN : Number(text)
    if (Number.isSafeInteger(value) && value >= least) return value
    throw new InvalidArgumentError(`It must be a whole number of at least ${least}.`)
  }

/** Reads `20,50,100`: each at least `least`. */
export const integersAtLeast =
  (least: number) =>
  (text: string): readonly number[] =>
    text.split(',').map(integerAtLeast(least))

/** Reads a number; `NaN`, `Infinity`, nothing and words are refused. */
export function finiteNumber(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (Number.isFinite(value)) return value
  throw new InvalidArgumentError('It must be a finite number.')
}

export interface PictureSize {
  readonly width: number
  readonly height: number
}

/** Reads `128`, a square, or `192x128`, width × height. */
export function pictureSize(text: string): PictureSize {
  const [, width, height = width] = /^(\d{1,5})(?:[x×](\d{1,5}))?$/.exec(text.trim()) ?? []
  const size = { width: Number(width), height: Number(height) }
  if (size.width > 0 && size.height > 0) return size
  throw new InvalidArgumentError('It must be pixels, as 128 or 192x128 (width x height).')
}

/** Reads a number between 0 and 1, both left out: a rate. */
export function rate(text: string): number {
  const value = finiteNumber(text)
  if (value > 0 && value < 1) return value
  throw new InvalidArgumentError('It must be a number between 0 and 1, as 1e-6.')
}

/** Reads a number above 0, at most 1. */
export function positiveShare(text: string): number {
  const value = finiteNumber(text)
  if (value > 0 && value <= 1) return value
  throw new InvalidArgumentError('It must be a number above 0, at most 1.')
}

/** Reads strengths of guidance, separated by commas. */
export function guidances(text: string): readonly number[] {
  const values = text.split(',').map(finiteNumber)
  if (values.every((value) => value >= 1)) return values
  throw new InvalidArgumentError('They must be at least 1.')
}
