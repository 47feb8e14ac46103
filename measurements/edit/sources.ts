/**
 * What edits are measured on: scenes of which one attribute is to change. Pictures that the model made, whose trajectory
 * is known, and rendered scenes, whose mask and target are. Measures nothing.
 */
import {
  type DiffusionModel,
  edit,
  exactBlending,
  generate,
  grown,
  map,
  round8,
  type Signal,
  type Solver,
  type State,
  type Steps,
  type Tensor,
  tensor,
} from 'undiffuse'
import { heldOutPrompts } from '../../training/scenes/prompts.js'
import { renderScene } from '../../training/scenes/render.js'
import { caption, colours, type Scene, shapes, sizes, textures } from '../../training/scenes/scene.js'

/** Of generated pictures: those that leave a background. */
export const objectChanges = ['colour', 'shape'] as const
/** Of rendered scenes: the background changes too, around the object. */
export const sceneChanges = ['colour', 'shape', 'size', 'texture', 'background'] as const
export type Change = (typeof sceneChanges)[number]

export interface SceneEdit {
  readonly change: Change
  readonly from: string
  readonly to: string
  /** The word of the changed attribute in the target. */
  readonly wanted: string
  /** In 8 bits. */
  readonly source: Tensor
  /** 1 × H × W, 1 where the edit may change something; not to be grown any more. */
  readonly mask: Tensor
  /** The states that made it, for the oracle: of generated pictures. */
  readonly states?: readonly State[]
  /** The scene that the edit should give, in 8 bits: of rendered scenes. */
  readonly target?: Tensor
}

const words: Readonly<Record<Change, readonly string[]>> = {
  colour: colours,
  shape: shapes,
  size: sizes,
  texture: textures,
  background: colours,
}

/** The same scene with another word for one attribute, the next but `turn` in its list that makes a scene. */
export function changedScene(scene: Scene, change: Change, turn: number): Scene {
  const list = words[change]
  const taken = change === 'colour' || change === 'background' ? [scene.colour, scene.background] : [scene[change]]
  const free = list.filter((word) => !(taken as readonly string[]).includes(word))
  return { ...scene, [change]: free[turn % free.length] }
}

export interface GeneratedOptions {
  readonly solver: Solver
  readonly guidance: number
  readonly signal?: Signal | undefined
}

/**
 * The i-th held-out caption as a picture of the model's, with the states that made it.
 *
 * The mask is the one that the oracle finds by attention on the true trajectory, grown by one latent entry: the same for
 * all methods.
 */
export async function* generatedEdit(
  model: DiffusionModel,
  index: number,
  { solver, guidance, signal }: GeneratedOptions,
): Steps<SceneEdit> {
  const { scene, prompt: from } = heldOutPrompts(index + 1)[index]!
  const change = objectChanges[index % objectChanges.length]!
  const wanted = changedScene(scene, change, index)
  const to = caption(wanted)
  const { image, states } = await generate({ model, prompt: from, seed: index, guidance, solver, signal })
  yield { stage: 'source', done: 1, total: 2 }
  const { mask } = await edit({ states }, { model, from, to, guidance, solver, method: exactBlending(), signal })
  return { change, from, to, wanted: wanted[change], source: round8(image), mask: mask!, states }
}

const side = 128

const pictureOf = ({ image }: ReturnType<typeof renderScene>): Tensor =>
  round8(tensor([3, side, side], Float64Array.from(image.data)))

/** Pixels by which the mask around an object is grown: its shadow, and one latent entry. */
const roundObject = 8

/**
 * The i-th held-out scene, and the same scene with one attribute changed, its small variations kept.
 *
 * The mask holds the object before and after, grown by 8 pixels for its shadow; where the background changes, all that is
 * not the object.
 */
export function renderedEdit(index: number): SceneEdit {
  const { scene, prompt: from } = heldOutPrompts(index + 1)[index]!
  const change = sceneChanges[index % sceneChanges.length]!
  const wanted = changedScene(scene, change, index)
  const [before, after] = [renderScene(scene), renderScene(wanted)]
  const ofBackground = change === 'texture' || change === 'background'
  const object = tensor(
    [1, side, side],
    Float64Array.from(before.mask.data, (value, i) => (Math.max(value, after.mask.data[i]!) > 0 ? 1 : 0)),
  )
  const mask = ofBackground ? map(object, (_, i) => (before.mask.data[i]! < 1 ? 1 : 0)) : grown(object, roundObject)
  return {
    change,
    from,
    to: caption(wanted),
    wanted: wanted[change],
    source: pictureOf(before),
    mask,
    target: pictureOf(after),
  }
}
