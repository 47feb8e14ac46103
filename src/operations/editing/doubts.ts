/** What is doubted of an edit before its networks run: noted at once, and said again in the verdict. */
import { changedWords } from '../../edit/masks/words.js'
import { setting } from '../fields.js'
import type { NamedPicture } from '../files/pictures.js'
import type { OperationModel } from '../host.js'
import { noted, type Told } from '../operation.js'
import { recipeOf } from '../recipes/recipe.js'
import { changedKinds, changeOf, droppedKinds, places, replacedKinds, things } from './changes.js'
import type { EditSettings } from './fields.js'
import { oldTextureRemedy } from './masks.js'

export interface Doubt {
  /** In the verdict. */
  readonly reason: string
  /** Whether the edit is likely to miss. Default: it wants a close look. */
  readonly misses?: boolean
  /** What is said before the work. */
  readonly note?: Told
}

const removalNote = `${setting('to')} names no thing, and this model always draws one: a blob would stay. To remove a thing, paint over it, pass that as ${setting('mask')}, and let ${setting('to')} name the thing on the other side, with ${setting('method', 'exact-blending:guideFrom=source,blendFrom=0.5')} and ${setting('feather', '8')}.`

const moveNote = `This moves a thing: a mask that is found for that mostly covers the whole picture. Paint the old and the new place, and pass it as ${setting('mask')}, with ${setting('feather', '8')}. ${setting('lockBackground')} stops where nothing would be kept.`

const textureNote = `This changes a texture: a mask that is found for that covers the whole picture, or too little. Paint the background white and the thing black, and pass it as ${setting('mask')}. ${oldTextureRemedy}`

const backgroundNote = `This changes a background: a mask that is found for that mostly covers the whole picture, and the thing is drawn anew too. To keep the thing, paint the background white and the thing black, and pass it as ${setting('mask')}.`

/** What the words alone tell: changes that need a mask of one's own, and those that a small model draws badly or not at all. */
export function doubtsOfWords(said: EditSettings, model: OperationModel): readonly Doubt[] {
  const { vocabulary } = model
  const onChange = (text: string) => noted(setting('to'), text, 'draw-mask')
  if (vocabulary && droppedKinds(said, vocabulary).includes(things)) {
    const reason = 'the new prompt names no thing, and this model always draws one'
    return [{ reason, misses: true, note: onChange(removalNote) }]
  }
  const drawnAnew = changedKinds(said, model).includes(things)
    ? [{ reason: 'shapes are drawn anew and may come out ragged' }]
    : []
  const change = changeOf(said, model)
  if (said.mask !== undefined && changedKinds(said, model).includes(places))
    return [...drawnAnew, { reason: 'a trace of the thing or of its shadow may stay at its old place' }]
  if (said.mask !== undefined) return drawnAnew
  if (!said.method.method.findsMask) {
    const mixes = change === 'backgrounds' ? [{ reason: 'the new background may be mixed with the old one' }] : []
    return [...drawnAnew, ...mixes, { reason: 'no mask keeps anything as it was' }]
  }
  if (change === places) return [{ reason: 'a thing moves, and no mask was drawn', note: onChange(moveNote) }]
  if (change === 'textures')
    return [{ reason: 'a texture changes, and no mask was drawn', note: onChange(textureNote) }]
  if (change === 'backgrounds')
    return [{ reason: 'the thing is drawn anew with the background', note: onChange(backgroundNote) }]
  return drawnAnew
}

/** Whether a picture's file says that this model made it. */
export const saysItIsOf = ({ texts }: NamedPicture, { name }: OperationModel): boolean =>
  texts?.Software === 'undiffuse' && texts.model === name

/** That a picture is an edit, where its file says so. */
function doubtsOfEdits({ path, texts }: NamedPicture): readonly Doubt[] {
  const { Software, editedFrom } = texts ?? {}
  if (Software !== 'undiffuse' || editedFrom === undefined) return []
  const text = `The file says that the picture is an edit, of one of “${editedFrom}”. Errors add up with each edit: edit that one, with all changes at once.`
  return [{ reason: 'the picture is an edit already, and errors add up', note: noted(path, text) }]
}

/**
 * What a picture's file tells: that it is an edit, and was made from other words. Fewer words than the file's may describe it too;
 * another word of the same kind, as of another thing or colour, does not.
 */
export const doubtsOfOrigin = (said: EditSettings, picture: NamedPicture, model: OperationModel): readonly Doubt[] => [
  ...doubtsOfEdits(picture),
  ...doubtsOfPrompt(said, picture, model),
]

function doubtsOfPrompt({ from }: EditSettings, picture: NamedPicture, model: OperationModel): readonly Doubt[] {
  const { prompt } = recipeOf(picture.texts ?? {})
  if (prompt === undefined || prompt === '' || !saysItIsOf(picture, model)) return []
  if (changedWords(prompt, from).to.length === 0) return []
  const text = `The file says that the picture was made from “${prompt}”. Pass that as ${setting('from')}, unless the picture shows otherwise.`
  const misses = replacedKinds({ from: prompt, to: from }, model).length > 0
  return [{ reason: 'the file says that it was made from another prompt', misses, note: noted(picture.path, text) }]
}
