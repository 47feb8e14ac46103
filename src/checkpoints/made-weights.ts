/**
 * Weights that are made of others: in a temporary file of the host, when a network that reads them is first opened. Not a
 * cache: making them takes less than one run of the network, and gigabytes that nobody asked to keep would stay behind.
 */
import { expected } from '../core/errors.js'
import type { StoredInFile } from '../graph/graph.js'
import type { Files } from './files.js'

/** Writes the next bytes of one of the tensors that are made together. */
export type Append = (tensor: number, bytes: Uint8Array) => Promise<void>

export interface MadeWeights {
  /**
   * Places for tensors of so many bytes, which `make` writes from their beginnings on. It is called once, and again only
   * where it failed.
   */
  add(lengths: readonly number[], make: (append: Append) => Promise<void>): readonly StoredInFile[]
  /** Removes the file. */
  remove(): Promise<void>
}

/** Of the beginning of a tensor: mapped files are read in whole lines of a processor's cache. */
const alignment = 64

interface Waiting {
  readonly offsets: readonly number[]
  readonly make: (append: Append) => Promise<void>
}

/**
 * An empty file for weights that are made. What was added is written when it is first needed, in order, one after another.
 *
 * Errors: `unavailable` on a host without temporary files, and later where the disk is full.
 *
 * @example
 * const made = await madeWeights(nodeFiles)
 * const [doubled] = made.add([8], async (append) => append(0, bytes))
 */
export async function madeWeights({ scratch }: Files): Promise<MadeWeights> {
  if (!scratch) {
    const remedy = 'Use weights in .safetensors, as they are.'
    throw expected('unavailable', 'a host with temporary files', 'weights of few bits', 'none', remedy)
  }
  const file = await scratch()
  let end = 0
  const waiting: Waiting[] = []
  let turn = Promise.resolve()

  async function makeAll(): Promise<void> {
    for (let next = waiting[0]; next; next = waiting[0]) {
      const positions = [...next.offsets]
      await next.make(async (tensor, bytes) => {
        await file.write(positions[tensor]!, bytes)
        positions[tensor]! += bytes.length
      })
      waiting.shift()
    }
  }

  function ready(): Promise<void> {
    // Whoever waited before hears of a failure; the next one tries again.
    turn = turn.catch(() => {}).then(makeAll)
    return turn
  }

  return {
    add(lengths, make) {
      const places = lengths.map((length) => {
        const offset = end
        end = alignment * Math.ceil((offset + length) / alignment)
        return { file: file.path, offset, length, ready }
      })
      waiting.push({ offsets: places.map(({ offset }) => offset), make })
      return places
    },
    remove: () => file.remove(),
  }
}
