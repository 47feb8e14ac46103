/**
 * `undiffuse bench autoencoders`: decoder inversions on several autoencoders, since which is best depends on how far the
 * encoder is from the decoder's inverse. Result and words; files are written by whoever asked.
 */
import { type Interval, mean, type Profile, relay, type Steps } from 'undiffuse'
import { type Machine, machine } from '../shared/machine.js'
import { decimal, memoryText, textTable } from '../shared/text-table.js'
import { type ErrorPath, errorPaths } from './error-paths.js'
import { benchProfile, type KeptBench, keptRows } from './kept-rows.js'
import { automaticMethods, type BenchMethod } from './methods.js'
import { type KnownPicture, knownLatents, type PictureOptions } from './pictures.js'
import type { Row } from './sweep.js'

export interface MeasuredAutoencoder extends KeptBench {
  /** Pictures with known latents, or which to draw. */
  readonly problems: readonly KnownPicture[] | Omit<PictureOptions, 'signal'>
}

export interface AutoencodersOptions {
  /** Default: all. */
  readonly compared?: Compared
  /** The first so many pictures of each are watched along the way; none without the chart. */
  readonly watched: number
}

/** A method beside the encoder alone, on the same pictures. */
export interface ComparedRow extends Row {
  /** How much nearer than the encoder's the latent is: mean over pictures, and the least. */
  readonly gainDb: { readonly mean: number; readonly least: number }
  /** Pictures whose latent is worse than the encoder's. */
  readonly worseThanEncoder: number
}

export interface AutoencoderResult {
  readonly model: string
  readonly pictures: number
  /** Height × width of each, once. */
  readonly sizesPixels: readonly string[]
  readonly profile: Profile
  readonly rows: readonly ComparedRow[]
  readonly paths: readonly ErrorPath[]
}

export interface AutoencodersResult {
  readonly benchmark: 'autoencoders'
  readonly machine: Machine
  readonly autoencoders: readonly AutoencoderResult[]
}

const [few, many] = [[20], [50]]

const encoder: BenchMethod = { name: 'encoder only', specification: 'encoder-only', anytime: true }

const forwardSteps: readonly BenchMethod[] = [
  {
    name: 'forward step 0.05, as released',
    specification: 'gradient-free:iteration=forward-step,rate=0.05',
    anytime: true,
    budgets: many,
  },
  {
    name: 'forward step 0.5',
    specification: 'gradient-free:iteration=forward-step,rate=0.5',
    anytime: true,
    budgets: many,
  },
]

/** The papers' methods, and the gradient. */
const theirs: readonly BenchMethod[] = [
  ...forwardSteps,
  { name: 'Adam, as released', specification: 'gradient-free:iteration=adam', anytime: false, budgets: many },
  { name: 'gradient, L-BFGS', specification: 'gradient:optimizer=lbfgs', anytime: true, budgets: many },
]

/** Ours, before and now. */
const ours = (profile: Profile): readonly BenchMethod[] => [
  { name: 'accelerated', specification: 'accelerated', anytime: true, budgets: few },
  ...automaticMethods(profile),
]

/** Whose methods stand in the table beside the encoder. */
export type Compared = 'all' | 'ours'

const comparedMethods = (profile: Profile, compared: Compared): readonly BenchMethod[] => [
  encoder,
  ...(compared === 'all' ? theirs : []),
  ...ours(profile),
]

/** Methods that walk on, and those that stop by themselves. Methods with gradients are missing: pullbacks are not round trips. */
const watchedMethods = (profile: Profile): readonly BenchMethod[] => [
  ...forwardSteps.map((method) => ({ ...method, budgets: [30] })),
  { name: 'Anderson', specification: 'gradient-free:iteration=anderson', anytime: true, budgets: [30] },
  ...ours(profile).filter(({ specification }) => specification !== 'automatic'),
]

