/**
 * A GGUF file as the weights of a network. The file has the names of the model's first publication, so that a class of
 * networks says where each of its own tensors lies there.
 */
import { expected } from '../core/errors.js'
import { bytesOf, type Initializer } from '../graph/graph.js'
import { toHalfBits } from '../math/half.js'
import { formatShape, sameShape, sizeOf } from '../math/tensor.js'
import type { StoredBlocks } from '../nn/parameters.js'
import { packedNumbers, placedBlocks } from './blocks.js'
import type { Files } from './files.js'
import { type GgufEntry, readGgufHeader } from './gguf.js'
import { type BlockType, type GgufType, type ReadBlocks, readBlocks, weightsOf } from './gguf-types.js'
import type { MadeWeights } from './made-weights.js'
import type { Weights } from './weights.js'

/** Where a tensor lies: in which one, and which of its rows it is. */
export interface Origin {
  readonly tensor: string
  /**
   * By default all rows. A number: of runs of as many rows as the tensor has, this one; `last`: those at the end; `halves
   * swapped`: all, the second half first.
   */
  readonly rows?: number | 'last' | 'halves swapped'
}

/** Which tensor of a file is which of the network, from the names that the file has. */
export type OriginalNames = (names: readonly string[]) => (name: string) => Origin | undefined

/** Rows from one to before another. */
type Run = readonly [from: number, to: number]

const prefix = 'model.diffusion_model.'
/** Bytes that are read at once. */
const pieceBytes = 2 ** 22

const rowsOf = ([rows = 1]: readonly number[]): number => rows

/** Bytes of a row of so many numbers, which is whole blocks. */
const rowBytes = (type: GgufType, columns: number): number =>
  'dtype' in type ? columns * bytesOf[type.dtype] : (columns / type.size) * type.bytes

/** The rows that an origin means of a tensor of so many, where so many are wanted. */
export function runsOf({ rows }: Origin, wanted: number, all: number): readonly Run[] {
  if (rows === undefined) return [[0, all]]
  if (rows === 'last') return [[all - wanted, all]]
  if (rows !== 'halves swapped') return [[rows * wanted, (rows + 1) * wanted]]
  return [
    [all / 2, all],
    [0, all / 2],
  ]
}

/** Whether runs are as many rows as wanted, within those that there are. */
const areWithin = (runs: readonly Run[], wanted: number, all: number): boolean =>
  runs.every(([from, to]) => Number.isInteger(from) && from >= 0 && to <= all) &&
  runs.reduce((sum, [from, to]) => sum + to - from, 0) === wanted

/** From −zero/scale to what MatMulNBits takes: w = scale·(q − zero). A block without a scale is one number throughout. */
function zerosOf({ numbers, scales, minima }: ReadBlocks, group: number): Float32Array {
  return minima.map((minimum, i) => {
    if (scales[i] !== 0) return minimum / scales[i]!
    scales[i] = 1
    numbers.fill(0, i * group, (i + 1) * group)
    return minimum
  })
}

const bytesOfArray = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength)

/**
 * The weights that a GGUF file has. Matrices in Q8_0, Q4_0, Q4_1, Q5_0, Q4_K and Q6_K stay in their blocks, exactly (to float32
 * where a type has minima); other blocks become 16-bit weights. Either is made when a network is first opened, plain numbers stay
 * where they are.
 *
 * Errors: `bad-model` and `unsupported` as `readGgufHeader`; `bad-model` for tensors that are missing or have another shape.
 *
 * @example const weights = await ggufWeights(files, 'transformer/model-Q4_K_S.gguf', sd3Names, await madeWeights(files))
 */
