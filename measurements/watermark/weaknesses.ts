/**
 * `undiffuse bench watermark --table weaknesses`: what breaks marks and what forges them, measured rather than hoped.
 * Result only; words are at the end.
 */
import {
  applyPattern,
  averagePattern,
  decoderInverters,
  generate,
  imprintNoise,
  invert,
  invertAll,
  inverters,
  latentShapeAt,
  mean,
  median,
  parse,
  psnrDb,
  reconstruct,
  relay,
  round8,
  type Signal,
  type Steps,
  sideBySide,
  stepsOf,
  type Tensor,
  torchNoise,
  type Watermark,
  zeroMessage,
} from 'undiffuse'
import { heldOutPrompts } from '../../training/scenes/prompts.js'
import { type Machine, machine } from '../shared/machine.js'
import { inRow } from '../shared/rows.js'
import { type SampledModel, solverOn } from '../shared/solver.js'
import { textTable } from '../shared/text-table.js'
import { numberedSecret, schemeOf } from './marks.js'
import type { Recovery } from './unmarked-noises.js'

export interface WeaknessOptions extends Recovery {
  readonly schemes: readonly string[]
  /** Pictures of one key that the attacker has, and as many without a mark. */
  readonly averaged: number
  /** Pictures that an attack is tried on. */
  readonly tried: number
  /** Those of the imprint attack: each takes minutes. */
  readonly imprinted: number
  readonly chunk: number
  readonly signal?: Signal | undefined
}

export interface WeaknessRow {
  readonly scheme: string
  /** What the attacker wants: that a mark is not found, or that one is found where there was none. */
  readonly goal: 'remove' | 'forge'
  readonly attack: string
  /** What the attacker needs. */
  readonly needs: string
  readonly pictures: number
  /** Pictures in which the mark is found at `falsePositiveRate`. */
  readonly found: number
  readonly medianEvidence: number
  /** Of the changed picture against what it was; absent where it is a new one. */
  readonly psnrDb?: number
}

export interface WeaknessResult extends Omit<WeaknessOptions, 'signal'> {
  readonly benchmark: 'watermark-weaknesses'
  readonly model: string
  readonly machine: Machine
  readonly falsePositiveRate: number
  readonly rows: readonly WeaknessRow[]
}

const falsePositiveRate = 1e-3

/**
 * All pictures of a scheme carry one key, and of schemes with a message the same one.
 *
 * Averaging: δ, the mean of marked minus the mean of unmarked pictures, is added to unmarked pictures or taken from marked
 * ones. In the noise likewise, by an attacker with the model: the mean of inverted noises of marked pictures replaces that
 * much of another noise. Reprompting: the noise of one marked picture under another prompt. Imprinting: `imprintNoise`.
 */
