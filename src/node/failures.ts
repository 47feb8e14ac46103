/** What the operating system's error codes mean to a person: one table for reading and writing. */
import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import { expected, type UndiffuseError } from '../core/errors.js'

const throughFile = 'a path through something that is not a folder'

const reasons: Readonly<Record<string, readonly [got: string, remedy: string]>> = {
  ENOENT: ['no such file or folder', 'Check the path.'],
  ENOTDIR: [throughFile, 'Check the path.'],
  EEXIST: [throughFile, 'Check the path.'],
  EISDIR: ['a folder', 'Pass the path of a file.'],
  EACCES: ['no permission', 'Change the permissions or choose another place.'],
  EPERM: ['no permission', 'Change the permissions or choose another place.'],
  EROFS: ['a read-only file system', 'Choose another place.'],
  ENOSPC: ['no space left on the device', 'Free some space or choose another place.'],
  EDQUOT: ['no space left in the quota', 'Free some space or choose another place.'],
  ENAMETOOLONG: ['a name that is too long', 'Choose a shorter name.'],
  ELOOP: ['links that lead in a circle', 'Check the path.'],
  EMFILE: ['too many open files', 'Close other programs or raise the limit (ulimit -n).'],
}

/** The operating system's code (`ENOENT`, …) of an error that Node's file functions threw. */
export const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'syscall' in error && 'code' in error ? String(error.code) : undefined

/** What went wrong and what to do. */
export const reasonOf = (error: unknown): readonly [got: string, remedy: string] =>
  reasons[codeOf(error) ?? ''] ?? [
    error instanceof Error ? error.message : String(error),
    'Check the path and the disk.',
  ]

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/** The file that a path leads through as if it were a folder; undefined where there is none. */
function fileWithin(path: string): string | undefined {
  return isFile(path) ? path : dirname(path) === path ? undefined : fileWithin(dirname(path))
}

/** An `unavailable` error about a path, with the system's error as its cause. */
export function unavailable(what: string, path: string, error: unknown): UndiffuseError {
  const [reason, remedy] = reasonOf(error)
  const file = reason === throughFile ? fileWithin(path) : undefined
  const got = file === undefined ? reason : `\`${file}\`, which is a file, not a folder`
  return expected('unavailable', what, `\`${path}\``, got, remedy, { cause: error })
}
