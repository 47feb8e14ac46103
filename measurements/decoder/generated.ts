/**
 * `undiffuse bench generated`: the latents of pictures that a text-to-image model made, by guidance. Such pictures
 * saturate: what the file cuts off is more than its rounding. Result and words.
 */
import {
  type DiffusionModel,
  generate,
  type Profile,
  parse,
  relay,
  round8,
  type Signal,
  type Steps,
  sideBySide,
  solvers,
} from 'undiffuse'
import { heldOutPrompts } from '../../training/scenes/prompts.js'
import { type Machine, machine } from '../shared/machine.js'
import { decimal, textTable } from '../shared/text-table.js'
import { againstEncoder, type ComparedRow } from './autoencoders.js'
import { benchProfile, type KeptBench, keptRows } from './kept-rows.js'
import { automaticMethods, type BenchMethod } from './methods.js'
import type { KnownPicture } from './pictures.js'

export interface GeneratedOptions {
  readonly guidances: readonly number[]
  /** The first held-out captions, with the noise of seeds 0, 1, …. */
  readonly count: number
  /** Prompts that share network runs. */
  readonly chunk: number
  /** As a specification. */
  readonly solver: string
}

export interface GeneratedResult {
  readonly benchmark: 'generated'
  readonly model: string
  readonly solver: string
  readonly pictures: number
  readonly profile: Profile
  readonly machine: Machine
  readonly guidances: readonly { readonly guidance: number; readonly rows: readonly ComparedRow[] }[]
}

const methods = (profile: Profile): readonly BenchMethod[] => [
  { name: 'encoder only', specification: 'encoder-only', anytime: true },
  { name: 'accelerated', specification: 'accelerated', anytime: true, budgets: [20] },
  ...automaticMethods(profile),
  { name: 'gradient, L-BFGS', specification: 'gradient:optimizer=lbfgs', anytime: true, budgets: [60] },
]

async function* generated(
  model: DiffusionModel,
  guidance: number,
  { count, chunk, solver }: GeneratedOptions,
  signal?: Signal,
): Steps<readonly KnownPicture[]> {
  const prompts = heldOutPrompts(count).map(({ prompt }) => prompt)
  const made = yield* sideBySide(model, prompts, chunk, (prompt, shared, seed) =>
    generate({ model: shared, prompt, seed, guidance, solver: parse(solvers, solver), signal }),
  )
  return made.map(({ image, latent }) => ({ image: round8(image), latent }))
}

/**
 * Generates x = round8(clip(D(z))) for each prompt and guidance, and finds z again with each method.
 *
 * Finished methods are kept in the cells; pictures are made again. Cost: a generation and about 150 evaluations of the
 * autoencoder for each picture, and a profile.
 */
export async function* benchGenerated(
  model: DiffusionModel,
  bench: KeptBench,
  options: GeneratedOptions,
): Steps<GeneratedResult> {
  const profile = yield* benchProfile(bench)
  const guidances: GeneratedResult['guidances'][number][] = []
  for (const guidance of options.guidances) {
    const at = (stage: string) => `guidance ${guidance}: ${stage}`
    const making = generated(model, guidance, options, bench.signal)
    const problems = yield* relay(making, (step) => ({ ...step, stage: at('making pictures') }))
    const comparing = keptRows(bench, problems, methods(profile))
    const rows = yield* relay(comparing, (step) => ({ ...step, stage: at(step.stage) }))
    guidances.push({ guidance, rows: againstEncoder(rows) })
  }
  const { count: pictures, solver } = options
  return { benchmark: 'generated', model: model.name, solver, pictures, profile, machine: machine(), guidances }
}

/** A row for each method, three columns for each guidance. */
export function generatedText({ model, solver, pictures, guidances }: GeneratedResult): string {
  const names = guidances[0]?.rows.map(({ method }) => method) ?? []
  const headings = guidances.flatMap(({ guidance }) => [`NMSE dB, w ${guidance}`, 'worst', 'runs'])
  const lines = names.map((name, i) => [
    name,
    ...guidances.flatMap(({ rows }) => {
      const { nmseDb, eachNmseDb, networkRuns } = rows[i]!
      const worst = Math.max(...eachNmseDb.filter(Number.isFinite))
      const runs = networkRuns.roundTrips + networkRuns.pullbacks
      return [decimal(nmseDb.mean, 1), decimal(worst, 1), decimal(runs, 1)]
    }),
  ])
  return [
    `${model}, ${pictures} generated pictures for each guidance w, ${solver}`,
    'NMSE of the latent, mean and worst; runs: round trips and pullbacks',
    '',
    textTable(['method', ...headings], lines),
  ].join('\n')
}
