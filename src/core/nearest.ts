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

const plain = (text: string): string => text.toLowerCase().replace(/[-_ ]/g, '')
const single = (text: string): string => plain(text).replace(/(.)\1/g, '$1')

/** The words of a name: `gaussian`, `shading`; `learning`, `rate`. */
const wordsOf = (name: string): readonly string[] =>
  name.split(/[-_ ]|(?<=[a-z])(?=[A-Z])/).map((word) => word.toLowerCase())

/** Shorter beginnings, and shorter words of a name, are those of too much. */
const [leastBeginning, leastWord] = [3, 3]

/** The candidates that a word is the beginning of. */
function begunBy(word: string, candidates: readonly string[]): readonly string[] {
  const short = plain(word)
  return short.length >= leastBeginning ? candidates.filter((candidate) => plain(candidate).startsWith(short)) : []
}

/** The candidate one word of which this is, with one edit in five letters. */
function partly(word: string, candidates: readonly string[]): string | undefined {
  const short = plain(word)
  const isWord = (one: string) =>
    Math.min(one.length, short.length) >= leastWord && editDistance(short, one) <= Math.floor(one.length / 5)
  return candidates.find((candidate) => wordsOf(candidate).some(isWord))
}

/** What English puts behind a word: `edit` in `editing`, `generat` in `generation`. */
const endings = /(at)?(ions?|ings?|ors?|ers?|ed|es?|s)$/
/** Shorter stems, and shorter ones that go on otherwise, are those of too much: `comparison` goes on from `compar`. */
const [leastStem, leastRoot] = [4, 6]

/** `invert` of `inversion` and of `inverting`. */
const stemOf = (word: string): string => plain(word).replace(endings, '').replace(/rs$/, 'rt')

/** The candidate that is another form of a word, or that the word is a longer form of. */
function inflected(word: string, candidates: readonly string[]): string | undefined {
  const stem = stemOf(word)
  const find = (least: number, fits: (known: string) => boolean) =>
    candidates.find((one) => stemOf(one).length >= least && fits(stemOf(one)))
  return find(leastStem, (known) => known === stem) ?? find(leastRoot, (known) => stem.startsWith(known))
}

/**
 * The candidate nearest to a word, ignoring case and separators, or undefined when none is near enough: the only one that it
 * begins, or one at most one edit away, or one in three letters. Another letter doubled is one edit: `dimm` for `ddim`. Else the
 * one that it is short for, or another form of.
 *
 * @example nearest('learning-rate', ['iterations', 'learningRate']) // 'learningRate'
 * @example nearest('gausian', ['tree-ring', 'gaussian-shading']) // 'gaussian-shading'
 * @example nearest('editing', ['generate', 'edit']) // 'edit'
 * @example nearest('exit', ['edit', 'exit-codes']) // 'exit-codes'
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const begun = begunBy(word, candidates)
  if (begun.length === 1) return begun[0]
  const distance = (candidate: string) =>
    Math.min(editDistance(plain(word), plain(candidate)), single(word) === single(candidate) ? 1 : Infinity)
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: distance(candidate) }))
    .sort((a, b) => a.distance - b.distance)
  const best = ranked[0]
  const isNear = best && best.distance <= Math.max(1, Math.floor(best.candidate.length / 3))
  return isNear ? best.candidate : (begun[0] ?? partly(word, candidates) ?? inflected(word, candidates))
}
