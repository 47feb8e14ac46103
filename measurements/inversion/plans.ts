/** Which inversions `undiffuse bench inversion` compares: methods as a command line names them, and the named tables. */
import type { DenoisingPrecision } from 'undiffuse'

/** What an inverter is given: the latent alone, the latent and the solver's memory, or the picture in 8 bits. */
const allSources = ['memory', 'latent', 'picture'] as const
export type InversionSourceName = (typeof allSources)[number]

/** One cell of a table: everything but the prompts. */
export interface InversionCase {
  /** As on the command line, without its steps; or `scheduler`, what the model's scheduler names. */
  readonly solver: string
  readonly steps: number
  readonly guidance: number
  readonly inverter: string
  readonly source: InversionSourceName
  /** How the latent is found; for pictures only. */
  readonly decoder?: string
  /** What the denoising network computes with, where it is not what the whole plan does. */
  readonly precisionBits?: DenoisingPrecision
}

export interface InversionPlan {
  readonly title: string
  readonly cases: readonly InversionCase[]
}

/** A solver, and what it is undone with. */
interface Pairing {
  readonly solver: string
  readonly inverters: readonly string[]
  readonly sources?: readonly InversionSourceName[]
}

interface Axes {
  readonly steps: readonly number[]
  readonly guidances: readonly number[]
}

/** Every pairing at every number of steps and guidance; what shares its pictures stands together. */
const crossed = (pairings: readonly Pairing[], { steps, guidances }: Axes): readonly InversionCase[] =>
  pairings.flatMap(({ solver, inverters, sources }) =>
    steps.flatMap((count) =>
      guidances.flatMap((guidance) =>
        inverters.flatMap((inverter) =>
          (sources ?? sourcesFor(inverter)).map((source) => ({ solver, steps: count, guidance, inverter, source })),
        ),
      ),
    ),
  )

/** Solvers that undo themselves need their memory: with it, and without. */
const sourcesFor = (inverter: string): readonly InversionSourceName[] =>
  inverter.startsWith('reversible') ? ['memory', 'latent'] : ['latent']

const anderson = 'implicit:iteration=anderson'
const picard = 'implicit:iteration=picard'

/** First-order solvers as the paper and its predecessors undo them, and as we do. */
const firstOrderInverters = ['naive', picard, 'algorithm-1', anderson]
/** With the stop that does not depend on the latent's size, and with a tolerance that strong guidance asks for. */
const strictInverters = ['algorithm-1:stop=per-element', `${anderson},tolerance=1e-6`]
/** What a network in 64 bits can meet. */
const strictest = `${anderson},tolerance=1e-12,iterations=60`
/** Without the leap at the end of grids even in time, where strong guidance turns steps over. */
const evenInLambda = 'spacing=lambda,wholeTimes=false'
const secondOrderInverters = ['naive', 'algorithm-2', 'sweep']
const reversibleSolvers = ['bdia', 'o-belm', 'rex', 'edict']

const compared: readonly Pairing[] = [
  { solver: 'ddim', inverters: firstOrderInverters },
  { solver: 'dpm-solver-2m', inverters: secondOrderInverters },
  { solver: 'bdia', inverters: ['reversible'] },
]

const allSolvers = [
  'ddim',
  'dpm-solver-2m',
  'dpm-solver-2m:prediction=noise',
  'dpm-solver-3m',
  'dpm-solver-2s',
  'heun',
  ...reversibleSolvers,
]

const allInverters = [
  'naive',
  'naive:label=cleaner',
  'naive:substeps=20',
  picard,
  'implicit:iteration=forward-step',
  anderson,
  'algorithm-1',
  'algorithm-1:stop=per-element',
  'algorithm-2',
  'sweep',
  'reversible',
]

const allDecoders = ['encoder-only', 'gradient', 'accelerated']

