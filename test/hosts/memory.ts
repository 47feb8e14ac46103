/**
 * A host without a machine: files in a map, pictures as their 8-bit values, the analytic model, chance from a seed. For
 * tests of operations; holds on to what it opened, so that tests see whether it was closed.
 */

import { expected } from '../../src/core/errors.js'
import { ddim } from '../../src/diffusion/solvers/ddim.js'
import { type Tensor, zeros } from '../../src/math/tensor.js'
import type { DiffusionModel } from '../../src/model/model.js'
import type { FileContent, Held, Host, OperationModel, ReadPictureOptions } from '../../src/operations/host.js'
import { byteOf, pixelOf } from '../../src/pictures/pixels.js'
import { planesOf } from '../../src/pictures/planes.js'
import { laidOn } from '../../src/pictures/transparency.js'
import type { PictureSize } from '../../src/restorations/index.js'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

/** What the first bytes of a picture are here; its shape follows, a byte a side, then its values. */
const signature = encoder.encode('picture:')
const sheetMark = 'sheet:'

async function bytesOf(content: FileContent): Promise<Uint8Array> {
  if (typeof content === 'string') return encoder.encode(content)
  if (content instanceof Uint8Array) return content
  const pieces: Uint8Array[] = []
  for await (const piece of content) pieces.push(piece)
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]))
}

export interface MemoryHost extends Host {
  /** Everything that was written, by its path. */
  readonly written: Map<string, Uint8Array>
  /** Puts a picture there. */
  paint(path: string, image: Tensor): Promise<void>
  /** Models that were opened and not closed. */
  openModels(): number
  /** Locks that are held. */
  readonly locks: ReadonlySet<string>
}

const notThere = (path: string) =>
  expected('unavailable', 'a readable file', `\`${path}\``, 'no such file', 'Check the path.')

function encode({ shape, data }: Tensor): Uint8Array {
  return Uint8Array.from([...signature, ...shape, ...Array.from(data, byteOf)])
}

function sizeOf(bytes: Uint8Array, name: string): PictureSize {
  const { height, width } = planesOf(decode(bytes, name).shape)
  return { height, width }
}

function decode(bytes: Uint8Array, name: string, background: ReadPictureOptions['background'] = 'white'): Tensor {
  const at = signature.length
  if (!signature.every((byte, i) => bytes[i] === byte)) {
    throw expected('bad-image', 'a picture', `\`${name}\``, 'something else', 'Paint one.')
  }
  const [channels, height, width] = bytes.subarray(at, at + 3) as unknown as [number, number, number]
  const values = bytes.subarray(at + 3)
  const image = zeros([channels === 1 ? 3 : channels, height, width])
  // Grey pictures come back with three channels, as codecs give them.
  const area = height * width
  image.data.forEach((_, i) => {
    image.data[i] = pixelOf(values[channels === 1 ? i % area : i]!)
  })
  return background === 'kept' ? image : laidOn(image, background)
}

/** A clip in the same form; its shape has four sides. */
function decodeClip(bytes: Uint8Array, name: string): Tensor {
  const at = signature.length
  const shape = [...bytes.subarray(at, at + 4)]
  const values = bytes.subarray(at + 4)
  if (shape.length < 4 || shape.reduce((a, b) => a * b, 1) !== values.length) {
    throw expected('bad-image', 'a clip', `\`${name}\``, 'something else', 'Paint one.')
  }
  return { shape, data: Float64Array.from(values, pixelOf) }
}

