/** A file that says which process writes to another one, so that no second one does. It keeps away those who ask. */
import { randomUUID } from 'node:crypto'
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import { expected } from '../core/errors.js'
import type { Lock } from '../operations/host.js'
import { atExit } from '../runtimes/onnxruntime-node/at-exit.js'
import { isGone } from '../runtimes/onnxruntime-node/process.js'
import { codeOf, unavailable } from './failures.js'

/** What is in the file. The id is of this one lock. */
interface Holder {
  readonly pid: number
  readonly host: string
  readonly id: string
}

/** Ids of the locks that this process holds. */
const held = new Set<string>()

/** A file that is still empty after this time was not filled because its process ended, or the machine did. */
const fillingMilliseconds = 500

/**
 * Takes the lock of `name`: a file at `path` that only one process can make, and only while there is none.
 *
 * The file of a process that is gone is taken over, so that a run that was killed goes on with nothing done by hand. Who
 * removes such a file holds a lock of that (`path`.lock, made and taken over in the same way) and looks again first, so two
 * processes that find it at the same time do not both take it. The file is removed by `release` and at the end of the
 * process; after SIGKILL it stays, and is taken over.
 *
 * Whether a process is gone is asked of the system by its number, on the machine of the same name. Numbers are given again:
 * where another process has that of a run that was killed, the lock counts as held, and the message says what to remove. A
 * lock with this process's own number that it does not hold is one of those, and is taken over: processes of a container
 * that is started again have the same numbers. Containers that share a machine's name, but not its processes, do not see
 * each other. Of another machine nothing is known: its locks are held.
 *
 * Throws `unavailable` where another process holds it, or the file cannot be written; `bad-option` for a file of another kind.
 */
export async function takeLock(path: string, name: string): Promise<Lock> {
  const holder: Holder = { pid: process.pid, host: hostname(), id: randomUUID() }
  const text = `${JSON.stringify(holder)}\n`
  held.add(holder.id)
  function release() {
    held.delete(holder.id)
    forget()
    // Whoever removed it by hand may have let another process in.
    if (textAt(path) === text) rmSync(path, { force: true })
  }
  const forget = atExit(release)
  try {
    while (!made(path, text)) if (await isLeft(path, name)) await removeLeft(path, name)
  } catch (error) {
    release()
    throw error
  }
  return { release }
}

/** Makes the file; false where there is one. */
function made(path: string, text: string): boolean {
  try {
    const file = openSync(path, 'wx')
    try {
      writeFileSync(file, text)
    } catch (error) {
      rmSync(path, { force: true })
      throw error
    } finally {
      closeSync(file)
    }
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw unavailable('a file that can be written', path, error)
  }
  // A process that was held up between making and filling it finds that it was taken over.
  return textAt(path) === text
}

/** Whether a process that is gone left the file; false where there is none any more. Throws where it is held. */
async function isLeft(path: string, name: string): Promise<boolean> {
  if (isEmpty(textAt(path))) await setTimeout(fillingMilliseconds)
  const text = textAt(path)
  if (text === undefined || isEmpty(text)) return text !== undefined
  const holder = holderIn(text)
  if (!holder) {
    const remedy = 'It was changed or is another file: remove it if no run is under way.'
    throw expected('bad-option', 'a lock', `\`${path}\``, 'something else', remedy)
  }
  if (isLost(holder)) return true
  const { pid, host } = holder
  const isHere = host === hostname()
  const got = `process ${pid}${isHere ? '' : ` of \`${host}\``}, which holds \`${path}\``
  const remedy = isHere
    ? `Wait for it, or write elsewhere; if process ${pid} is no such run, remove that file.`
    : 'If that run is gone, remove that file.'
  throw expected('unavailable', 'no other run', `\`${name}\``, got, remedy)
}

async function removeLeft(path: string, name: string): Promise<void> {
  const removing = await takeLock(`${path}.lock`, name)
  try {
    if (await isLeft(path, name)) rmSync(path, { force: true })
  } finally {
    removing.release()
  }
}

function isLost({ pid, host, id }: Holder): boolean {
  if (host !== hostname()) return false
  return pid === process.pid ? !held.has(id) : isGone(pid)
}

/** Undefined where there is no file. */
function textAt(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw unavailable('a readable file', path, error)
  }
}

/** After a power cut a file may hold zeros in place of what was written. */
const isEmpty = (text: string | undefined): boolean => text !== undefined && /^\0*$/.test(text)

function holderIn(text: string): Holder | undefined {
  try {
    const { pid, host, id } = JSON.parse(text) as Partial<Record<keyof Holder, unknown>>
    if (Number.isSafeInteger(pid) && (pid as number) > 0 && typeof host === 'string' && typeof id === 'string') {
      return { pid: pid as number, host, id }
    }
  } catch {
    // Told by the caller.
  }
  return undefined
}
