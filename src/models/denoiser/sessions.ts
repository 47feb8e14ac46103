/**
 * Questions to a denoising network as network runs: several questions in one batch, and what a condition's values are to
 * the network. What the predictions mean is src/diffusion/denoiser.ts; guidance is two questions (src/model/views.ts).
 */
import { expected } from '../../core/errors.js'
import type { Signal } from '../../core/progress.js'
import { estimateOf, type Prediction } from '../../diffusion/denoiser.js'
import type { NoiseLevel } from '../../diffusion/level.js'
import { half } from '../../graph/passes/half.js'
import type { Feeds, Held } from '../../graph/runtime.js'
import { dot, formatShape, norm, type Shape, type Tensor, tensor, zeros } from '../../math/tensor.js'
import type { Condition } from '../../model/condition.js'
import type { Answerers, Ask, Estimating, Kind } from '../../model/questions.js'
import { inBatches } from '../sessions/batches.js'
import { heldBatches } from '../sessions/held-batches.js'
import type { GraphFor } from '../sessions/memory.js'
import type { SessionPool, Tensors } from '../sessions/pool.js'
import { commonShape, stack, unstack } from '../sessions/stack.js'
import { placed } from '../text/prompts.js'
import { averageLooks } from './average-looks.js'
import {
  type DenoisingKind,
  type DenoisingPrecision,
  denoisingGraph,
  ticksPerTime,
  valueGradientGraph,
} from './graphs.js'
import { type ConditionValue, type DenoisingNetworks, lengthName } from './networks.js'

export interface DenoisingOptions {
  readonly name: string
  readonly networks: DenoisingNetworks
  readonly pool: SessionPool
  readonly prediction: Prediction
  readonly precision: DenoisingPrecision
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
  pushforward: { vector: 'cotangent.gradient.sample', answer: 'gradient.cotangent.out' },
} as const

/** Batches of conditions that the runtime holds. */
const heldConditions = 4

const denoisingKinds: readonly Kind[] = ['denoise', 'pullback', 'pushforward', 'looks'] satisfies DenoisingKind[]

const isDenoising = (kind: Kind): kind is DenoisingKind => denoisingKinds.includes(kind)

/** The graphs that answer questions to a denoising network, for conditions of so many tokens. */
export const denoisingGraphs =
  (networks: DenoisingNetworks, precision: DenoisingPrecision, tokens: number): GraphFor =>
  (kind, latent, batch) =>
    isDenoising(kind) && (kind !== 'looks' || networks.looksGraph)
      ? denoisingGraph(networks, kind, { batch, latent, tokens }, precision)
      : undefined

