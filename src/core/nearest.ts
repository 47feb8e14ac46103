/** "Did you mean …?": the candidate that differs from a mistyped word by the fewest edits. */

/** Edits (insert, delete, replace, swap neighbours) between two words: the optimal string alignment distance. */
function editDistance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= a.length; i++) {
    const above = rows[i - 1]!
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row[j] = Math.min(
        above[j]! + 1,
        row[j - 1]! + 1,
        above[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1),
        swapped ? rows[i - 2]![j - 2]! + 1 : Number.POSITIVE_INFINITY,
      )
    }
    rows.push(row)
  }
  return rows[a.length]![b.length]!
}

/**
 * The candidate nearest to a word, ignoring case and separators, or undefined when none is near enough: at most one
 * edit, or one in three letters. Another letter doubled is one edit: `dimm` for `ddim`.
 *
 * @example nearest('learning-rate', ['iterations', 'learningRate']) // 'learningRate'
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const plain = (text: string) => text.toLowerCase().replace(/[-_ ]/g, '')
  const single = (text: string) => plain(text).replace(/(.)\1/g, '$1')
  const distance = (candidate: string) =>
    Math.min(editDistance(plain(word), plain(candidate)), single(word) === single(candidate) ? 1 : Infinity)
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: distance(candidate) }))
    .sort((a, b) => a.distance - b.distance)
  const best = ranked[0]
  return best && best.distance <= Math.max(1, Math.floor(best.candidate.length / 3)) ? best.candidate : undefined
}
