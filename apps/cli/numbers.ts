/** Numbers and lists of numbers, as options of commands without an operation. */
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

/** The same above 0. */
export function positiveNumber(text: string): number {
  const value = finiteNumber(text)
  if (value > 0) return value
  throw new InvalidArgumentError('It must be a number above 0.')
}

/** Reads strengths of guidance, separated by commas. */
export function guidances(text: string): readonly number[] {
  const values = text.split(',').map(finiteNumber)
  if (values.every((value) => value >= 1)) return values
  throw new InvalidArgumentError('It must be numbers of at least 1, separated by commas.')
}
