/**
 * Weights that are made of others: in a temporary file of the host, when a network that reads them is first opened. Not a
 * cache: gigabytes that nobody asked to keep would stay behind.
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

/**
 * An empty file for weights that are made: each when it is first needed, one after another.
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
  let turn: Promise<unknown> = Promise.resolve()

  /** One after another: nobody holds more than one piece. Who failed tries again when it is next needed. */
  function onceInTurn(make: () => Promise<void>): () => Promise<void> {
    let done: Promise<void> | undefined
    return () => {
      done ??= turn.then(make)
      done = done.catch((error: unknown) => {
        done = undefined
        throw error
      })
      turn = done.catch(() => {})
      return done
    }
  }

  return {
    add(lengths, make) {
      const offsets = lengths.map((length) => {
        const offset = end
        end = alignment * Math.ceil((offset + length) / alignment)
        return offset
      })
      const ready = onceInTurn(async () => {
        const positions = [...offsets]
        await make(async (tensor, bytes) => {
          const position = positions[tensor]!
          positions[tensor] = position + bytes.length
          await file.write(position, bytes)
        })
      })
      return lengths.map((length, i) => ({ file: file.path, offset: offsets[i]!, length, ready }))
    },
    remove: () => file.remove(),
  }
}
