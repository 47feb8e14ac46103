/**
 * `undiffuse bench faithfulness`: whether generated scenes show what their prompts say, and a sheet of them to look at.
 * The measure itself is faithfulness.ts.
 */
import { type Signal, type Steps, type Tensor, withOption } from 'undiffuse'
import { type ContactSheetCell, contactSheet } from 'undiffuse/node'
import { type Attribute, attributes } from '../../training/scenes/reader/network.js'
import type { SceneReader } from '../../training/scenes/reader/reader.js'
import { type Machine, machine } from '../shared/machine.js'
import { type SampledModel, solverOn } from '../shared/solver.js'
import { captionLines } from './caption-lines.js'
import { type Faithfulness, faithfulnessOf, faithfulnessText } from './faithfulness.js'
import { type JudgedScene, judgedScenes } from './judged-scenes.js'

export interface PromptFaithfulnessOptions {
  /** Without steps; default: the model's own, with as many as it was opened for. */
  readonly solver?: string | undefined
  readonly steps: number
  readonly guidance: number
  readonly count: number
  readonly chunk: number
  readonly signal?: Signal | undefined
}

export interface PromptFaithfulness {
  readonly benchmark: 'faithfulness'
  readonly model: string
  readonly solver: string
  readonly steps: number
  readonly guidance: number
  readonly machine: Machine
  readonly networkEvaluations: number
  readonly faithfulness: Faithfulness
  /** Every prompt, and what was read otherwise than asked. */
  readonly scenes: readonly { readonly prompt: string; readonly mistakes: readonly Mistake[] }[]
}

interface Mistake {
  readonly attribute: Attribute
  readonly asked: string
  readonly read: string
}

const sheet = { columns: 8, rows: 8, cellSize: 128 }

const mistakesOf = ({ asked, read }: JudgedScene): readonly Mistake[] =>
  attributes
    .filter((attribute) => asked[attribute] !== read[attribute])
    .map((attribute) => ({ attribute, asked: asked[attribute], read: read[attribute] }))

/**
 * Generates the first held-out captions, reads the pictures, and draws a sheet of the first ones.
 *
 * Cost: count × steps guided evaluations.
 */
export async function* benchFaithfulness(
  model: SampledModel,
  reader: SceneReader,
  { solver, steps, ...options }: PromptFaithfulnessOptions,
): Steps<{ readonly result: PromptFaithfulness; readonly sheet: Uint8Array }> {
  const keep = sheet.columns * sheet.rows
  const used = solver === undefined ? model.solver : solverOn(model, withOption(solver, `steps=${steps}`))
  const judged = yield* judgedScenes(model, reader, { ...options, solver: used, keep })
  const { scenes, pictures, networkEvaluations } = judged
  const result: PromptFaithfulness = {
    benchmark: 'faithfulness',
    model: model.name,
    solver: solver ?? model.solver.name,
    steps,
    guidance: options.guidance,
    machine: machine(),
    networkEvaluations,
    faithfulness: faithfulnessOf(scenes),
    scenes: scenes.map((scene) => ({ prompt: scene.prompt, mistakes: mistakesOf(scene) })),
  }
  return { result, sheet: await drawn(result, pictures) }
}

async function drawn({ model, guidance, solver, steps, scenes }: PromptFaithfulness, pictures: readonly Tensor[]) {
  const cells = pictures.map((image, i): ContactSheetCell => {
    const { prompt, mistakes } = scenes[i]!
    const read = mistakes.map((mistake) => `read: ${mistake.read}`).slice(0, 1)
    return { image, label: [...captionLines(prompt), ...read].join('\n') }
  })
  const rows = Array.from({ length: Math.ceil(cells.length / sheet.columns) }, (_, i) =>
    cells.slice(i * sheet.columns, (i + 1) * sheet.columns),
  )
  return await contactSheet(rows, {
    title: `${model}, guidance ${guidance}, ${solver}, ${steps} steps`,
    cellSize: sheet.cellSize,
  })
}

/** The result in words. */
export const promptFaithfulnessText = ({ model, solver, steps, guidance, faithfulness }: PromptFaithfulness): string =>
  [`${model}, guidance ${guidance}, ${solver}, ${steps} steps`, '', faithfulnessText(faithfulness)].join('\n')
