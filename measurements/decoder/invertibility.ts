/**
 * `undiffuse report`: how well the latents of an autoencoder can be found again, measured on scenes it has not seen.
 * Measurements only; what they mean in words is invertibility-text.ts.
 */
import {
  type Autoencoder,
  type AutoencoderNetworks,
  autoencoderOf,
  confidenceInterval,
  forwardStep,
  type Interval,
  mean,
  median,
  norm,
  openAutoencoder,
  psnrDb,
  type Runtime,
  relay,
  type Signal,
  type Steps,
  subtract,
  Task,
  type Tensor,
} from 'undiffuse'
import { decibels, nmse } from '../shared/accuracy.js'
import { type Machine, machine } from '../shared/machine.js'
import { cocoercivity, visit } from './cocoercivity.js'
import { type HalfPrecision, halfPrecisionOf } from './half-precision.js'
import { comparedMethods, makeInverter } from './methods.js'
import { type KnownLatent, knownLatents } from './pictures.js'
import { type Curve, type Row, sweep } from './sweep.js'
import { trace } from './trace.js'

export interface InvertibilityOptions {
  /** At least 2, for intervals. */
  readonly pictures: number
  /** Side of the pictures in pixels. */
  readonly size: number
  readonly signal?: Signal | undefined
}

export interface Invertibility {
  readonly report: 'invertibility'
  readonly model: string
  readonly pictures: number
  readonly sizePixels: number
  readonly machine: Machine
  /** PSNR of D(E(x)) against the scene x: what the autoencoder keeps of a picture. */
  readonly reconstructionPsnrDb: Interval
  /** ‖E(D(z)) − z‖ / ‖z‖ at samples z of posteriors: how far a known latent is from a fixed point. */
  readonly fixedPointError: Interval
  /** Equation 14 with z∞ = z*, along 20 forward steps of 0.1 from E(D(z*)), D(z*) not rounded. */
  readonly cocoercivity: {
    readonly median: number
    readonly least: number
    readonly positiveShare: number
    /** 2β: forward steps below it converge where the smallest value holds; 0 when that is not positive. */
    readonly largestStep: number
  }
  /** 16-bit networks against 32-bit ones. */
  readonly halfPrecision: HalfPrecision
  /** NMSE of the latent after 50 evaluations of Anderson, from D(z*) itself and from its 8-bit rounding. */
  readonly rounding: { readonly fromFloatDb: number; readonly from8BitDb: number }
  /** What to expect of the methods. */
  readonly methods: readonly Row[]
  readonly curves: readonly Curve[]
}

/** A picture with what the encoder alone and the default method make of it, for people to look at. */
export interface Example {
  readonly image: Tensor
  readonly columns: readonly { readonly name: string; readonly nmseDb: number; readonly decoded: Tensor }[]
}

const probe = { step: 0.1, evaluations: 20 }
const roundingProbe = { specification: 'gradient-free:iteration=anderson', evaluations: 50 }
const reportedMethods = comparedMethods.filter(({ name }) => ['encoder only', 'Adam', 'automatic'].includes(name))
const reportedBudgets = [20, 50]
const examples = 3

/**
 * Measures an autoencoder.
 *
 * Cost: for each picture about 250 round trips; minutes for the bundled model. `openRuntime` starts a process; the
 * methods run in processes of their own. Errors: those of networks and runtimes.
 */
export async function* measureInvertibility(
  networks: AutoencoderNetworks,
  openRuntime: () => Runtime,
  { pictures, size, signal }: InvertibilityOptions,
): Steps<{ readonly measured: Invertibility; readonly examples: readonly Example[] }> {
  const runtime = openRuntime()
  const model = openAutoencoder(networks, runtime)
  const autoencoder = autoencoderOf(model, signal)
  try {
    const problems = yield* knownLatents(networks, runtime, { count: pictures, size, signal })
    const reconstruction: number[] = []
    const fixedPoint: number[] = []
    const cocoercivities: number[] = []
    const errors = { fromFloat: [] as number[], from8Bit: [] as number[] }
    for (const [i, problem] of problems.entries()) {
      const { scene, latent, decoded } = problem
      const progress = () => ({ stage: 'measuring the autoencoder', done: i, total: pictures })
      reconstruction.push(psnrDb(await autoencoder.decode(await autoencoder.encode(scene)), scene))
      const { latent: again } = await autoencoder.roundTrip(latent)
      fixedPoint.push(norm(subtract(again, latent)) / norm(latent))
      const run = visit(autoencoder, decoded, forwardStep({ rho: probe.step }), probe.evaluations)
      cocoercivities.push(cocoercivity(yield* relay(run, progress), { latent, again }))
      for (const [image, list] of [
        [decoded, errors.fromFloat],
        [problem.image, errors.from8Bit],
      ] as const) {
        const inverter = makeInverter(roundingProbe.specification, roundingProbe.evaluations)
        const inverted = trace(inverter, model, { ...problem, image }, [roundingProbe.evaluations], signal)
        const { snapshots } = yield* relay(inverted, progress)
        const found = snapshots[0]!.latent
        if (found) list.push(decibels(nmse(found, latent)))
      }
    }
    const half = openAutoencoder(networks, runtime, { precision: 16 })
    const halfPrecision = await halfPrecisionOf(autoencoderOf(half, signal), autoencoder, problems)
    await half.close()
    const plan = { methods: reportedMethods, budgets: reportedBudgets, precisions: [32] as const }
    const { rows, curves } = yield* sweep(networks, problems, plan, openRuntime, signal)
    const least = Math.min(...cocoercivities)
    const measured: Invertibility = {
      report: 'invertibility',
      model: networks.name,
      pictures,
      sizePixels: size,
      machine: machine(),
      reconstructionPsnrDb: confidenceInterval(reconstruction),
      fixedPointError: confidenceInterval(fixedPoint),
      cocoercivity: {
        median: median(cocoercivities),
        least,
        positiveShare: cocoercivities.filter((value) => value > 0).length / pictures,
        largestStep: Math.max(0, 2 * least),
      },
      halfPrecision,
      rounding: { fromFloatDb: mean(errors.fromFloat), from8BitDb: mean(errors.from8Bit) },
      methods: rows,
      curves,
    }
    return { measured, examples: await showExamples(autoencoder, problems.slice(0, examples)) }
  } finally {
    await model.close()
    await runtime.close()
  }
}

async function showExamples(autoencoder: Autoencoder, problems: readonly KnownLatent[]): Promise<readonly Example[]> {
  const shown: Example[] = []
  for (const { image, latent: truth } of problems) {
    const columns: Example['columns'][number][] = []
    for (const { name, specification } of reportedMethods) {
      const { value } = await new Task(makeInverter(specification, reportedBudgets[0]!).invert(image, autoencoder))
      columns.push({
        name,
        nmseDb: decibels(nmse(value, truth)),
        decoded: await autoencoder.decode(value),
      })
    }
    shown.push({ image, columns })
  }
  return shown
}
