/**
 * `undiffuse bench watermark --table attacks`: what marks survive. Pictures are marked, attacked, inverted without their
 * prompts and read; unmarked ones go the same way. Result only; words and charts are in watermark-attacks-text.ts.
 */
import { performance } from 'node:perf_hooks'
import {
  attackPicture,
  candidatesOf,
  type DiffusionModel,
  decoderInverters,
  generate,
  invert,
  inverters,
  latentShapeAt,
  mean,
  median,
  nmseDb,
  parse,
  parseAttacks,
  parseRestorations,
  psnrDb,
  type Reading,
  relay,
  round8,
  type Signal,
  type Steps,
  sideBySide,
  sidesOf,
  type Tensor,
  torchGenerator,
  torchNoise,
  type Watermark,
  wilsonInterval,
} from 'undiffuse'
import { pictureTools } from 'undiffuse/node'
import { float32Tensor, float32Text } from 'undiffuse/operations'
import { heldOutPrompts } from '../../training/scenes/prompts.js'
import type { Cells } from '../shared/cells.js'
import { type Machine, machine } from '../shared/machine.js'
import { inRow } from '../shared/rows.js'
import { type SampledModel, solverOn } from '../shared/solver.js'
import { numberedSecret, schemeOf } from './marks.js'

/** What is compared; specifications as on command lines. */
export interface AttackPlan {
  readonly schemes: readonly string[]
  readonly attacks: readonly string[]
  readonly decoders: readonly string[]
  readonly inverters: readonly string[]
  /** Decoder inversions that are tried without an attack only: gradients are slow. */
  readonly plainDecoders: readonly string[]
}

export interface AttackBenchOptions extends AttackPlan {
  readonly solver: string
  readonly guidance: number
  /** Whether the detector is told the prompt, and the guidance with it. */
  readonly prompt: 'known' | 'unknown'
  /** What the detector thinks may have been done, as `--undo`; p-values count what pictures may have been. */
  readonly undo: readonly string[]
  /** Marked pictures of each scheme, and as many unmarked ones. */
  readonly count: number
  readonly chunk: number
  readonly cells: Cells
  readonly modelVersion: string
  readonly signal?: Signal | undefined
}

export const falsePositiveRates = [1e-2, 1e-3, 1e-6] as const

/** A share of pictures with its 95 % interval (Wilson). */
export interface Share {
  readonly count: number
  readonly share: number
  readonly low: number
  readonly high: number
}

export interface AttackRow {
  readonly scheme: string
  readonly attack: string
  readonly decoder: string
  readonly inverter: string
  /** In the order of `falsePositiveRates`. */
  readonly truePositives: readonly Share[]
  /** P(a marked picture scores higher than an unmarked one), ± 95 % (Hanley and McNeil, 1982). */
  readonly auc: { readonly mean: number; readonly halfWidth: number }
  /** Median of −log₁₀ p, candidates counted: how sure the verdict is. */
  readonly medianEvidence: number
  /** log₁₀ p of each marked picture. */
  readonly logPValues: readonly number[]
  /** Of schemes with a message. */
  readonly bitAccuracy?: number
  readonly wholeMessages?: Share
  /** Of the candidate that comes nearest. */
  readonly noiseNmseDb: number
  readonly latentNmseDb: number
  /** Of what a picture may have been, the picture as it came with them: the mean. */
  readonly candidates: number
  /** Of the attacked picture against the marked one; absent without an attack. */
  readonly attackPsnrDb?: number
  /** Of the inversion, `chunk` at a time. */
  readonly secondsPerPicture: number
}

export interface AttackResult extends AttackPlan {
  readonly benchmark: 'watermark-attacks'
  readonly model: string
  readonly modelVersion: string
  readonly machine: Machine
  readonly solver: string
  readonly guidance: number
  readonly prompt: 'known' | 'unknown'
  readonly undo: readonly string[]
  readonly count: number
  readonly rows: readonly AttackRow[]
}

const unmarked = 'unmarked'

/** One picture on its way. */
interface Picture {
  readonly prompt: string
  readonly image: Tensor
  readonly latent: Tensor
  readonly noise: Tensor
}

/** What is kept of a picture that was inverted. */
interface Recovered {
  /** Of each candidate, float32 numbers as text. */
  readonly noises: readonly string[]
  readonly noiseNmseDb: number
  readonly latentNmseDb: number
  readonly attackPsnrDb: number | null
  readonly seconds: number
}

/** The message of a picture: bits that follow from its number. */
function messageOf(mark: Watermark, i: number): string | undefined {
  if (mark.messageBits === 0) return undefined
  const random = torchGenerator(70_000 + i)
  const whole = Math.floor(mark.messageBits / 4)
  const digits = Array.from({ length: whole }, () => random.integer(16).toString(16)).join('')
  // Bits that fill no digit stay zeros.
  return digits.padEnd(Math.ceil(mark.messageBits / 4), '0')
}