/** An empty host with this model; pictures are fitted to multiples of four pixels. */
export function memoryHost(plain: DiffusionModel): MemoryHost {
  const written = new Map<string, Uint8Array>()
  const locks = new Set<string>()
  let [open, seconds, drawn] = [0, 0, 0]
  const model: OperationModel = {
    ...plain,
    layout: { ...plain.layout, multiple: 4 },
    schedulerSolver: ddim({ end: 'cleanest' }),
  }
  const withSteps = (steps: number): OperationModel => ({ ...model, solver: ddim({ steps }) })

  function held<M>(one: M): Held<M> {
    open++
    let isOpen = true
    return {
      model: one,
      cost: async () => ({ networkSeconds: 0, openingSeconds: 0, networkRuns: 0, peakMemoryBytes: 0 }),
      identity: async () => '0123456789abcdef',
      async close() {
        if (isOpen) open--
        isOpen = false
      },
    }
  }

  const read = async (path: string, offset: number, length: number) => {
    const bytes = written.get(path)
    if (!bytes) throw notThere(path)
    return bytes.slice(offset, offset + Math.min(length, bytes.length))
  }
  const namesIn = (folder: string) =>
    [...written.keys()].filter((path) => path.startsWith(`${folder}/`)).map((path) => path.slice(folder.length + 1))
  const put = async (files: Iterable<readonly [string, FileContent]>) => {
    const whole = await Promise.all([...files].map(async ([path, content]) => [path, await bytesOf(content)] as const))
    for (const [path, bytes] of whole) written.set(path, bytes)
  }

  return {
    written,
    locks,
    openModels: () => open,
    paint: (path, image) => put([[path, encode(image)]]),
    files: {
      size: async (path) => written.get(path)?.length,
      read,
      text: async (path) => decoder.decode(await read(path, 0, Number.POSITIVE_INFINITY)),
      decodeUtf8: (bytes) => decoder.decode(bytes),
      list: async (folder) => (namesIn(folder).length > 0 ? namesIn(folder).sort() : undefined),
      join: (...parts) => parts.filter((part) => part !== '' && part !== '.').join('/'),
      nameOf: (path) => path.split('/').at(-1)!,
      folderOf: (path) => path.split('/').slice(0, -1).join('/'),
      placeOf: async (path) => path,
      isFolder: async (path) => namesIn(path).length > 0,
      makeFolder: async () => {},
      async checkWritable(path) {
        if (path.startsWith('nowhere/')) throw notThere(path)
      },
      write: put,
      async writeNew(path, content) {
        if (written.has(path))
          throw expected('bad-option', 'a new file', `\`${path}\``, 'one that exists', 'Rename it.')
        await put([[path, content]])
      },
      async copy(from, to) {
        written.set(to, await read(from, 0, Number.POSITIVE_INFINITY))
      },
      async move(from, to) {
        written.set(to, await read(from, 0, Number.POSITIVE_INFINITY))
        written.delete(from)
      },
      async remove(path) {
        written.delete(path)
      },
      async grow(path, keptBytes) {
        written.set(path, (written.get(path) ?? new Uint8Array()).slice(0, keptBytes))
        return {
          append: async (text) => {
            written.set(path, Uint8Array.from([...written.get(path)!, ...encoder.encode(text)]))
          },
          close: async () => {},
        }
      },
      async lock(path, name) {
        if (locks.has(path)) throw expected('unavailable', 'no other run', `\`${name}\``, 'one', 'Wait for it.')
        locks.add(path)
        return { release: () => void locks.delete(path) }
      },
    },
    pictures: {
      measure: async (path) => sizeOf(await read(path, 0, Number.POSITIVE_INFINITY), path),
      measureBytes: async (bytes, name) => sizeOf(bytes, name),
      read: async (path, options) => ({
        image: decode(await read(path, 0, Number.POSITIVE_INFINITY), path, options?.background),
        notes: [],
      }),
      decode: async (bytes, name, options) => ({ image: decode(bytes, name, options?.background), notes: [] }),
      encode: async (image) => encode(image),
      sheet: async (rows) =>
        encoder.encode(sheetMark + JSON.stringify(rows.map((row) => row.map(({ label }) => label)))),
      isSheet: async (path) => {
        const start = await read(path, 0, sheetMark.length)
        return new TextDecoder().decode(start) === sheetMark
      },
      chart: async (plot) => JSON.stringify(plot),
      clips: {
        measure: async (path) => {
          const { shape } = decodeClip(await read(path, 0, Number.POSITIVE_INFINITY), path)
          const [, frames, height, width] = shape as [number, number, number, number]
          return { frames, height, width }
        },
        read: async (path) => ({ image: decodeClip(await read(path, 0, Number.POSITIVE_INFINITY), path), notes: [] }),
        encode: async (clip) => encode(clip),
      },
      tools: {
        jpeg: async (image) => image,
        webp: async (image) => image,
        blur: async (image) => image,
      },
    },
    models: {
      open: async ({ steps }) => held(steps === undefined ? model : withSteps(steps)),
      openAutoencoder: async () => held(model),
      hasDenoiser: async () => true,
      keepProfile: async () => 'kept.json',
    },
    // Time passes, so that nothing is divided by none of it.
    now: () => (seconds += 0.001),
    randomBytes: (count) => Uint8Array.from({ length: count }, () => (drawn = (drawn * 73 + 41) % 256)),
    pause: async () => {},
  }
}
