/** Which options name methods, and where the subject of a command is that stands behind a list of them. */
import type { Command, Option } from 'commander'

const optionMethods = new WeakMap<Option, readonly string[]>()

/** Says that an option may name methods of these ids. */
export function takesMethods(option: Option, ids: readonly string[]): void {
  optionMethods.set(option, ids)
}

/** The ids of the methods that an option may name. */
export const methodsOf = (option: Option): readonly string[] => optionMethods.get(option) ?? []

/** What no id of a method looks like, nor several joined by + or a comma: a prompt, or a path. */
const isSubject = (word: string): boolean => !/^[\w+,-]*$/.test(word.split(':')[0]!.trim())

/**
 * Words whose subject stands behind a list of methods, as `--inverters naive implicit "a ball"`, with the subject before the
 * options. `begin` is where the options of the command begin.
 */
export function subjectsFirst(command: Command, words: readonly string[], begin: number): readonly string[] {
  const lists = command.options.filter((option) => option.variadic && methodsOf(option).length > 0)
  let inList = false
  const isBehind = words.map((word, i) => {
    if (word.startsWith('-')) inList = i >= begin && lists.some(({ short, long }) => word === short || word === long)
    else if (inList && isSubject(word)) return true
    return false
  })
  const [subjects, others] = [words.filter((_, i) => isBehind[i]), words.filter((_, i) => !isBehind[i])]
  return [...others.slice(0, begin), ...subjects, ...others.slice(begin)]
}