/**
 * Measures every scheme under every attack for every decoder inversion and inverter.
 *
 * All schemes mark the same noises of the same prompts, each picture under a key and with a message of its own. Unmarked
 * pictures of the same noises are attacked and inverted likewise, and read under the same keys: for the area under the
 * curve only, since p-values say their rates themselves. Finished combinations are kept in cells.
 */
export async function* benchAttacks(model: DiffusionModel, options: AttackBenchOptions): Steps<AttackResult> {
  const { schemes, attacks, decoders, plainDecoders, count, cells, modelVersion, signal, ...rest } = options
  const { solver, guidance, prompt, undo, chunk } = rest
  const shape = latentShapeAt(model)
  const marksOf = (specification: string): readonly Watermark[] => {
    const scheme = schemeOf(specification)
    return Array.from({ length: count }, (_, i) => scheme.watermark(numberedSecret(i), shape, 0))
  }
  const kinds = [unmarked, ...schemes]
  const combinations = options.inverters.flatMap((inverter) =>
    attacks.flatMap((attack) =>
      [...decoders, ...(attack === 'none' ? plainDecoders : [])].map((decoder) => ({ attack, decoder, inverter })),
    ),
  )
  const total = combinations.length * kinds.length
  let done = 0
  const made = new Map<string, readonly Picture[]>()
  async function* pictures(kind: string): Steps<readonly Picture[]> {
    const known = made.get(kind)
    if (known) return known
    const marks = kind === unmarked ? [] : marksOf(kind)
    const prompts = heldOutPrompts(count).map((one) => one.prompt)
    const generations = yield* sideBySide(model, prompts, chunk, (caption, shared, i) => {
      const plain = torchNoise(10_000 + i, shape)
      const mark = marks[i]
      const noise = mark ? mark.imprint(plain, messageOf(mark, i)) : plain
      return generate({ model: shared, prompt: caption, noise, guidance, solver: solverOn(model, solver), signal })
    })
    const own = generations.map(({ image, latent, noise }, i) => {
      return { prompt: prompts[i]!, image: round8(image), latent, noise }
    })
    made.set(kind, own)
    return own
  }

  const rows: AttackRow[] = []
  for (const combination of combinations) {
    const { attack, decoder, inverter } = combination
    const recovered = new Map<string, readonly Recovered[]>()
    for (const kind of kinds) {
      const key = {
        benchmark: 'watermark attacks',
        model: model.name,
        modelVersion,
        kind,
        count,
        ...combination,
        solver,
        guidance,
        prompt,
        undo,
        chunk,
      }
      const say = inRow(`${kind}, ${attack}, ${decoder}`, done, total)
      let own = await cells.find<readonly Recovered[]>(key)
      if (!own) {
        const asked = { attack, decoder, inverter, solver, guidance, prompt, undo, chunk, signal }
        own = yield* relay(recoveredFrom(model, yield* relay(pictures(kind), say), asked), say)
        await cells.keep(key, own)
      }
      recovered.set(kind, own)
      done++
    }
    const nothing = recovered.get(unmarked)!
    for (const scheme of schemes) {
      rows.push({ scheme, attack, decoder, inverter, ...measured(marksOf(scheme), recovered.get(scheme)!, nothing) })
    }
  }
  return {
    benchmark: 'watermark-attacks',
    model: model.name,
    modelVersion,
    machine: machine(),
    schemes,
    attacks,
    decoders,
    plainDecoders,
    inverters: options.inverters,
    solver,
    guidance,
    prompt,
    undo,
    count,
    rows,
  }
}

interface Asked {
  readonly attack: string
  readonly decoder: string
  readonly inverter: string
  readonly solver: string
  readonly guidance: number
  readonly prompt: 'known' | 'unknown'
  readonly undo: readonly string[]
  readonly chunk: number
  readonly signal: Signal | undefined
}

