/**
 * Questions to a denoising network as network runs: several questions in one batch, and what a condition's values are to
 * the network. What the predictions mean is src/diffusion/denoiser.ts; guidance is two questions (src/model/views.ts).
 */
import { expected } from '../../core/errors.js'
import type { Signal } from '../../core/progress.js'
import { denoiser, denoiserPullback, denoiserPushforward, type Prediction } from '../../diffusion/denoiser.js'
import type { NoiseLevel } from '../../diffusion/level.js'
import { half } from '../../graph/passes/half.js'
import { dot, formatShape, norm, type Tensor, tensor } from '../../math/tensor.js'
import type { Condition } from '../../model/condition.js'
import type { Answerers, Ask, Estimating } from '../../model/questions.js'
import { inBatches } from '../sessions/batches.js'
import type { SessionPool, Tensors } from '../sessions/pool.js'
import { commonShape, stack, unstack } from '../sessions/stack.js'
import { averageLooks } from './average-looks.js'
import { type DenoisingKind, type DenoisingPrecision, denoisingGraph, ticksPerTime } from './graphs.js'
import type { DenoisingNetworks } from './networks.js'

/** The values of a condition, as the networks' inputs are called. */
export const [statesName, pooledName] = ['encoder_hidden_states', 'text_embeds'] as const

export interface DenoisingOptions {
  readonly name: string
  readonly networks: DenoisingNetworks
  readonly pool: SessionPool
  readonly prediction: Prediction
  readonly precision: DenoisingPrecision
  /** Pixels per latent entry along each axis. */
  readonly downscaling: number
}

/** One row of a batch: a question, what the network is fed for its condition, and what a derivative is applied to. */
interface Row extends Estimating {
  readonly told: Tensors
  readonly vector?: Tensor
}

/** What each kind of run asks about and answers with, as its graph names them. */
const namesOf = {
  denoise: { answer: 'out' },
  pullback: { vector: 'cotangent.out', answer: 'gradient.sample' },
  'pullback-states': { vector: 'cotangent.out', answer: `gradient.${statesName}` },
  pushforward: { vector: 'cotangent.gradient.sample', answer: 'gradient.cotangent.out' },
} as const

