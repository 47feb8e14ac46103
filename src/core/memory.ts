/** Memory as it is told and limited: what would be needed, and what may be taken. */
import { expected } from './errors.js'

/** What a network takes while it runs, and what it may take. */
export interface MemoryNeed {
  /** Weights and values. Estimated: what values really take may be twice as much, or a little less. */
  readonly neededBytes: number
  /** Of these the weights, as they are stored: every run reads them all. */
  readonly weightBytes: number
  /** Infinity where nothing is known of the device. */
  readonly allowedBytes: number
}

/** Bytes as MiB or GiB. */
export const memoryText = (bytes: number): string =>
  bytes < 2 ** 30 ? `${(bytes / 2 ** 20).toFixed(0)} MiB` : `${(bytes / 2 ** 30).toFixed(2)} GiB`

/** Sizes of pictures to take instead, as text. */
export interface SmallerSizes {
  readonly fits: string
  /** Little work; absent where that is not known, or would not fit. */
  readonly quick?: string
}

/**
 * Throws `bad-shape` where more is needed than may be taken; `size` says for what: `a picture of 2048×2048`, and `fitting` which
 * sizes would fit.
 */
export function checkMemory(
  need: MemoryNeed,
  subject: string,
  size: string,
  fitting?: () => SmallerSizes | undefined,
): void {
  const { neededBytes, weightBytes, allowedBytes } = need
  if (neededBytes <= allowedBytes) return
  const mostlyWeights = weightBytes > neededBytes / 2
  const sizes = fitting?.()
  const quicker = sizes?.quick === undefined ? 'a smaller one, which is quicker' : `${sizes.quick}, which is quick`
  const smaller = mostlyWeights
    ? 'weights of 8 or 4 bits'
    : sizes === undefined
      ? 'smaller pictures, or fewer at a time'
      : `a picture of ${sizes.fits}, which fits, or of ${quicker}`
  throw expected(
    'bad-shape',
    `a size that takes at most ${memoryText(allowedBytes)} of memory`,
    subject,
    `${size}, which takes about ${memoryText(neededBytes)}${mostlyWeights ? `, ${memoryText(weightBytes)} of them weights` : ''}`,
    `Use ${smaller}, or close other programs; or allow more memory.`,
    { hint: 'allow-memory' },
  )
}
