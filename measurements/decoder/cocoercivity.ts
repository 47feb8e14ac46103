/**
 * Whether the assumption of gradient-free inversion holds: cocoercivity along runs, as in the paper's section 2.3, and
 * its figure 2. Not a proof for any other latent.
 */
import {
  type Autoencoder,
  type AutoencoderNetworks,
  autoencoderOf,
  dot,
  fitLine,
  forwardStep,
  type Iteration,
  inertialKm,
  type Line,
  norm,
  openAutoencoder,
  type Runtime,
  relay,
  type Signal,
  type Steps,
  solve,
  subtract,
  type Tensor,
} from 'undiffuse'
import { scatterPlot } from 'undiffuse/node'
import { decibels, nmse } from '../shared/accuracy.js'
import { type Machine, machine } from '../shared/machine.js'
import { type KnownLatent, knownLatents } from './pictures.js'

/** z and E(D(z)). */
export interface Visited {
  readonly latent: Tensor
  readonly again: Tensor
}

/**
 * min over the points of ⟨E D z∞ − E D z, z∞ − z⟩ / ‖E D z∞ − E D z‖², equation 14: the largest β for which the
 * assumption of Theorem 1 holds at all of them, with z∞ for the solution.
 *
 * A point where E D z = E D z∞ says nothing (0/0, or no bound on β) and is left out; Infinity when all are.
 */
export function cocoercivity(points: readonly Visited[], last: Visited): number {
  let least = Number.POSITIVE_INFINITY
  for (const { latent, again } of points) {
    const change = subtract(last.again, again)
    const size = norm(change)
    if (size > 0) least = Math.min(least, dot(change, subtract(last.latent, latent)) / size ** 2)
  }
  return least
}

/** What equation 14 and figure 2 need of a run, from z⁰ = E(x): every point that was evaluated. */
export async function* visit(
  autoencoder: Autoencoder,
  image: Tensor,
  iteration: Iteration,
  evaluations: number,
): Steps<readonly Visited[]> {
  const start = await autoencoder.encode(image)
  const points: Visited[] = []
  const problem = {
    start,
    async evaluate(latent: Tensor) {
      const { latent: again } = await autoencoder.roundTrip(latent)
      points.push({ latent, again })
      return { residual: subtract(again, start) }
    },
  }
  yield* solve(problem, iteration, { iterations: evaluations })
  return points
}

/** The paper's: c over k = 0 … 100, z∞ = z³⁰⁰, learning rate 0.001, momentum 0.9. */
export const paperSettings = { observed: 100, last: 300, rate: 0.001, inertia: 0.9 }

export interface CocoercivityOptions {
  readonly pictures: number
  readonly size: number
  /** k runs from 0 to `observed`; z∞ is the point after `last` updates. */
  readonly observed: number
  readonly last: number
  readonly rate: number
  readonly inertia: number
  readonly signal?: Signal | undefined
}

/** One picture under one iteration: a point of the figure. */
export interface Instance {
  readonly seed: number
  /** Absent where no observed point differs from the last. */
  readonly cocoercivity?: number
  /** ‖z^observed − z∞‖ */
  readonly distance: number
  /** ‖z∞ − z*‖² / ‖z*‖² in dB. */
  readonly nmseDb: number
}

export interface Panel {
  readonly iteration: string
  readonly instances: readonly Instance[]
  readonly positiveShare: number
  /** Distance over cocoercivity; absent for fewer than two different values. */
  readonly line?: Line
}

export interface CocoercivityResult {
  readonly figure: 'cocoercivity'
  readonly model: string
  readonly sizePixels: number
  readonly settings: Pick<CocoercivityOptions, 'observed' | 'last' | 'rate' | 'inertia'>
  readonly machine: Machine
  readonly panels: readonly Panel[]
}

function instanceOf(points: readonly Visited[], { seed, latent: truth }: KnownLatent, observed: number): Instance {
  const last = points.at(-1)!
  const c = cocoercivity(points.slice(0, observed + 1), last)
  const seen = points[Math.min(observed, points.length - 1)]!
  return {
    seed,
    ...(Number.isFinite(c) && { cocoercivity: c }),
    distance: norm(subtract(seen.latent, last.latent)),
    nmseDb: decibels(nmse(last.latent, truth)),
  }
}