/** What a command line asks for; what it does not say is the default. */
export interface RequestedInversions {
  readonly full: boolean
  readonly solvers?: readonly string[] | undefined
  readonly inverters?: readonly string[] | undefined
  /** From the picture alone too, with each of these. */
  readonly decoders?: readonly string[] | undefined
  readonly steps?: readonly number[] | undefined
  readonly guidances?: readonly number[] | undefined
}

/**
 * The cases of a request: solvers × inverters × steps × guidances. Every inverter on every solver where only one of the two
 * is named, and with `full`: `fits` says which of them mean something.
 */
export function requestedPlan(
  { full, solvers, inverters, decoders, steps, guidances }: RequestedInversions,
  fits: (one: InversionCase) => boolean,
): InversionPlan {
  const everything = full || solvers !== undefined || inverters !== undefined
  const defaultSolvers = full ? allSolvers : compared.map(({ solver }) => solver)
  const pairings = everything
    ? (solvers ?? defaultSolvers).map((solver) => ({ solver, inverters: inverters ?? allInverters }))
    : compared
  const axes = {
    steps: steps ?? (full ? [10, 20, 50] : [10, 50]),
    guidances: guidances ?? (full ? [1, 2, 3, 5, 7.5, 10] : [1, 3, 7.5]),
  }
  // A pairing that was asked for is answered, with a refusal where it means nothing.
  const named = solvers !== undefined && inverters !== undefined
  const latents = crossed(pairings, axes).filter((one) => named || fits(one))
  const pictures = (decoders ?? (full ? allDecoders : [])).flatMap((decoder) =>
    latents
      .filter(({ source }) => source === 'latent')
      .map((one): InversionCase => ({ ...one, source: 'picture', decoder })),
  )
  return { title: 'Inversion: the noise found again', cases: [...latents, ...pictures].sort(byPictures) }
}

/** What inverts the same pictures stands together; the order is kept otherwise. */
const byPictures = (a: InversionCase, b: InversionCase): number =>
  a.solver.localeCompare(b.solver) || a.steps - b.steps || a.guidance - b.guidance

/** The tables that are asked for by name: the papers' claims, one each. */
export const inversionTables = {
  'first-order': {
    title: 'First order: the noise from the exact latent, 50 DDIM steps',
    cases: [
      ...crossed([{ solver: 'ddim', inverters: [...firstOrderInverters, ...strictInverters] }], {
        steps: [50],
        guidances: [1, 3, 7.5],
      }),
      ...crossed([{ solver: `ddim:${evenInLambda}`, inverters: firstOrderInverters }], {
        steps: [50],
        guidances: [3, 7.5],
      }),
      ...crossed([{ solver: `ddim:${evenInLambda}`, inverters: ['naive', strictest] }], {
        steps: [50],
        guidances: [7.5],
      }).map((one): InversionCase => ({ ...one, precisionBits: 64 })),
    ],
  },
  'second-order': {
    title: 'Second order: the noise from the exact latent, DPM-Solver++(2M)',
    cases: crossed(
      ['dpm-solver-2m', `dpm-solver-2m:${evenInLambda}`].map((solver) => ({ solver, inverters: secondOrderInverters })),
      { steps: [10, 20], guidances: [1, 3] },
    ),
  },
  reversible: {
    title: 'Reversible samplers: given the memory, from the latent alone, and from the picture alone',
    cases: crossed(
      reversibleSolvers.map((solver) => ({ solver, inverters: ['reversible'], sources: allSources })),
      { steps: [10, 50], guidances: [1, 3] },
    ),
  },
  picture: {
    title: 'From the picture in 8 bits: decoder inversion, then 50 DDIM steps undone',
    cases: [1, 3].flatMap((guidance) =>
      ['encoder-only', 'gradient', 'gradient-free', 'accelerated'].map(
        (decoder): InversionCase => ({
          solver: 'ddim',
          steps: 50,
          guidance,
          inverter: anderson,
          source: 'picture',
          decoder,
        }),
      ),
    ),
  },
} as const satisfies Readonly<Record<string, InversionPlan>>

export type InversionTable = keyof typeof inversionTables
