/**
 * Questions to a denoising network as network runs: both branches of guidance, and several questions, in one batch.
 * What the predictions mean and how guidance mixes them is src/diffusion/denoiser.ts.
 */
import { expected } from '../../core/errors.js'
import type { Signal } from '../../core/progress.js'
import type { Attending, Denoising, DenoisingPullback, DenoisingPushforward } from '../../diffusion/conditioning.js'
import {
  denoiser,
  denoiserPullback,
  denoiserPushforward,
  guided,
  guidedPullback,
  guidedPushforward,
  type Prediction,
} from '../../diffusion/denoiser.js'
import type { NoiseLevel } from '../../diffusion/level.js'
import type { Held } from '../../graph/runtime.js'
import { dot, norm, type Tensor, tensor } from '../../math/tensor.js'
import { inBatches } from '../sessions/batches.js'
import { heldBatches } from '../sessions/held-batches.js'
import type { SessionPool, Tensors } from '../sessions/pool.js'
import { commonShape, stack, unstack } from '../sessions/stack.js'
import { averageLooks } from './average-looks.js'
import { type DenoisingKind, type DenoisingPrecision, denoisingGraph, ticksPerTime } from './graphs.js'
import type { DenoisingNetworks } from './networks.js'

/** What the network is fed for a prompt, without batch axes. `text_embeds` among it where the network asks for it. */
export type Prompted = Tensors

/** A question with what it is asked under. */
export interface Branches {
  readonly prompt: Prompted
  readonly negative: Prompted
}

export interface DenoisingOptions {
  readonly networks: DenoisingNetworks
  readonly pool: SessionPool
  readonly prediction: Prediction
  readonly precision: DenoisingPrecision
  readonly tokens: number
  /** Pixels per latent entry along each axis. */
  readonly downscaling: number
  /** What a conditioning stands for; throws for those of other models. */
  branches(request: Pick<Denoising, 'conditioning'>): Branches
}

/** One row of a batch. */
interface Row {
  readonly x: Tensor
  readonly level: NoiseLevel
  readonly prompted: Prompted
  /** What a derivative is applied to: a cotangent or a tangent. */
  readonly vector?: Tensor
}

/** What each kind of run asks about and answers with, as its graph names them. */
const namesOf = {
  denoise: { answer: 'out' },
  pullback: { vector: 'cotangent.out', answer: 'gradient.sample' },
  pushforward: { vector: 'cotangent.gradient.sample', answer: 'gradient.cotangent.out' },
} as const

export interface Denoisings {
  denoise(requests: readonly Denoising[], signal?: Signal): Promise<readonly Tensor[]>
  pullback(requests: readonly DenoisingPullback[], signal?: Signal): Promise<readonly Tensor[]>
  pushforward(requests: readonly DenoisingPushforward[], signal?: Signal): Promise<readonly Tensor[]>
  /** Where the places of a latent look: tokens × height × width for each; absent where the network's inside is not known. */
  looks?(requests: readonly Attending[], signal?: Signal): Promise<readonly Tensor[]>
}