function panelOf(iteration: string, instances: readonly Instance[]): Panel {
  const defined = instances.flatMap(({ cocoercivity: c, distance }) => (c === undefined ? [] : [{ c, distance }]))
  const values = defined.map(({ c }) => c)
  return {
    iteration,
    instances,
    positiveShare: values.filter((c) => c > 0).length / instances.length,
    ...(new Set(values).size > 1 && {
      line: fitLine(
        values,
        defined.map(({ distance }) => distance),
      ),
    }),
  }
}

/**
 * The figure's numbers for the forward step and for inertial KM, whose points are the yᵏ, at which it evaluates.
 *
 * Cost: pictures × 2 × (last + 1) round trips.
 */
export async function* cocoercivityFigure(
  networks: AutoencoderNetworks,
  runtime: Runtime,
  { pictures, size, signal, observed, last, rate, inertia }: CocoercivityOptions,
): Steps<CocoercivityResult> {
  const problems = yield* knownLatents(networks, runtime, { count: pictures, size, signal })
  const model = openAutoencoder(networks, runtime)
  const autoencoder = autoencoderOf(model, signal)
  const iterations: readonly (readonly [string, Iteration])[] = [
    ['forward step', forwardStep({ rho: rate })],
    ['inertial KM', inertialKm({ rho: rate, inertia })],
  ]
  const total = pictures * iterations.length * (last + 1)
  const panels: Panel[] = []
  let before = 0
  try {
    for (const [name, iteration] of iterations) {
      const instances: Instance[] = []
      for (const problem of problems) {
        const run = visit(autoencoder, problem.image, iteration, last + 1)
        const points = yield* relay(run, ({ done }) => ({ stage: `cocoercivity, ${name}`, done: before + done, total }))
        before += last + 1
        instances.push(instanceOf(points, problem, observed))
      }
      panels.push(panelOf(name, instances))
    }
  } finally {
    await model.close()
  }
  const settings = { observed, last, rate, inertia }
  return { figure: 'cocoercivity', model: networks.name, sizePixels: size, settings, machine: machine(), panels }
}

/** The figure: distance over cocoercivity, one series for each iteration with its line. */
export async function cocoercivityPlot({ panels, model, settings }: CocoercivityResult): Promise<string> {
  const series = panels.flatMap(({ iteration, instances, line }) => {
    const points = instances.flatMap(({ cocoercivity: c, distance }) =>
      c === undefined ? [] : [{ x: c, y: distance }],
    )
    const ends = [Math.min(...points.map(({ x }) => x)), Math.max(...points.map(({ x }) => x))]
    return [
      { name: iteration, points },
      ...(line
        ? [
            {
              name: `${iteration}, least squares`,
              line: true,
              points: ends.map((x) => ({ x, y: line.slope * x + line.intercept })),
            },
          ]
        : []),
    ]
  })
  return await scatterPlot({
    title: `Convergence over cocoercivity, ${model}`,
    x: { title: `Smallest cocoercivity over k = 0 … ${settings.observed}` },
    y: { title: `‖z^${settings.observed} − z^${settings.last}‖` },
    series,
  })
}

/** The figure in words. */
export function cocoercivityText({ panels, model, settings }: CocoercivityResult): string {
  const lines = panels.map(({ iteration, instances, positiveShare, line }) => {
    const share = `${(100 * positiveShare).toFixed(0)} % of ${instances.length} runs are cocoercive`
    const trend = line
      ? `slope of distance over cocoercivity ${line.slope.toPrecision(3)}, correlation ${line.correlation.toFixed(2)}`
      : 'too few different values for a line'
    return `${iteration}: ${share}; ${trend}`
  })
  return [`${model}: equation 14 with rate ${settings.rate} and z∞ = z^${settings.last}`, ...lines].join('\n')
}