export async function* benchWeaknesses(
  model: SampledModel,
  { signal, ...options }: WeaknessOptions,
): Steps<WeaknessResult> {
  const { schemes, averaged, tried, imprinted, chunk, guidance } = options
  const solver = solverOn(model, options.solver)
  const shape = latentShapeAt(model)
  const prompts = heldOutPrompts(averaged + tried).map(({ prompt }) => prompt)
  const rows: WeaknessRow[] = []

  const pictures = (mark: Watermark | undefined, first: number) =>
    sideBySide(model, prompts, chunk, (prompt, shared, i) => {
      const plain = torchNoise(first + i, shape)
      const noise = mark ? mark.imprint(plain, zeroMessage(mark)) : plain
      return generate({ model: shared, prompt, noise, guidance, solver, signal })
    })
  const inverted = (images: readonly Tensor[]) =>
    invertAll(
      images.map((image) => ({ image })),
      {
        model,
        solver,
        decoder: parse(decoderInverters, options.decoder),
        inverter: parse(inverters, options.inverter),
        guidance: 1,
        chunk,
        signal,
      },
    )

  const said = (row: string, s: number) => inRow(row, s, schemes.length)
  const unmarked = (yield* relay(pictures(undefined, 20_000), said('unmarked pictures', 0))).map((one) =>
    round8(one.image),
  )
  for (const [s, scheme] of schemes.entries()) {
    const mark = schemeOf(scheme).watermark(numberedSecret(900 + s), shape, 0)
    const say = said(scheme, s)
    const marked = (yield* relay(pictures(mark, 30_000), say)).map(({ image }) => round8(image))
    const has = marked.slice(0, averaged)
    const target = marked.slice(averaged)
    const cover = unmarked.slice(averaged)

    async function* row(
      of: Pick<WeaknessRow, 'goal' | 'attack' | 'needs'>,
      images: readonly Tensor[],
      before?: readonly Tensor[],
    ): Steps<void> {
      const pValues = (yield* relay(stepsOf(inverted(images)), say)).map(({ noise }) => mark.read(noise).pValue)
      rows.push({
        scheme,
        ...of,
        pictures: images.length,
        found: pValues.filter((p) => p <= falsePositiveRate).length,
        medianEvidence: -median(pValues.map((p) => Math.log10(Math.max(p, Number.MIN_VALUE)))),
        ...(before && { psnrDb: mean(images.map((image, i) => psnrDb(image, before[i]!))) }),
      })
    }

    yield* row({ goal: 'remove', attack: 'none', needs: 'nothing' }, target)
    yield* row({ goal: 'forge', attack: 'none', needs: 'nothing' }, cover)
    const pattern = averagePattern(has, unmarked.slice(0, averaged))
    const many = `${averaged} marked and as many other pictures`
    for (const [goal, weight, images] of [
      ['remove', -1, target],
      ['forge', 1, cover],
    ] as const) {
      const changed = images.map((image) => applyPattern(image, pattern, weight))
      yield* row({ goal, attack: 'averaging, in pixels', needs: many }, changed, images)
    }

    const noises = yield* relay(stepsOf(inverted(has)), say)
    const common = meanOf(noises.map(({ noise }) => noise))
    const forged = yield* relay(
      sideBySide(model, prompts.slice(averaged), chunk, (prompt, shared, i) => {
        const noise = carrying(common, torchNoise(40_000 + i, shape))
        return generate({ model: shared, prompt, noise, guidance, solver, signal })
      }),
      say,
    )
    yield* row(
      { goal: 'forge', attack: 'averaging, in noise', needs: `${averaged} marked pictures and the model` },
      forged.map(({ image }) => round8(image)),
    )

    const how = { decoder: parse(decoderInverters, options.decoder), inverter: parse(inverters, options.inverter) }
    const one = invert({ image: target[0]! }, { model, solver, ...how, signal })
    const stolen = (yield* relay(stepsOf(one), say)).noise
    const reprompted = yield* relay(
      sideBySide(model, prompts.slice(0, tried), chunk, (prompt, shared) =>
        reconstruct(stolen, { model: shared, prompt, guidance, solver, signal }),
      ),
      say,
    )
    yield* row(
      { goal: 'forge', attack: 'reprompting', needs: 'one marked picture and the model' },
      reprompted.map(({ image }) => round8(image)),
    )

    const imprints: Tensor[] = []
    for (const image of cover.slice(0, imprinted)) {
      const task = imprintNoise(image, { model, target: stolen, solver, iterations: 60, signal })
      imprints.push((yield* relay(stepsOf(task), say)).image)
    }
    if (imprints.length > 0) {
      const needs = 'one marked picture and a model like it'
      yield* row({ goal: 'forge', attack: 'imprinting', needs }, imprints, cover.slice(0, imprinted))
    }
  }
  return {
    benchmark: 'watermark-weaknesses',
    model: model.name,
    machine: machine(),
    falsePositiveRate,
    ...options,
    rows,
  }
}

function meanOf(noises: readonly Tensor[]): Tensor {
  const data = new Float64Array(noises[0]!.data.length)
  for (const noise of noises) {
    noise.data.forEach((value, i) => {
      data[i]! += value / noises.length
    })
  }
  return { shape: noises[0]!.shape, data }
}

/** The common part with the deviation that a mark has there, and fresh noise for what is not common. */
function carrying(common: Tensor, fresh: Tensor): Tensor {
  const spread = Math.sqrt(common.data.reduce((sum, value) => sum + value * value, 0) / common.data.length)
  return {
    shape: fresh.shape,
    data: fresh.data.map((value, i) => (common.data[i]! / spread + value) / Math.SQRT2),
  }
}

export function weaknessText({ model, rows, averaged, falsePositiveRate: rate }: WeaknessResult): string {
  return [
    `What removes and what forges marks (${model}; an attacker with ${averaged} pictures of one key)`,
    `found: at a rate of false positives of ${rate}`,
    '',
    textTable(
      ['scheme', 'goal', 'attack', 'needs', 'found', '−log₁₀ p', 'PSNR dB'],
      rows.map((row) => [
        row.scheme,
        row.goal,
        row.attack,
        row.needs,
        `${row.found} of ${row.pictures}`,
        row.medianEvidence.toFixed(1),
        row.psnrDb === undefined ? '–' : row.psnrDb.toFixed(1),
      ]),
    ),
  ].join('\n')
}