/** How a denoising network answers. Latents of one call have one shape. */
export function denoisingAnswerers(options: DenoisingOptions) {
  const { name, networks, pool, prediction, precision } = options
  const { values } = networks

  /** What conditions are to the network, sent once for the same conditions in the same order. */
  const held = heldBatches(pool, heldConditions)

  /** What a batch of rows is fed, but for the time and what a derivative is applied to. */
  function common(rows: readonly Row[], told: Feeds) {
    const latent = commonShape(
      rows.map(({ x }) => x),
      'latent',
    )
    const perToken = Object.keys(values).find((value) => values[value]!.perToken)
    const tokens = perToken === undefined ? 0 : commonTokens(rows, perToken, values[perToken]!)
    const feeds: Record<string, Tensor | Held> = { sample: stacked(rows, ({ x }) => x), ...told }
    for (const [key, value] of Object.entries(networks.shapeFeeds?.(latent) ?? {}))
      feeds[key] = stacked(rows, () => value)
    return {
      size: { batch: rows.length, latent, tokens },
      feeds,
      key: `${rows.length} ${formatShape(latent)} ${tokens}`,
    }
  }

  async function run(kind: DenoisingKind, rows: readonly Row[], signal?: Signal): Promise<readonly Tensor[]> {
    const of = rows.flatMap(({ condition }) => Object.keys(values).map((value) => condition.values[value]!))
    const { size, feeds, key } = common(
      rows,
      held(of, () => stackedTold(rows, values)),
    )
    const times = rows.map(({ level }) => level.t)
    if (precision === 16) {
      feeds.ticks = tensor(
        [rows.length],
        times.map((t) => Math.round(t * ticksPerTime)),
      )
    } else feeds.timestep = tensor([rows.length], times)
    if (kind !== 'looks' && kind !== 'denoise') feeds[namesOf[kind].vector] = stacked(rows, ({ vector }) => vector!)
    const graph = () => denoisingGraph(networks, kind, size, precision)
    const results = await pool.run(`${kind} ${key}`, graph, feeds, signal)
    if (kind === 'looks') return averageLooks(Object.values(results).map(unstack), [size.latent[1]!, size.latent[2]!])
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

  function checkCondition(condition: Condition): void {
    const fits = Object.entries(values).every(([key, { width, perToken }]) => {
      const shape = condition.values[key]?.shape
      return shape?.length === (perToken ? 2 : 1) && shape.at(-1) === width
    })
    if (fits) return
    const wanted = Object.entries(values).map(([key, { width }]) => `\`${key}\` of width ${width}`)
    const shapes = Object.entries(condition.values).map(([key, { shape }]) => `${key} ${formatShape(shape)}`)
    throw expected(
      'bad-option',
      `a condition with ${wanted.join(' and ')}`,
      `\`${name}\``,
      shapes.join(', ') || 'no values',
      'Conditions are made by `condition` of the model that is asked.',
    )
  }

  /** What was derived of values, such as keys and values of cross-attention: computed once, kept while the values are. */
  const known = new WeakMap<Tensor, Tensors>()
  /** That and a condition's own values: checked and put together once, kept while the condition is. */
  const toldBefore = new WeakMap<Condition, Tensors>()

  const ownValues = (condition: Condition, but?: string): Tensors =>
    Object.fromEntries(Object.keys(values).flatMap((key) => (key === but ? [] : [[key, condition.values[key]!]])))

  /** What the network is fed for a condition. */
  async function toldOf(condition: Condition, signal: Signal | undefined): Promise<Tensors> {
    const { derived } = networks
    if (!derived) return ownValues(condition)
    const value = condition.values[derived.value]!
    let told = known.get(value)
    if (!told) {
      const tokens = value.shape[0]!
      const one = () => derived.graph({ batch: 1, tokens })
      const graph = () => (precision === 16 ? half(one()) : one())
      const feeds = { [derived.value]: { shape: [1, ...value.shape], data: value.data } }
      const results = await pool.run(`derived ${tokens}`, graph, feeds, signal)
      told = Object.fromEntries(Object.entries(results).map(([key, found]) => [key, unstack(found)[0]!]))
      known.set(value, told)
    }
    return { ...told, ...ownValues(condition, derived.value) }
  }

  async function rowsOf(asks: readonly Estimating[], signal: Signal | undefined): Promise<Row[]> {
    for (const { condition } of asks) if (!toldBefore.has(condition)) checkCondition(condition)
    const rows: Row[] = []
    for (const ask of asks) {
      const told = toldBefore.get(ask.condition) ?? (await toldOf(ask.condition, signal))
      toldBefore.set(ask.condition, told)
      rows.push({ ...ask, told })
    }
    return rows
  }

  async function pullbacks(asks: readonly Ask<'pullback'>[], signal: Signal | undefined): Promise<readonly Tensor[]> {
    const rows = await rowsOf(asks, signal)
    const results = await batched(
      'pullback',
      rows.map((row, i) => ({ ...row, vector: asks[i]!.cotangent })),
      signal,
    )
    return asks.map(({ level, cotangent }, i) => estimateOf(prediction, cotangent, results[i]!, level))
  }

  /** The gradient by a value of the condition: what is derived of it is part of the graph. */
  async function valueGradients(
    wrt: string,
    asks: readonly Ask<'pullback'>[],
    signal: Signal | undefined,
  ): Promise<readonly Tensor[]> {
    if (!Object.hasOwn(values, wrt)) {
      const known = Object.keys(values).join(' or ')
      throw expected(
        'unsupported',
        known,
        `\`wrt\` of \`${name}\``,
        `\`${wrt}\``,
        'Leave it out for the gradient by x.',
      )
    }
    for (const { condition } of asks) checkCondition(condition)
    const rows = asks.map((ask): Row => {
      // D is affine in the prediction, whose weight goes to the cotangent; its part in x does not move with a value.
      const vector = estimateOf(prediction, zeros(ask.x.shape), ask.cotangent, ask.level)
      return { ...ask, told: ownValues(ask.condition), vector }
    })
    return await inBatches(rows, async (some) => {
      const { size, feeds, key } = common(some, stackedTold(some, values))
      feeds.timestep = tensor(
        [some.length],
        some.map(({ level }) => level.t),
      )
      feeds['cotangent.out'] = stacked(some, ({ vector }) => vector!)
      const graph = () => valueGradientGraph(networks, wrt, size)
      const results = await pool.run(`gradient ${wrt} ${key}`, graph, feeds, signal)
      const found = unstack(results[`gradient.${wrt}`]!)
      return found.map((gradient, i) => cutTo(gradient, some[i]!.condition.values[wrt]!.shape))
    })
  }

  return {
    async denoise(asks, signal) {
      const results = await batched('denoise', await rowsOf(asks, signal), signal)
      return asks.map(({ x, level }, i) => {
        checkPrediction(prediction, x, results[i]!, level)
        return estimateOf(prediction, x, results[i]!, level)
      })
    },
    async pullback(asks, signal) {
      const found = new Map<Ask<'pullback'>, Tensor>()
      for (const wrt of new Set(asks.map((ask) => ask.wrt))) {
        const some = asks.filter((ask) => ask.wrt === wrt)
        const results = wrt === undefined ? await pullbacks(some, signal) : await valueGradients(wrt, some, signal)
        for (const [i, ask] of some.entries()) found.set(ask, results[i]!)
      }
      return asks.map((ask) => found.get(ask)!)
    },
    async pushforward(asks, signal) {
      const rows = await rowsOf(asks, signal)
      const results = await batched(
        'pushforward',
        rows.map((row, i) => ({ ...row, vector: asks[i]!.tangent })),
        signal,
      )
      return asks.map(({ level, tangent }, i) => estimateOf(prediction, tangent, results[i]!, level))
    },
    ...(networks.looksGraph && {
      looks: async (asks: readonly Estimating[], signal?: Signal) =>
        await batched('looks', await rowsOf(asks, signal), signal),
    }),
  } satisfies Answerers
}

/** What all rows are told, in batches; texts of fewer tokens than others are filled up with zeros. */
function stackedTold(rows: readonly Row[], values: DenoisingNetworks['values']): Tensors {
  const told: Record<string, Tensor> = {}
  for (const name of Object.keys(rows[0]!.told)) {
    const each = rows.map((row) => row.told[name]!)
    const value = values[name]
    if (value?.tokenMultiple === undefined) {
      told[name] = stack(each, 'sample')
      continue
    }
    const shape = [commonTokens(rows, name, value), value.width] as const
    told[name] = stack(
      each.map((matrix) => placed(shape, [[matrix, 0, 0]])),
      'sample',
    )
    const lengths = each.map(({ shape: [tokens] }) => tokens!)
    told[lengthName(name)] = tensor([rows.length], lengths)
  }
  return told
}

/** The tokens of a batch: of every row, or of the longest, filled up. */
function commonTokens(rows: readonly Row[], name: string, { tokenMultiple }: ConditionValue): number {
  const lengths = rows.map(({ condition }) => condition.values[name]!.shape[0]!)
  return tokenMultiple === undefined
    ? lengths[0]!
    : tokenMultiple * Math.max(1, Math.ceil(Math.max(...lengths) / tokenMultiple))
}

/** The first rows of a matrix. */
const cutTo = ({ data }: Tensor, shape: Shape): Tensor => tensor(shape, data.slice(0, shape[0]! * (shape[1] ?? 1)))

const stacked = (rows: readonly Row[], of: (row: Row) => Tensor): Tensor => stack(rows.map(of), 'sample')

/** Below this ratio of alpha to sigma x is nearly noise. */
const nearlyNoise = 0.1
/**
 * Above this correlation with x, a prediction is the noise, whose own is at least 0.995 there. Far from pictures, where iterations of
 * an inversion under strong guidance look, velocities were seen at 0.91.
 */
const isNoise = 0.98

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
