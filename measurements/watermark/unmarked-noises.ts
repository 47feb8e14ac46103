/** Noises recovered from pictures that carry no mark, as a detector recovers them that knows nothing of the picture. */
import {
  decoderInverters,
  generate,
  invertAll,
  inverters,
  latentShapeAt,
  parse,
  relay,
  round8,
  type Signal,
  type Steps,
  sideBySide,
  sidesOf,
  type Tensor,
} from 'undiffuse'
import { float32Tensor, float32Text } from 'undiffuse/operations'
import { heldOutPrompts } from '../../training/scenes/prompts.js'
import { unseenScene } from '../decoder/pictures.js'
import type { Cells } from '../shared/cells.js'
import { type SampledModel, solverOn } from '../shared/solver.js'

/** How pictures are made and inverted; specifications as on command lines. */
export interface Recovery {
  readonly solver: string
  /** Of pictures that are generated. */
  readonly guidance: number
  readonly decoder: string
  readonly inverter: string
}

export interface UnmarkedOptions extends Recovery {
  /** The first held-out scenes from here on. */
  readonly first: number
  readonly count: number
  readonly chunk: number
  readonly cells: Cells
  readonly modelVersion: string
  readonly signal?: Signal | undefined
}

/** `generated` by the model from captions; `rendered` scenes, which no model made. */
export const unmarkedKinds = ['generated', 'rendered'] as const
export type UnmarkedKind = (typeof unmarkedKinds)[number]

/** Noises that are kept together. */
const perCell = 20

/**
 * The noises of unmarked pictures of one kind, kept in cells as they are found.
 *
 * Inverted without a prompt, guidance 1. Cost: for each picture an inversion, and of generated ones their making.
 */
export async function* unmarkedNoises(
  model: SampledModel,
  kind: UnmarkedKind,
  options: UnmarkedOptions,
): Steps<readonly Tensor[]> {
  const { first, count, cells, modelVersion, chunk, solver, guidance, decoder, inverter } = options
  const shape = latentShapeAt(model)
  const noises: Tensor[] = []
  while (noises.length < count) {
    const from = first + noises.length
    const some = Math.min(perCell, count - noises.length)
    const how = { solver, guidance, decoder, inverter, chunk }
    const key = { benchmark: 'unmarked noises', model: model.name, modelVersion, kind, from, count: some, ...how }
    const found = await cells.find<string[]>(key)
    const own = found
      ? found.map((text) => float32Tensor(text, shape, 'a finished cell'))
      : yield* relay(recovered(model, kind, from, some, options), () => ({
          stage: `inverting ${kind} pictures`,
          done: noises.length,
          total: count,
        }))
    if (!found) await cells.keep(key, own.map(float32Text))
    noises.push(...own)
  }
  return noises
}

async function* recovered(
  model: SampledModel,
  kind: UnmarkedKind,
  from: number,
  count: number,
  options: UnmarkedOptions,
): Steps<Tensor[]> {
  const { chunk, signal } = options
  const [solver, decoder, inverter] = [
    solverOn(model, options.solver),
    parse(decoderInverters, options.decoder),
    parse(inverters, options.inverter),
  ]
  const images =
    kind === 'rendered'
      ? Array.from({ length: count }, (_, i) =>
          unseenScene(from + i, sidesOf(model.layout, model.layout.pictureShape(latentShapeAt(model))).height),
        )
      : (yield* sideBySide(model, heldOutPrompts(from + count).slice(from), chunk, ({ prompt }, shared, i) =>
          generate({ model: shared, prompt, seed: from + i, guidance: options.guidance, solver, signal }),
        )).map(({ image }) => round8(image))
  const task = invertAll(
    images.map((image) => ({ image })),
    { model, solver, decoder, inverter, guidance: 1, chunk, signal },
  )
  for await (const progress of task) yield progress
  return (await task).map(({ noise }) => noise)
}