async function* recoveredFrom(
  model: SampledModel,
  pictures: readonly Picture[],
  { chunk, signal, ...asked }: Asked,
): Steps<readonly Recovered[]> {
  const attack = parseAttacks(asked.attack)
  const solver = solverOn(model, asked.solver)
  const attacked: Tensor[] = []
  for (const [seed, { image }] of pictures.entries()) {
    attacked.push(await attackPicture(image, attack, { pictures: pictureTools, model, seed, signal }))
    yield { stage: asked.attack, done: seed + 1, total: pictures.length }
  }
  const undo = asked.undo.map(parseRestorations)
  const candidates = attacked.flatMap((image, of) =>
    candidatesOf(image, undo, sidesOf(model.layout, model.layout.pictureShape(latentShapeAt(model)))).map(
      ({ picture }) => ({ of, picture }),
    ),
  )
  const begin = performance.now()
  const found = yield* sideBySide(model, candidates, chunk, ({ of, picture }, shared) =>
    invert(
      { image: picture() },
      {
        model: shared,
        solver,
        decoder: parse(decoderInverters, asked.decoder),
        inverter: parse(inverters, asked.inverter),
        signal,
        ...(asked.prompt === 'known' ? { prompt: pictures[of]!.prompt, guidance: asked.guidance } : { guidance: 1 }),
      },
    ),
  )
  const seconds = (performance.now() - begin) / 1000 / pictures.length
  return pictures.map(({ image, noise, latent }, i) => {
    const own = found.filter((_, k) => candidates[k]!.of === i)
    const nearest = own.reduce((a, b) => (nmseDb(b.noise, noise) < nmseDb(a.noise, noise) ? b : a))
    const psnr = psnrDb(attacked[i]!, image)
    return {
      noises: own.map(({ noise: found }) => float32Text(found)),
      noiseNmseDb: nmseDb(nearest.noise, noise),
      latentNmseDb: nmseDb(nearest.latent, latent),
      attackPsnrDb: Number.isFinite(psnr) ? psnr : null,
      seconds,
    }
  })
}

/** A p-value below the smallest number counts as it. */
const logarithm = (pValue: number): number => Math.log10(Math.max(pValue, Number.MIN_VALUE))

/** The surest reading of what a picture may have been; p counts the candidates. */
function surest(mark: Watermark, { noises }: Recovered): Reading {
  const readings = noises.map((noise) => mark.read(float32Tensor(noise, mark.latentShape, 'a finished cell')))
  const reading = readings.reduce((a, b) => (b.pValue < a.pValue ? b : a))
  return { ...reading, pValue: Math.min(1, noises.length * reading.pValue) }
}

function measured(marks: readonly Watermark[], recovered: readonly Recovered[], nothing: readonly Recovered[]) {
  const readings = marks.map((mark, i) => surest(mark, recovered[i]!))
  const without = marks.map((mark, i) => surest(mark, nothing[i]!))
  const logPValues = readings.map(({ pValue }) => logarithm(pValue))
  const psnrs = recovered.flatMap(({ attackPsnrDb }) => attackPsnrDb ?? [])
  const messages = marks.flatMap((mark, i) => {
    const told = messageOf(mark, i)
    return told === undefined ? [] : [{ told, read: readings[i]!.message }]
  })
  return {
    truePositives: falsePositiveRates.map((rate) => shareOf(readings, ({ pValue }) => pValue <= rate)),
    auc: areaUnderCurve(
      readings.map(({ score }) => score),
      without.map(({ score }) => score),
    ),
    medianEvidence: -median(logPValues),
    logPValues,
    ...(messages.length > 0 && {
      bitAccuracy: mean(messages.map(({ told, read }) => bitAccuracy(told, read))),
      wholeMessages: shareOf(messages, ({ told, read }) => told === read),
    }),
    noiseNmseDb: mean(recovered.map((one) => one.noiseNmseDb)),
    latentNmseDb: mean(recovered.map((one) => one.latentNmseDb)),
    candidates: mean(recovered.map(({ noises }) => noises.length)),
    ...(psnrs.length > 0 && { attackPsnrDb: mean(psnrs) }),
    secondsPerPicture: mean(recovered.map((one) => one.seconds)),
  }
}

function shareOf<T>(all: readonly T[], holds: (one: T) => boolean): Share {
  const count = all.filter(holds).length
  return { count, share: count / all.length, ...wilsonInterval(count, all.length) }
}

/** The share of bits that are right; of a message that is not told, those that a coin would get right. */
function bitAccuracy(told: string, read: string | undefined): number {
  if (read === undefined) return 0.5
  const differences = [...told].reduce((sum, digit, i) => {
    const differing = Number.parseInt(digit, 16) ^ Number.parseInt(read[i] ?? '0', 16)
    return sum + [8, 4, 2, 1].filter((bit) => differing & bit).length
  }, 0)
  return 1 - differences / (4 * told.length)
}

/**
 * P(a > b) + P(a = b)/2 of a marked and an unmarked score, with its 95 % interval.
 *
 * Source: Hanley and McNeil, 1982, equation 2.
 */
export function areaUnderCurve(
  marked: readonly number[],
  without: readonly number[],
): { readonly mean: number; readonly halfWidth: number } {
  const wins = marked.flatMap((a) => without.map((b) => (a > b ? 1 : a === b ? 0.5 : 0)))
  const area = mean(wins)
  const [first, second] = [area / (2 - area), (2 * area ** 2) / (1 + area)]
  const [n, m] = [marked.length, without.length]
  const spread = (area * (1 - area) + (n - 1) * (first - area ** 2) + (m - 1) * (second - area ** 2)) / (n * m)
  return { mean: area, halfWidth: 1.96 * Math.sqrt(Math.max(0, spread)) }
}
