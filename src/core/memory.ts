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
  /** Little work, and how many times as many pixels the one that fits has; absent where that is not known, or would not fit. */
  readonly quick?: { readonly size: string; readonly times: number }
}

/** The quick size comes first: people take the first. */
const sizesText = ({ fits, quick }: SmallerSizes): string =>
  quick
    ? `a picture of ${quick.size}. One of ${fits} fits too, and takes at least ${Math.round(quick.times)} times as long. Else`
    : `a picture of ${fits}, which fits, or a smaller one, which is quicker. Else`

/**
 * Throws `bad-shape` where more is needed than may be taken; `size` says for what: `a picture of 2048×2048`, and `fitting` which
 * sizes would fit. `more` is said last.
 */
export function checkMemory(
  need: MemoryNeed,
  subject: string,
  size: string,
  fitting?: () => SmallerSizes | undefined,
  more?: string,
): void {
  const { neededBytes, weightBytes, allowedBytes } = need
  if (neededBytes <= allowedBytes) return
  const mostlyWeights = weightBytes > neededBytes / 2
  const sizes = fitting?.()
  const smaller = mostlyWeights
    ? 'weights of 8 or 4 bits, or'
    : sizes === undefined
      ? 'smaller pictures, or fewer at a time, or'
      : sizesText(sizes)
  throw expected(
    'bad-shape',
    `a size that takes at most ${memoryText(allowedBytes)} of memory`,
    subject,
    `${size}, which takes about ${memoryText(neededBytes)}${mostlyWeights ? `, ${memoryText(weightBytes)} of them weights` : ''}`,
    `Use ${smaller} close other programs, or allow more memory.${more === undefined ? '' : ` ${more}`}`,
    { hint: 'allow-memory' },
  )
}
