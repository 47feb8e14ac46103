/** What a seed may be, for everything that draws random numbers. */
import { expected } from './errors.js'

/** Throws `bad-option` for a seed that is not an integer from 0 to 2⁵³ − 1; gives it back otherwise. */
export function checkSeed(seed: number): number {
  if (Number.isSafeInteger(seed) && seed >= 0) return seed
  const got = typeof seed === 'string' ? `the text \`${seed}\`` : `${seed}`
  throw expected('bad-option', 'an integer from 0 to 2⁵³ − 1', '`seed`', got, 'Any such number will do.')
}
