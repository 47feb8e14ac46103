/**
 * Names of tensors in the first publication of a model, which GGUF files keep: as lines of a table, one for each layer that
 * a network repeats or has once.
 */
import type { Origin } from '../../checkpoints/gguf-weights.js'

/**
 * Ours, theirs, and which rows of theirs; `#` is a number that both have. A layer's name stands for its `weight` and its `bias`.
 */
export type NameLine = readonly [ours: string, theirs: string, rows?: Origin['rows']]

const number = /(?<=\.|^)\d+(?=\.|$)/

/** With the first number as `#`, and which it is. */
function numbered(name: string): readonly [pattern: string, number: string] {
  const [found = ''] = number.exec(name) ?? []
  return [found === '' ? name : name.replace(number, '#'), found]
}

/** Origins by a table. Later lines stand before earlier ones of the same name. */
export function originsBy(lines: readonly NameLine[]): (name: string) => Origin | undefined {
  const table = new Map(lines.map(([ours, ...theirs]) => [ours, theirs] as const))
  return (name) => {
    const [, stem = '', suffix = ''] = /^(.*)(\.(?:weight|bias))$/.exec(name) ?? []
    for (const [whole, rest] of [
      [name, ''],
      [stem, suffix],
    ] as const) {
      const [pattern, found] = numbered(whole)
      const line = table.get(whole) ?? table.get(pattern)
      if (!line) continue
      const [theirs, rows] = line
      return { tensor: `${theirs.replace('#', found)}${rest}`, ...(rows !== undefined && { rows }) }
    }
    return undefined
  }
}

/** Queries, keys and values that lie in one matrix. */
export const threeIn = (ours: readonly string[], theirs: string): readonly NameLine[] =>
  ours.map((name, i) => [name, theirs, i] as const)

/** Names that both have. */
export const asOurs = (names: readonly string[]): readonly NameLine[] => names.map((name) => [name, name] as const)
