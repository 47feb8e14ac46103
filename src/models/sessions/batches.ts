/** How many rows a network sees at once, where as many as are asked for need not be the best. */

/** The rows of the largest batch that so many rows are run in. */
export const largestBatch = (rows: number): number => 2 ** Math.floor(Math.log2(rows))

/**
 * Runs rows in batches whose sizes are powers of two, the largest first; results in the order of the rows.
 *
 * A network is a session of its own for each size of its batch, with memory for its activations. Work that shares runs ends
 * piece by piece, and asks for 8, 7, 6, … rows: 8, 4, 2 and 1 then serve all sizes (7 = 4 + 2 + 1). Cost: one run for each
 * 1 in the binary digits of the number of rows.
 *
 * @example const latents = await inBatches(images, (some) => encode(some))
 */
export async function inBatches<Row, Result>(
  rows: readonly Row[],
  run: (some: readonly Row[]) => Promise<readonly Result[]>,
): Promise<Result[]> {
  const results: Result[] = []
  while (results.length < rows.length) {
    const left = rows.length - results.length
    results.push(...(await run(rows.slice(results.length, results.length + largestBatch(left)))))
  }
  return results
}
