/** Methods compared one after the other on the same problems, each finished one kept: a sweep that can be resumed. */
import { createHash } from 'node:crypto'
import {
  type AutoencoderNetworks,
  autoencoderOf,
  deadLeaves,
  measureProfile,
  openAutoencoder,
  type Profile,
  type Runtime,
  relay,
  type Signal,
  type Steps,
  type Tensor,
} from 'undiffuse'
import { type Cells, keptOr } from '../shared/cells.js'
import type { BenchMethod } from './methods.js'
import type { KnownPicture } from './pictures.js'
import { type Row, sweep } from './sweep.js'

/** An autoencoder, and the places that a comparison runs and keeps its pieces in. */
export interface KeptBench {
  readonly networks: AutoencoderNetworks
  /** The fingerprint of its weights: part of the cells' keys. */
  readonly weights: string
  openRuntime(): Runtime
  readonly cells: Cells
  readonly signal?: Signal | undefined
}

/** As `undiffuse report` measures a profile where it is not told otherwise. */
const drawnForProfile = { count: 16, size: 96 }

/**
 * The profile beside the weights, or one that is measured now on E of 16 drawn pictures of 96 × 96 pixels.
 *
 * Cost: some hundred round trips, and 90 pullbacks. Errors: those of `measureProfile`.
 */
export async function* benchProfile({ networks, weights, openRuntime, cells, signal }: KeptBench): Steps<Profile> {
  if (networks.profile) return networks.profile
  const { count, size } = drawnForProfile
  const key = { benchmark: 'profile', weights, count, size }
  const found = await cells.find<Profile>(key)
  if (found) return found
  const runtime = openRuntime()
  try {
    const autoencoder = autoencoderOf(openAutoencoder(networks, runtime), signal)
    const latents: Tensor[] = []
    for (let i = 0; i < count; i++) latents.push(await autoencoder.encode(deadLeaves(i, size, size)))
    const options = { weights, latents: 'encoded from drawn pictures' }
    const profile = yield* measureProfile(autoencoder, latents, options)
    await cells.keep(key, profile)
    return profile
  } finally {
    await runtime.close()
  }
}

/** What tells these problems from others. */
function hashOf(problems: readonly KnownPicture[]): string {
  const hash = createHash('sha256')
  for (const { image, latent } of problems) hash.update(`${image.data};${latent.data};`)
  return hash.digest('hex').slice(0, 24)
}

/** What is measured of one method on these problems, unless it is there already. */
export async function* kept<T>(
  bench: KeptBench,
  benchmark: string,
  problems: readonly KnownPicture[],
  method: BenchMethod,
  measure: (bench: KeptBench, problems: readonly KnownPicture[], method: BenchMethod) => Steps<T>,
): Steps<T> {
  const key = { benchmark, weights: bench.weights, problems: hashOf(problems), method }
  return yield* keptOr(bench.cells, key, () => measure(bench, problems, method))
}

async function* rowOf(
  { networks, openRuntime, signal }: KeptBench,
  problems: readonly KnownPicture[],
  method: BenchMethod,
): Steps<Row> {
  const plan = { methods: [method], budgets: [1], precisions: [32] } as const
  const stage = `${networks.name}: ${method.name}`
  const { rows } = yield* relay(sweep(networks, problems, plan, openRuntime, signal), (step) => ({ ...step, stage }))
  return rows[0]!
}

/** The rows of methods with one budget each, in 32 bits; a runtime for each. Errors: those of `sweep`. */
export async function* keptRows(
  bench: KeptBench,
  problems: readonly KnownPicture[],
  methods: readonly BenchMethod[],
): Steps<readonly Row[]> {
  const rows: Row[] = []
  for (const method of methods) rows.push(yield* kept(bench, 'decoder-methods', problems, method, rowOf))
  return rows
}
