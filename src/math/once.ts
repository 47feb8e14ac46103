/** Tables that cost something to make are made when they are first asked for: importing does no work. */

/**
 * A function that makes a value the first time and gives the same one afterwards.
 *
 * @example
 * const table = once(() => new Float64Array(3))
 * table() === table() // true
 */
export function once<T extends object>(make: () => T): () => T {
  let made: T | undefined
  return () => {
    made ??= make()
    return made
  }
}