/** Each row against the encoder's, picture by picture. */
export function againstEncoder(rows: readonly Row[]): readonly ComparedRow[] {
  const alone = rows.find(({ specification }) => specification === encoder.specification)!
  return rows.map((row) => {
    const gains = row.eachNmseDb.flatMap((error, i) => (Number.isFinite(error) ? alone.eachNmseDb[i]! - error : []))
    const gainDb = { mean: gains.length > 0 ? mean(gains) : Number.NaN, least: Math.min(...gains) }
    return { ...row, gainDb, worseThanEncoder: gains.filter((gain) => gain < 0).length }
  })
}

async function* problemsOf({ networks, openRuntime, problems, signal }: MeasuredAutoencoder) {
  if (!('count' in problems)) return problems
  const runtime = openRuntime()
  try {
    return yield* knownLatents(networks, runtime, { ...problems, signal })
  } finally {
    await runtime.close()
  }
}

async function* measured(
  one: MeasuredAutoencoder,
  { compared = 'all', watched }: AutoencodersOptions,
): Steps<AutoencoderResult> {
  const problems: readonly KnownPicture[] = yield* problemsOf(one)
  const profile = yield* relay(benchProfile(one), (step) => ({
    ...step,
    stage: `${one.networks.name}: ${step.stage}`,
  }))
  const rows = againstEncoder(yield* keptRows(one, problems, comparedMethods(profile, compared)))
  const along = problems.slice(0, watched)
  const paths = along.length === 0 ? [] : yield* errorPaths(one, along, watchedMethods(profile))
  return {
    model: one.networks.name,
    pictures: problems.length,
    sizesPixels: [...new Set(problems.map(({ image }) => image.shape.slice(1).join('×')))],
    profile,
    rows,
    paths,
  }
}

/**
 * Compares nine methods on the same pictures of each autoencoder, all against the encoder alone.
 *
 * The profile is the one beside the weights, or is measured in the same run, on other pictures. Finished methods are kept in the cells. Cost: about 300
 * evaluations for each picture, a profile for each autoencoder, and 150 round trips for each picture that is watched.
 */
export async function* benchAutoencoders(
  autoencoders: readonly MeasuredAutoencoder[],
  options: AutoencodersOptions,
): Steps<AutoencodersResult> {
  const results: AutoencoderResult[] = []
  for (const one of autoencoders) results.push(yield* measured(one, options))
  return { benchmark: 'autoencoders', machine: machine(), autoencoders: results }
}

const meanOf = ({ mean }: Interval) => decimal(mean, 2)

/** A table for each autoencoder. */
export function autoencodersText({ autoencoders }: AutoencodersResult): string {
  const headings = [
    'method',
    'NMSE dB',
    'expected',
    'gain dB',
    'least',
    'worse',
    'PSNR dB',
    'round trips',
    'pullbacks',
    'decodes',
    'seconds',
    'peak',
  ]
  return autoencoders
    .map(({ model, pictures, sizesPixels, profile, rows }) => {
      const lines = rows.map((row) => [
        row.method,
        meanOf(row.nmseDb),
        decimal(row.expectedNmseDb, 2),
        decimal(row.gainDb.mean, 2),
        decimal(row.gainDb.least, 2),
        `${row.worseThanEncoder} of ${row.pictures}`,
        meanOf(row.psnrDb),
        decimal(row.networkRuns.roundTrips, 1),
        decimal(row.networkRuns.pullbacks, 1),
        decimal(row.networkRuns.decodes, 1),
        decimal(row.seconds, 2),
        memoryText(row.peakMemoryBytes),
      ])
      const { steps, roundTrips, pullbacks, latentCount, latents: origin } = profile
      return [
        `${model}: ${pictures} pictures of ${sizesPixels.join(' and ')} with known latents`,
        `profile: ${roundTrips} ${steps} steps, ${pullbacks} pullbacks; from ${latentCount} latents, ${origin}`,
        '',
        textTable(headings, lines),
      ].join('\n')
    })
    .join('\n\n')
}
