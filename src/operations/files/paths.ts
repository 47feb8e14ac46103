/** Names of files as text; where files lie is the host's to know. */

/** The last name of a path, for messages and labels. */
export const lastName = (path: string): string => path.split(/[\\/]/).findLast((part) => part !== '') ?? path

/** `.png` of `a.b.png`; nothing of a name without an ending. */
export function endingOf(path: string): string {
  const name = lastName(path)
  const dot = name.lastIndexOf('.')
  return dot > 0 ? name.slice(dot) : ''
}

export const withoutEnding = (path: string): string => path.slice(0, path.length - endingOf(path).length)