/** How a denoising network answers. Latents of one call have one shape. */
export function denoisingAnswerers(options: DenoisingOptions) {
  const { name, networks, pool, prediction, precision, downscaling } = options

  async function run(kind: DenoisingKind, rows: readonly Row[], signal?: Signal): Promise<readonly Tensor[]> {
    const shape = commonShape(
      rows.map(({ x }) => x),
      'latent',
    )
    const [, height, width] = shape as [number, number, number]
    const [tokens] = rows[0]!.condition.values[statesName]!.shape as [number]
    const size = { batch: rows.length, height, width, tokens }
    const feeds: Record<string, Tensor> = { sample: stacked(rows, ({ x }) => x) }
    for (const name of Object.keys(rows[0]!.told)) feeds[name] = stacked(rows, ({ told }) => told[name]!)
    const times = rows.map(({ level }) => level.t)
    if (precision === 16 && kind !== 'pullback-states') {
      feeds.ticks = tensor(
        [rows.length],
        times.map((t) => Math.round(t * ticksPerTime)),
      )
    } else feeds.timestep = tensor([rows.length], times)
    if (networks.pooledWidth !== undefined) {
      const [tall, wide] = [height * downscaling, width * downscaling]
      feeds.time_ids = stacked(rows, () => tensor([6], [tall, wide, 0, 0, tall, wide]))
    }
    if (kind !== 'looks' && kind !== 'denoise') feeds[namesOf[kind].vector] = stacked(rows, ({ vector }) => vector!)
    const key = `${kind} ${size.batch} ${height} ${width} ${tokens}`
    const results = await pool.run(key, () => denoisingGraph(networks, kind, size, precision), feeds, signal)
    if (kind === 'looks') return averageLooks(Object.values(results).map(unstack), [height, width])
    return unstack(results[namesOf[kind].answer]!)
  }

  /** All rows together; where the network takes one time for all, those of each time. */
  async function batched(kind: DenoisingKind, rows: readonly Row[], signal?: Signal): Promise<readonly Tensor[]> {
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

  function checkCondition({ values }: Condition): void {
    const { statesWidth, pooledWidth } = networks
    const [states, pooled] = [values[statesName], values[pooledName]]
    const fits = states?.shape.length === 2 && states.shape[1] === statesWidth
    if (fits && (pooledWidth === undefined || (pooled?.shape.length === 1 && pooled.shape[0] === pooledWidth))) return
    const shapes = Object.entries(values).map(([key, { shape }]) => `${key} ${formatShape(shape)}`)
    throw expected(
      'bad-option',
      `a condition with \`${statesName}\` of width ${statesWidth}${pooledWidth === undefined ? '' : ` and \`${pooledName}\` of ${pooledWidth}`}`,
      `\`${name}\``,
      shapes.join(', ') || 'no values',
      'Conditions are made by `condition` of the model that is asked.',
    )
  }

  /** Keys and values of cross-attention by the states that they are of: computed once, kept while the states are. */
  const derived = new WeakMap<Tensor, Tensors>()

  /** What the network is fed for a condition. */
  async function toldOf(condition: Condition, signal: Signal | undefined): Promise<Tensors> {
    const { [statesName]: states, [pooledName]: pooled } = condition.values
    const { promptGraph, pooledWidth } = networks
    const more = pooledWidth === undefined ? {} : { [pooledName]: pooled! }
    if (!promptGraph) return { [statesName]: states!, ...more }
    let told = derived.get(states!)
    if (!told) {
      const tokens = states!.shape[0]!
      const one = () => promptGraph({ batch: 1, tokens })
      const graph = () => (precision === 16 ? half(one()) : one())
      const feeds = { [statesName]: { shape: [1, ...states!.shape], data: states!.data } }
      const results = await pool.run(`prompt ${tokens}`, graph, feeds, signal)
      told = Object.fromEntries(Object.entries(results).map(([key, value]) => [key, unstack(value)[0]!]))
      derived.set(states!, told)
    }
    return { ...told, ...more }
  }

  async function rowsOf(asks: readonly Estimating[], signal: Signal | undefined): Promise<Row[]> {
    for (const { condition } of asks) checkCondition(condition)
    const rows: Row[] = []
    for (const ask of asks) rows.push({ ...ask, told: await toldOf(ask.condition, signal) })
    return rows
  }

  async function pullbacks(asks: readonly Ask<'pullback'>[], signal: Signal | undefined): Promise<readonly Tensor[]> {
    const rows = await rowsOf(asks, signal)
    const results = await batched(
      'pullback',
      rows.map((row, i) => ({ ...row, vector: asks[i]!.cotangent })),
      signal,
    )
    return await Promise.all(
      asks.map(({ x, level, cotangent }, i) => {
        return denoiserPullback(async () => results[i]!, prediction)(x, level, cotangent)
      }),
    )
  }

  /** The gradient by the states, at 32 bits: keys and values are part of the graph. */
  async function pullbacksToStates(
    asks: readonly Ask<'pullback'>[],
    signal: Signal | undefined,
  ): Promise<readonly Tensor[]> {
    const rows: Row[] = []
    for (const ask of asks) {
      checkCondition(ask.condition)
      if (ask.wrt !== statesName) {
        const remedy = 'Leave `wrt` out for the gradient by x.'
        throw expected('unsupported', `\`wrt\` \`${statesName}\``, `\`${name}\``, `\`${ask.wrt}\``, remedy)
      }
      // D is affine in the prediction, whose weight goes to the cotangent: x and x₀ are not bent by states.
      const { [statesName]: states, [pooledName]: pooled } = ask.condition.values
      const told = { [statesName]: states!, ...(networks.pooledWidth !== undefined && { [pooledName]: pooled! }) }
      const nothing = { shape: ask.x.shape, data: new Float64Array(ask.x.data.length) }
      const vector = await denoiser(async () => ask.cotangent, prediction)(nothing, ask.level)
      rows.push({ ...ask, told, vector })
    }
    return await batched('pullback-states', rows, signal)
  }

  return {
    async denoise(asks, signal) {
      const results = await batched('denoise', await rowsOf(asks, signal), signal)
      return await Promise.all(
        asks.map(async ({ x, level }, i) => {
          checkPrediction(prediction, x, results[i]!, level)
          return await denoiser(async () => results[i]!, prediction)(x, level)
        }),
      )
    },
    async pullback(asks, signal) {
      const byX = asks.filter(({ wrt }) => wrt === undefined)
      const byStates = asks.filter(({ wrt }) => wrt !== undefined)
      const found = new Map<Ask<'pullback'>, Tensor>()
      const keep = (some: typeof byX, results: readonly Tensor[]) => {
        for (const [i, ask] of some.entries()) found.set(ask, results[i]!)
      }
      if (byX.length > 0) keep(byX, await pullbacks(byX, signal))
      if (byStates.length > 0) keep(byStates, await pullbacksToStates(byStates, signal))
      return asks.map((ask) => found.get(ask)!)
    },
    async pushforward(asks, signal) {
      const rows = await rowsOf(asks, signal)
      const results = await batched(
        'pushforward',
        rows.map((row, i) => ({ ...row, vector: asks[i]!.tangent })),
        signal,
      )
      return await Promise.all(
        asks.map(({ x, level, tangent }, i) => {
          return denoiserPushforward(async () => results[i]!, prediction)(x, level, tangent)
        }),
      )
    },
    ...(networks.looksGraph && {
      looks: async (asks: readonly Estimating[], signal?: Signal) =>
        await batched('looks', await rowsOf(asks, signal), signal),
    }),
  } satisfies Answerers
}
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