/** The kinds of questions over one network. Latents of one call have one shape. */
export function denoisings(options: DenoisingOptions): Denoisings {
  const { networks, pool, prediction, precision, tokens, downscaling, branches } = options
  const prompts = heldBatches(pool, heldPrompts)

  async function run(
    kind: DenoisingKind,
    rows: readonly Row[],
    signal: Signal | undefined,
  ): Promise<readonly Tensor[]> {
    const [, height, width] = commonShape(
      rows.map(({ x }) => x),
      'latent',
    ) as [number, number, number]
    const size = { batch: rows.length, height, width, tokens }
    const feeds: Record<string, Tensor | Held> = {
      sample: stacked(rows, ({ x }) => x),
      ...prompts(
        rows.map(({ prompted }) => prompted),
        () => stackedPrompts(rows),
      ),
    }
    const times = rows.map(({ level }) => level.t)
    if (precision === 16) {
      feeds.ticks = tensor(
        [rows.length],
        times.map((t) => Math.round(t * ticksPerTime)),
      )
    } else feeds.timestep = tensor([rows.length], times)
    if (networks.pooledWidth !== undefined) {
      const [tall, wide] = [height * downscaling, width * downscaling]
      feeds.time_ids = stacked(rows, () => tensor([6], [tall, wide, 0, 0, tall, wide]))
    }
    if (kind === 'pullback' || kind === 'pushforward')
      feeds[namesOf[kind].vector] = stacked(rows, ({ vector }) => vector!)
    const key = `${kind} ${size.batch} ${height} ${width} ${tokens}`
    const results = await pool.run(key, () => denoisingGraph(networks, kind, size, precision), feeds, signal)
    if (kind === 'looks') return averageLooks(Object.values(results).map(unstack), [height, width])
    return unstack(results[namesOf[kind].answer]!)
  }

  /** All rows together; where the network takes one time for all, those of each time. */
  async function batched(
    kind: DenoisingKind,
    rows: readonly Row[],
    signal: Signal | undefined,
  ): Promise<readonly Tensor[]> {
    const times = new Set(rows.map(({ level }) => level.t))
    if (!networks.oneTime || times.size === 1) return await inBatches(rows, (some) => run(kind, some, signal))
    const results = new Map<Row, Tensor>()
    for (const t of times) {
      const some = rows.filter(({ level }) => level.t === t)
      const found = await inBatches(some, (batch) => run(kind, batch, signal))
      some.forEach((row, i) => {
        results.set(row, found[i]!)
      })
    }
    return rows.map((row) => results.get(row)!)
  }

  /** The rows that a question needs: one where guidance names one of the branches. */
  function rowsOf(request: Denoising & { readonly vector?: Tensor }): { prompt?: Row; negative?: Row } {
    const { x, level, guidance, vector } = request
    const { prompt, negative } = branches(request)
    const row = (prompted: Prompted): Row => ({ x, level, prompted, ...(vector && { vector }) })
    return { ...(guidance !== 1 && { negative: row(negative) }), ...(guidance !== 0 && { prompt: row(prompt) }) }
  }

  /** Runs what all requests need and gives each the predictions of its two branches. */
  async function answered<R extends Denoising, Result>(
    kind: DenoisingKind,
    requests: readonly R[],
    signal: Signal | undefined,
    answer: (request: R, prompt: () => Promise<Tensor>, negative: () => Promise<Tensor>) => Promise<Result>,
  ): Promise<Result[]> {
    if (requests.length === 0) return []
    const asked = requests.map(rowsOf)
    const rows = asked.flatMap(({ prompt, negative }) => [negative, prompt].filter((row) => row !== undefined))
    const results = await batched(kind, rows, signal)
    const found = new Map(rows.map((row, i) => [row, results[i]!]))
    return await Promise.all(
      requests.map((request, i) => {
        const { prompt, negative } = asked[i]!
        return answer(
          request,
          async () => found.get(prompt!)!,
          async () => found.get(negative!)!,
        )
      }),
    )
  }

  return {
    ...(networks.looksGraph && {
      looks: async (requests: readonly Attending[], signal?: Signal) =>
        requests.length === 0
          ? []
          : await batched(
              'looks',
              requests.map((request) => ({ ...request, prompted: branches(request).prompt })),
              signal,
            ),
    }),
    denoise: (requests, signal) =>
      answered('denoise', requests, signal, async ({ x, level, guidance }, prompt, negative) => {
        if (guidance !== 0) checkPrediction(prediction, x, await prompt(), level)
        const [withPrompt, without] = [denoiser(prompt, prediction), denoiser(negative, prediction)]
        return await guided(withPrompt, without, guidance)(x, level)
      }),
    pullback: (requests, signal) =>
      answered(
        'pullback',
        requests.map((request) => ({ ...request, vector: request.cotangent })),
        signal,
        async ({ x, level, guidance, vector }, prompt, negative) => {
          const [withPrompt, without] = [denoiserPullback(prompt, prediction), denoiserPullback(negative, prediction)]
          return await guidedPullback(withPrompt, without, guidance)(x, level, vector)
        },
      ),
    pushforward: (requests, signal) =>
      answered(
        'pushforward',
        requests.map((request) => ({ ...request, vector: request.tangent })),
        signal,
        async ({ x, level, guidance, vector }, prompt, negative) => {
          const along = (branch: () => Promise<Tensor>) => denoiserPushforward(branch, prediction)
          return await guidedPushforward(along(prompt), along(negative), guidance)(x, level, vector)
        },
      ),
  }
}

/** Batches of prompts that are held: of one in Stable Diffusion 2, two rows take about 15 MB. */
const heldPrompts = 4

const stackedPrompts = (rows: readonly Row[]): Tensors =>
  Object.fromEntries(
    Object.keys(rows[0]!.prompted).map((name) => [name, stacked(rows, ({ prompted }) => prompted[name]!)]),
  )

const stacked = (rows: readonly Row[], of: (row: Row) => Tensor): Tensor => stack(rows.map(of), 'sample')

/** Below this ratio of alpha to sigma x is nearly noise. */
const nearlyNoise = 0.15
/** Above this correlation with x, a prediction is the noise. */
const isNoise = 0.9

/**
 * Where x is nearly noise, a network that predicts noise repeats x, and one that predicts velocities or x₀ does not: v is
 * then nearly −x₀. The one confusion that the numbers betray; it makes pictures of mere noise.
 */
function checkPrediction(prediction: Prediction, x: Tensor, predicted: Tensor, { t, alpha, sigma }: NoiseLevel): void {
  if ((prediction !== 'v' && prediction !== 'sample') || alpha > nearlyNoise * sigma) return
  const correlation = dot(x, predicted) / (norm(x) * norm(predicted))
  if (!(correlation > isNoise)) return
  throw expected(
    'bad-model',
    prediction === 'v' ? 'velocities' : 'estimates of x₀',
    "`prediction_type` in the scheduler's configuration",
    `a network that predicts noise (correlation ${correlation.toFixed(3)} with x at t = ${t})`,
    'Set it to `epsilon`, or use the scheduler_config.json that the weights were published with.',
  )
}
