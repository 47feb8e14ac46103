/** Which words two prompts do not share. Words are what white space parts; case and punctuation do not count. */

export interface ChangedWords {
  /** Places of words, counted from 0, that the other prompt does not have there. */
  readonly from: readonly number[]
  readonly to: readonly number[]
}

const writtenIn = (prompt: string): readonly string[] => prompt.split(/\s+/).filter((word) => word !== '')

/** The words of a prompt as they are compared. */
export const wordsOf = (prompt: string): readonly string[] =>
  writtenIn(prompt).map((word) => word.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, ''))

/**
 * The words outside the longest common subsequence of two prompts.
 *
 * @example changedWords('a red ball, on sand', 'a red star on wet sand') // { from: [2], to: [2, 4] }
 */
export function changedWords(from: string, to: string): ChangedWords {
  const [a, b] = [wordsOf(from), wordsOf(to)]
  // common[i][j]: how many words a from i and b from j have in common.
  const common = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0))
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      common[i]![j] = a[i] === b[j] ? common[i + 1]![j + 1]! + 1 : Math.max(common[i + 1]![j]!, common[i]![j + 1]!)
    }
  }
  const changed = { from: [] as number[], to: [] as number[] }
  let [i, j] = [0, 0]
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) [i, j] = [i + 1, j + 1]
    else if (j === b.length || (i < a.length && common[i + 1]![j]! >= common[i]![j + 1]!)) changed.from.push(i++)
    else changed.to.push(j++)
  }
  return changed
}

/** The changed words of both prompts, as they are written. */
export function changedTexts(from: string, to: string): readonly string[] {
  const changed = changedWords(from, to)
  const [before, after] = [writtenIn(from), writtenIn(to)]
  return [...changed.from.map((i) => before[i]!), ...changed.to.map((j) => after[j]!)]
}
