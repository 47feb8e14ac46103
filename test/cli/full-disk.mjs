// Loaded into a process to give it a disk with room for a few small files only: larger ones end with ENOSPC half written.
import promises from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'

const room = 8192
const { writeFile } = promises
promises.writeFile = async (path, content, options) => {
  const pieces = typeof content === 'string' || content instanceof Uint8Array ? [content] : [...content]
  const bytes = Buffer.concat(pieces.map((piece) => Buffer.from(piece)))
  await writeFile(path, bytes.subarray(0, room), options)
  if (bytes.length <= room) return
  throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' })
}
syncBuiltinESMExports()
