/**
 * `undiffuse bench watermark --table identify`: which of very many keys is in a picture, from one inversion. Result only.
 */
import { performance } from 'node:perf_hooks'
import {
  allPieces,
  binomialInterval,
  decoderInverters,
  generate,
  invertAll,
  inverters,
  latentShapeAt,
  median,
  parse,
  relay,
  round8,
  type Signal,
  type Steps,
  sideBySide,
  stepsOf,
  type Tensor,
  torchGenerator,
  torchNoise,
} from 'undiffuse'
import { heldOutPrompts } from '../../training/scenes/prompts.js'
import { type Machine, machine } from '../shared/machine.js'
import { inRow } from '../shared/rows.js'
import { type SampledModel, solverOn } from '../shared/solver.js'
import { textTable } from '../shared/text-table.js'
import { numberedSecret, schemeOf } from './marks.js'
import type { Recovery } from './unmarked-noises.js'

export interface IdentifyOptions extends Recovery {
  readonly members: number
  /** Marked pictures, each of another member. */
  readonly marked: number
  /** Noises without a mark: white ones, and those of marked pictures under another family. */
  readonly unmarked: number
  /** Whether pictures are inverted with their prompts, and the guidance that made them. */
  readonly prompt: 'known' | 'unknown'
  readonly chunk: number
  readonly signal?: Signal | undefined
}

export interface IdentifyRow {
  readonly scheme: string
  readonly members: number
  readonly marked: number
  readonly rightMember: number
  /** Right, and below the family-wise error. */
  readonly identified: number
  readonly medianFamilyPValue: number
  readonly unmarked: number
  /** Unmarked noises in which some member was found at the family-wise error, and the counts that are within it. */
  readonly found: number
  readonly most: number
  readonly secondsMedian: number
}

export interface IdentifyResult extends Recovery {
  readonly benchmark: 'watermark-identify'
  readonly model: string
  readonly machine: Machine
  readonly prompt: 'known' | 'unknown'
  readonly familyWiseError: number
  readonly secondsOfInversion: number
  readonly rows: readonly IdentifyRow[]
}

export const familyWiseError = 0.05
const identified = ['tree-ring:pattern=rand', 'tree-ring:pattern=ring', 'ring-id'] as const
const confidence = 0.99

/**
 * Marks pictures with members of a family, inverts them, and asks the family who it is.
 *
 * Half of the noises without a mark are white, half are of pictures that another family's members marked.
 */
export async function* benchIdentify(
  model: SampledModel,
  { members, marked, unmarked, prompt, chunk, signal, ...recovery }: IdentifyOptions,
): Steps<IdentifyResult> {
  const solver = solverOn(model, recovery.solver)
  const shape = latentShapeAt(model)
  const prompts = heldOutPrompts(marked).map(({ prompt }) => prompt)
  const memberOf = (i: number) => Math.floor(((i + 0.5) * members) / marked)
  const rows: IdentifyRow[] = []
  let secondsOfInversion = 0
  for (const [s, specification] of identified.entries()) {
    const scheme = schemeOf(specification)
    const secret = numberedSecret(100 + s)
    const inHand = inRow(specification, s, identified.length)
    const generations = yield* relay(
      sideBySide(model, prompts, chunk, (caption, shared, i) => {
        const noise = scheme.watermark(secret, shape, memberOf(i)).imprint(torchNoise(i, shape))
        return generate({ model: shared, prompt: caption, noise, guidance: recovery.guidance, solver, signal })
      }),
      inHand,
    )
    const begin = performance.now()
    const task = invertAll(
      generations.map(({ image }, i) => ({
        image: round8(image),
        ...(prompt === 'known' && { prompt: prompts[i]! }),
      })),
      {
        model,
        solver,
        guidance: prompt === 'known' ? recovery.guidance : 1,
        chunk,
        signal,
        decoder: parse(decoderInverters, recovery.decoder),
        inverter: parse(inverters, recovery.inverter),
      },
    )
    const recovered = (yield* relay(stepsOf(task), inHand)).map(({ noise }) => noise)
    secondsOfInversion += (performance.now() - begin) / 1000 / marked / identified.length

    const seconds: number[] = []
    const ask = (noise: Tensor, family = secret) => {
      const start = performance.now()
      const found = allPieces(scheme.identify!(family, shape, members, noise))
      seconds.push((performance.now() - start) / 1000)
      return found
    }
    const answers = recovered.map((noise) => ask(noise))
    const random = torchGenerator(s)
    let found = 0
    for (let i = 0; i < unmarked; i++) {
      const noise = i % 2 === 0 ? random.noise(shape) : recovered[i % recovered.length]!
      if (ask(noise, numberedSecret(5000 + 1000 * s + i)).familyPValue <= familyWiseError) found++
      yield { stage: `asking ${specification} of unmarked noise`, done: i, total: unmarked }
      signal?.throwIfAborted()
    }
    const isRight = answers.map(({ member }, i) => member === memberOf(i))
    rows.push({
      scheme: specification,
      members,
      marked,
      rightMember: isRight.filter(Boolean).length,
      identified: answers.filter(({ familyPValue }, i) => isRight[i] && familyPValue <= familyWiseError).length,
      medianFamilyPValue: median(answers.map(({ familyPValue }) => familyPValue)),
      unmarked,
      found,
      most: binomialInterval(unmarked, familyWiseError, confidence).high,
      secondsMedian: median(seconds),
    })
  }
  return {
    benchmark: 'watermark-identify',
    model: model.name,
    machine: machine(),
    ...recovery,
    prompt,
    familyWiseError,
    secondsOfInversion,
    rows,
  }
}

export function identifyText({
  model,
  rows,
  secondsOfInversion,
  familyWiseError: rate,
  ...how
}: IdentifyResult): string {
  return [
    `Which of many keys is in a picture of ${model}: ${how.decoder}, ${how.inverter}, ${how.solver}, prompt ${how.prompt}`,
    `${secondsOfInversion.toFixed(2)} s to invert a picture, then:`,
    '',
    textTable(
      ['family', 'members', 'right member', `and p ≤ ${rate}`, 'median p', `unmarked, p ≤ ${rate}`, 'seconds'],
      rows.map((row) => [
        row.scheme,
        `${row.members}`,
        `${row.rightMember} of ${row.marked}`,
        `${row.identified} of ${row.marked}`,
        row.medianFamilyPValue.toExponential(1),
        `${row.found} of ${row.unmarked} (at most ${row.most})`,
        row.secondsMedian.toFixed(2),
      ]),
    ),
  ].join('\n')
}
