/** Scenes that a model makes of held-out captions, and what the scene reader sees in them. Draws no conclusions. */
import {
  type DiffusionModel,
  generate,
  mean,
  round8,
  type Signal,
  type Solver,
  type Steps,
  sideBySide,
  type Tensor,
} from 'undiffuse'
import { heldOutPrompts } from '../../training/scenes/prompts.js'
import type { Reading, SceneReader, Words } from '../../training/scenes/reader/reader.js'

export interface JudgedScenesOptions {
  readonly solver: Solver
  readonly guidance: number
  /** The first held-out captions, with the noise of seeds 0, 1, …. */
  readonly count: number
  /** Prompts that share network runs. */
  readonly chunk: number
  /** Pictures that are kept for people to look at: the first ones. */
  readonly keep: number
  readonly signal?: Signal | undefined
}

export interface JudgedScene {
  readonly prompt: string
  readonly asked: Words
  readonly read: Reading
}

export interface JudgedScenes {
  readonly scenes: readonly JudgedScene[]
  /** In 8 bits. */
  readonly pictures: readonly Tensor[]
  /** Of the network, for one picture; guidance counts two. */
  readonly networkEvaluations: number
}

/** Generates and reads; holds the pictures of one chunk and those that are kept. */
export async function* judgedScenes(
  model: DiffusionModel,
  reader: SceneReader,
  { solver, guidance, count, chunk, keep, signal }: JudgedScenesOptions,
): Steps<JudgedScenes> {
  const prompts = heldOutPrompts(count)
  const scenes: JudgedScene[] = []
  const pictures: Tensor[] = []
  const evaluations: number[] = []
  while (scenes.length < count) {
    const before = scenes.length
    const some = prompts.slice(before, before + chunk)
    const generations = yield* sideBySide(model, some, chunk, ({ prompt }, shared, i) =>
      generate({ model: shared, prompt, seed: before + i, guidance, solver, signal }),
    )
    for (const [i, { image, evaluations: spent }] of generations.entries()) {
      const picture = round8(image)
      const { prompt, scene } = some[i]!
      scenes.push({ prompt, asked: scene, read: await reader.readScene(picture, signal) })
      if (pictures.length < keep) pictures.push(picture)
      evaluations.push(spent.denoises)
    }
    yield { stage: 'generating scenes', done: scenes.length, total: count }
  }
  return { scenes, pictures, networkEvaluations: mean(evaluations) }
}
