/** Whole numbers and lists of them on the command line. */
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
