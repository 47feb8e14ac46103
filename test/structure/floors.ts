/**
 * The plan of the house, in one table: a room, its floor, the rooms and packages that it may import. Rows are in order:
 * a room imports only rooms that stand above it in this table, so imports go down and rooms form no circle.
 */

export interface Room {
  /** A folder or a file. A file belongs to the longest that it lies in. */
  readonly path: string
  readonly floor: number
  /** Rooms that it may import. */
  readonly imports: readonly string[]
  /** Packages that it may import, with what lies below them; `node:` stands for all of Node's own modules. */
  readonly packages?: readonly string[]
}

/** Every room of a floor of the library at or below a number: for those who put everything together. */
const upTo = (floor: number, rooms: readonly Room[]): readonly string[] =>
  rooms.filter((room) => room.floor <= floor).map(({ path }) => path)

/** The one error class imports nothing: every room of the library may throw it. */
const errors: Room = { path: 'src/core/errors.ts', floor: 0, imports: [] }

const numbers: readonly Room[] = [
  { path: 'src/math', floor: 0, imports: [] },
  { path: 'src/core', floor: 1, imports: ['src/math'] },
  { path: 'src/pictures', floor: 1, imports: ['src/math', 'src/core'] },
  { path: 'src/graph', floor: 2, imports: ['src/math', 'src/core'], packages: ['onnx-buf', '@bufbuild/protobuf'] },
  { path: 'src/iterations', floor: 2, imports: ['src/math', 'src/core'] },
  { path: 'src/restorations', floor: 2, imports: ['src/math', 'src/core', 'src/pictures'] },
]

const networks: readonly Room[] = [
  { path: 'src/diffusion', floor: 3, imports: ['src/math', 'src/core', 'src/iterations'] },
  { path: 'src/autoencoder', floor: 3, imports: ['src/math', 'src/core', 'src/pictures', 'src/iterations'] },
  { path: 'src/nn', floor: 3, imports: ['src/math', 'src/core', 'src/graph'] },
  { path: 'src/runtimes/shared', floor: 3, imports: ['src/math', 'src/core', 'src/graph'] },
  {
    path: 'src/runtimes/reference',
    floor: 3,
    imports: ['src/math', 'src/core', 'src/graph', 'src/runtimes/shared'],
    packages: ['node:'],
  },
  {
    path: 'src/runtimes/onnxruntime-node',
    floor: 3,
    imports: ['src/math', 'src/core', 'src/graph', 'src/runtimes/shared'],
    packages: ['node:', 'onnxruntime-node'],
  },
  /** The contract of a model. */
  {
    path: 'src/model',
    floor: 4,
    imports: ['src/math', 'src/core', 'src/pictures', 'src/iterations', 'src/diffusion', 'src/autoencoder'],
  },
]

/** What methods on models are made of. */
const upToModel = [
  'src/math',
  'src/core',
  'src/pictures',
  'src/iterations',
  'src/diffusion',
  'src/autoencoder',
  'src/model',
]

const methods: readonly Room[] = [
  { path: 'src/verbs', floor: 5, imports: upToModel },
  { path: 'src/attacks', floor: 5, imports: [...upToModel, 'src/verbs'] },
  {
    path: 'src/watermark',
    floor: 5,
    imports: [...upToModel, 'src/verbs', 'src/restorations'],
    packages: ['@noble/hashes', '@noble/ciphers'],
  },
  { path: 'src/edit', floor: 5, imports: [...upToModel, 'src/verbs'] },
  {
    path: 'src/checkpoints',
    floor: 5,
    imports: ['src/math', 'src/core', 'src/graph', 'src/nn'],
    packages: ['@noble/hashes'],
  },
  {
    path: 'src/models',
    floor: 6,
    imports: [...upToModel, 'src/graph', 'src/nn', 'src/checkpoints'],
    packages: ['@huggingface/tokenizers', '@huggingface/jinja', '@bufbuild/protobuf', 'entities'],
  },
]

/** What the public package is made of: no runtime and no host. */
const portable = upTo(6, [...numbers, ...networks, ...methods]).filter((path) => !path.startsWith('src/runtimes/'))

const doors: readonly Room[] = [
  { path: 'src/catalog.ts', floor: 6, imports: portable },
  {
    path: 'src/operations',
    floor: 6,
    imports: [...portable, 'src/catalog.ts'],
    packages: ['@noble/hashes', '@bufbuild/protobuf'],
  },
  { path: 'src/index.ts', floor: 6, imports: [...portable, 'src/catalog.ts'] },
  {
    path: 'src/node',
    floor: 7,
    imports: [...portable, 'src/operations', 'src/runtimes/onnxruntime-node'],
    packages: ['node:', 'sharp', 'vega', 'vega-lite'],
  },
]

/** They use the library as everybody does: by its package. */
const publicPackage = ['node:', 'undiffuse']

const programs: readonly Room[] = [
  { path: 'training', floor: 8, imports: [], packages: publicPackage },
  { path: 'measurements', floor: 8, imports: ['training'], packages: publicPackage },
  { path: 'apps/cli', floor: 8, imports: ['training', 'measurements'], packages: [...publicPackage, 'commander'] },
]

const library = [...numbers, ...networks, ...methods, ...doors].map(
  (room): Room => ({ ...room, imports: [errors.path, ...room.imports] }),
)

export const rooms: readonly Room[] = [errors, ...library, ...programs]

/** Folders of which each file is a method; `index.ts` lists them, `parts/` holds what they share. */
export const methodFolders: readonly string[] = [
  'src/attacks',
  'src/diffusion/guided-editing',
  'src/diffusion/inverters',
  'src/diffusion/solvers',
  'src/edit/methods',
  'src/iterations',
  'src/restorations',
  'src/watermark/schemes',
]

/** Parts that others build on too; all others are the own methods' alone. */
export const sharedParts: readonly string[] = [
  'src/autoencoder/parts/rounding.ts',
  'src/diffusion/guided-editing/parts/guided-editing.ts',
  'src/diffusion/inverters/parts/walk-back.ts',
  'src/diffusion/solvers/parts/bidirectional.ts',
  'src/iterations/parts/differences.ts',
  'src/iterations/parts/fitted-steps.ts',
  'src/iterations/parts/schedules.ts',
  'src/iterations/parts/solve.ts',
  'src/watermark/schemes/parts/released-tree-ring.ts',
]
