/** Memory as it is told and limited: what would be needed, and what may be taken. */
import { expected } from './errors.js'

/** What the values of a network take while it runs, weights left out, and what they may take. */
export interface MemoryNeed {
  /** Estimated: what is really taken may be twice as much, or a little less. */
  readonly neededBytes: number
  /** Infinity where nothing is known of the device. */
  readonly allowedBytes: number
}

/** Bytes as MiB or GiB. */
export const memoryText = (bytes: number): string =>
  bytes < 2 ** 30 ? `${(bytes / 2 ** 20).toFixed(0)} MiB` : `${(bytes / 2 ** 30).toFixed(2)} GiB`

/** Throws `bad-shape` where more is needed than may be taken; `size` says for what: `a picture of 2048×2048`. */
export function checkMemory({ neededBytes, allowedBytes }: MemoryNeed, subject: string, size: string): void {
  if (neededBytes <= allowedBytes) return
  throw expected(
    'bad-shape',
    `a size that takes at most ${memoryText(allowedBytes)} of memory`,
    subject,
    `${size}, which takes about ${memoryText(neededBytes)}`,
    'Use smaller pictures, or fewer at a time, or close other programs; or allow more memory.',
    { hint: 'allow-memory' },
  )
}