export async function ggufWeights(
  files: Files,
  path: string,
  originalNames: OriginalNames,
  made: MadeWeights,
): Promise<Weights> {
  const { tensors } = await readGgufHeader(files, path)
  const places = new Map([...tensors].map(([name, entry]) => [name.replace(prefix, ''), entry]))
  const originOf = originalNames([...places.keys()])
  const asked = new Map<string, string>()
  const found = new Map<string, Initializer>()
  const matrices = new Map<string, StoredBlocks | undefined>()

  function placeOf(name: string, shape: readonly number[] | undefined) {
    const fail = (got: string) =>
      expected(
        'bad-model',
        shape ? `a tensor of shape ${formatShape(shape)}` : 'a tensor',
        `\`${name}\` in \`${path}\``,
        got,
        'The configuration and the weights do not belong together; fetch both of one model.',
      )
    const origin = originOf(name)
    const entry = origin && places.get(origin.tensor)
    if (!entry) throw fail(origin ? `no ${origin.tensor} among ${places.size}` : 'none that stands for it')
    asked.set(name, origin.tensor)
    const wanted = shape ?? entry.shape
    if (origin.rows === undefined && isSame(entry, wanted)) {
      const columns = entry.shape.at(-1) ?? 1
      return { entry, wanted, columns, runs: [[0, sizeOf(wanted) / columns]] satisfies Run[] }
    }
    const columns = sizeOf(wanted.slice(1))
    const runs = runsOf(origin, rowsOf(wanted), rowsOf(entry.shape))
    const isWhole = 'dtype' in entry.type || columns % entry.type.size === 0
    const fits =
      sameShape(wanted.slice(1), entry.shape.slice(1)) && areWithin(runs, rowsOf(wanted), rowsOf(entry.shape))
    if (!fits || !isWhole) throw fail(`${formatShape(entry.shape)} (${origin.tensor}, ${entry.type.name})`)
    return { entry, wanted, columns, runs }
  }

  /** Whole tensors may be told with axes of one more or less. */
  const isSame = ({ shape }: GgufEntry, wanted: readonly number[]): boolean =>
    sameShape(
      shape.filter((size) => size !== 1),
      wanted.filter((size) => size !== 1),
    )

  /** The bytes of rows, in pieces. */
  async function* pieces({ type, offset }: GgufEntry, columns: number, runs: readonly Run[]) {
    const bytes = rowBytes(type, columns)
    const atOnce = Math.max(1, Math.floor(pieceBytes / bytes))
    for (const [from, to] of runs) {
      for (let row = from; row < to; row += atOnce) {
        yield await files.read(path, offset + row * bytes, Math.min(atOnce, to - row) * bytes)
      }
    }
  }

  function initializer(name: string, shape: readonly number[] | undefined): Initializer {
    const { entry, wanted, columns, runs } = placeOf(name, shape)
    const { type, offset } = entry
    const [first, ...more] = runs
    if ('dtype' in type && more.length === 0) {
      const start = offset + first![0] * rowBytes(type, columns)
      const length = sizeOf(wanted) * bytesOf[type.dtype]
      return { dtype: type.dtype, shape: wanted, storage: { file: path, offset: start, length } }
    }
    const dtype = 'dtype' in type ? type.dtype : 'float16'
    const converted = (bytes: Uint8Array) =>
      'dtype' in type ? bytes : bytesOfArray(toHalfBits(Float64Array.from(weightsOf(type, readBlocks(type, bytes)))))
    const [storage] = made.add([sizeOf(wanted) * bytesOf[dtype]], async (append) => {
      for await (const bytes of pieces(entry, columns, runs)) await append(0, converted(bytes))
    })
    return { dtype, shape: wanted, storage: storage! }
  }

  function blocks(name: string, shape: readonly [number, number]): StoredBlocks | undefined {
    const { entry, columns, runs } = placeOf(name, shape)
    const { type } = entry
    if ('dtype' in type || type.bits === undefined || columns !== shape[1]) return undefined
    const { bits, group, middle } = type
    const [rows, perRow] = [shape[0], shape[1] / group]
    return placedBlocks(made, { rows, perRow, size: group, bits }, middle === undefined, async (append) => {
      for await (const bytes of pieces(entry, columns, runs)) {
        const read = readBlocks(type, bytes)
        const zeros = middle === undefined ? zerosOf(read, group) : undefined
        await append(0, packedNumbers(centred(type, read.numbers), bits))
        await append(1, bytesOfArray(read.scales))
        if (zeros) await append(2, bytesOfArray(zeros))
      }
    })
  }

  return {
    /** Those that were asked for, and of the others the file's own. */
    get names() {
      const read = new Set(asked.values())
      return [...asked.keys(), ...[...places.keys()].filter((name) => !read.has(name))]
    },
    has(name) {
      const origin = originOf(name)
      return origin !== undefined && places.has(origin.tensor)
    },
    get(name, shape) {
      const known = found.get(name)
      if (known && (!shape || sameShape(known.shape, shape))) return known
      const made = initializer(name, shape)
      found.set(name, made)
      return made
    },
    blocks(name, shape) {
      if (!matrices.has(name)) matrices.set(name, blocks(name, shape))
      return matrices.get(name)
    },
  }
}

/** Whole numbers around the middle of their bits. */
function centred({ middle, bits }: BlockType, numbers: Uint8Array): Uint8Array {
  const shift = middle === undefined ? 0 : 2 ** (bits! - 1) - middle
  return shift === 0 ? numbers : numbers.map((number) => number + shift)
}
