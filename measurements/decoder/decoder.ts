/**
 * `undiffuse bench decoder`: decoder inversions compared on latents that are known. Result and words; files are written
 * by whoever asked.
 */
import type { AutoencoderNetworks, Runtime, Signal, Steps } from 'undiffuse'
import { type Machine, machine } from '../shared/machine.js'
import { decimal, memoryText, textTable } from '../shared/text-table.js'
import { comparedMethods, optimiserAblation, scheduleAblation, sixteenBitMethods } from './methods.js'
import { type KnownPicture, knownLatents } from './pictures.js'
import { type SixteenBits, sixteenBits, sixteenBitsText } from './sixteen-bits.js'
import { type Curve, type Row, type SweepPlan, type SweepResult, sweep } from './sweep.js'

export interface DecoderBenchOptions extends SweepPlan {
  /** Pictures with known latents; or how many to draw and their side in pixels. */
  readonly problems: readonly KnownPicture[] | { readonly pictures: number; readonly size: number }
  /** Measure the networks in 16 bits against 32 as well. Needs gradients. Default false. */
  readonly comparesBits?: boolean
  readonly signal?: Signal | undefined
}

export interface DecoderBenchResult extends SweepResult {
  readonly benchmark: 'decoder'
  readonly model: string
  readonly pictures: number
  /** Absent where the pictures are not drawn here. */
  readonly sizePixels?: number
  readonly machine: Machine
  readonly comparison?: Comparison
  /** Networks in 16 bits against 32, where asked for. */
  readonly sixteenBits?: SixteenBits
}

/** The default method against the paper's, both gradient-free in 32 bits. */
export interface Comparison {
  /** Evaluations after which its mean error is that of Adam with 50; absent when it is never. */
  readonly evaluationsToAdam50?: number
  /** Its NMSE minus Adam's, both with 100 evaluations; negative is better. */
  readonly againstAdam100Db?: number
}

/** What is compared by `undiffuse bench decoder`, and with `--quick`, `--ablation` and `--table`. */
export const decoderPlans = {
  compared: { methods: comparedMethods, budgets: [20, 50, 100], precisions: [32, 16] },
  quick: {
    methods: comparedMethods.filter(({ name }) => ['encoder only', 'Adam', 'accelerated'].includes(name)),
    budgets: [5, 10],
    precisions: [32],
  },
  optimiser: { methods: optimiserAblation, budgets: [20, 30, 50, 100], precisions: [32] },
  schedule: { methods: scheduleAblation, budgets: [20, 50, 100, 200], precisions: [32] },
  sixteenBits: { methods: sixteenBitMethods, budgets: [50], precisions: [32, 16] },
} as const satisfies Readonly<Record<string, SweepPlan>>

const ours = 'accelerated'
const theirs = 'Adam'

/** Compares two gradient-free methods of a sweep, where it has them. */
export function compare({ rows, curves }: SweepResult, method = ours, reference = theirs): Comparison | undefined {
  const find = <T extends Pick<Row | Curve, 'method' | 'precisionBits' | 'iterations'>>(
    all: readonly T[],
    name: string,
  ) => all.filter((one) => one.method === name && one.precisionBits === 32)
  const at = (name: string, iterations: number) =>
    find(rows, name).find((row) => row.iterations === iterations)?.nmseDb.mean
  const longest = find(curves, method).sort((a, b) => b.iterations - a.iterations)[0]
  const goal = at(reference, 50)
  if (!longest || goal === undefined) return undefined
  const reached = longest.nmseDb.findIndex((error) => error <= goal)
  const [own, other] = [at(method, 100), at(reference, 100)]
  return {
    ...(reached >= 0 && { evaluationsToAdam50: reached + 1 }),
    ...(own !== undefined && other !== undefined && { againstAdam100Db: own - other }),
  }
}

/**
 * Draws pictures with known latents, runs the plan on them and compares.
 *
 * Cost: for the plan `compared` on the bundled model about a minute for each picture on two cores.
 */
export async function* benchDecoder(
  networks: AutoencoderNetworks,
  openRuntime: () => Runtime,
  { problems: asked, comparesBits = false, signal, ...plan }: DecoderBenchOptions,
): Steps<DecoderBenchResult> {
  const runtime = openRuntime()
  let problems: readonly KnownPicture[]
  let bits: SixteenBits | undefined
  try {
    problems =
      'size' in asked
        ? yield* knownLatents(networks, runtime, { count: asked.pictures, size: asked.size, signal })
        : asked
    if (comparesBits) bits = yield* sixteenBits(networks, runtime, problems, signal)
  } finally {
    await runtime.close()
  }
  const result = yield* sweep(networks, problems, plan, openRuntime, signal)
  const comparison = compare(result)
  return {
    benchmark: 'decoder',
    model: networks.name,
    pictures: problems.length,
    ...('size' in asked && { sizePixels: asked.size }),
    machine: machine(),
    ...result,
    ...(comparison && { comparison }),
    ...(bits && { sixteenBits: bits }),
  }
}

const outcomesText = ({ outcomes }: Row): string =>
  Object.entries(outcomes)
    .filter(([, count]) => count > 0)
    .map(([outcome, count]) => `${count} ${outcome}`)
    .join(', ')

/** The result as a table and two sentences. */
export function decoderBenchText(result: DecoderBenchResult): string {
  const { rows, comparison, pictures, sizePixels, model, sixteenBits: bits } = result
  const headings = [
    'method',
    'bits',
    'budget',
    'NMSE dB',
    '± 95 %',
    'PSNR dB',
    'seconds',
    'peak',
    'round trips',
    'pullbacks',
    'outcome',
  ]
  const lines = rows.map((row) => [
    row.method,
    `${row.precisionBits}`,
    row.iterations === 0 ? '–' : `${row.iterations}`,
    decimal(row.nmseDb.mean, 2),
    decimal(row.nmseDb.halfWidth, 2),
    decimal(row.psnrDb.mean, 2),
    decimal(row.seconds, 3),
    memoryText(row.peakMemoryBytes),
    decimal(row.networkRuns.roundTrips, 1),
    decimal(row.networkRuns.pullbacks, 1),
    outcomesText(row),
  ])
  return [
    `${model}, ${pictures} pictures${sizePixels === undefined ? '' : ` of ${sizePixels}×${sizePixels}`} with known latents`,
    '',
    textTable(headings, lines),
    ...(comparison ? ['', ...comparisonText(comparison)] : []),
    ...(bits ? ['', ...sixteenBitsText(bits)] : []),
  ].join('\n')
}

function comparisonText({ evaluationsToAdam50, againstAdam100Db }: Comparison): readonly string[] {
  const reached = evaluationsToAdam50 === undefined ? 'does not reach' : `needs ${evaluationsToAdam50} evaluations for`
  return [
    `${ours} ${reached} the error of ${theirs} with 50.`,
    ...(againstAdam100Db === undefined
      ? []
      : [`With 100 evaluations its NMSE is ${againstAdam100Db.toFixed(2)} dB against ${theirs}'s.`]),
  ]
}
