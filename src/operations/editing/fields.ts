/** What `edit` is told, where its files go, and what of it makes no sense together. */
import { edits } from '../../catalog.js'
import { expected } from '../../core/errors.js'
import { plural } from '../../core/plural.js'
import { changedTexts } from '../../edit/masks/words.js'
import { knowsNone, nearWord, strangeWords, type Vocabulary } from '../../model/vocabulary.js'
import { methodField, type Settings, setting } from '../fields.js'
import { checkEnding, reportField, resultPath, sheetField } from '../files/outputs.js'
import { withoutEnding } from '../files/paths.js'
import { type Host, type OperationModel, standardStream } from '../host.js'
import { noted } from '../operation.js'
import { decoderFields, networkFields } from '../recipes/networks.js'
import { isFlow, pictureRecipeField, recipeFields, schedulerSolver } from '../recipes/recipe.js'
import { missingKinds } from './changes.js'

/** Pixels. In a mask that is kept as drawn a wide seam would leave a ring of what was there. */
export const [usualFeather, drawnFeather] = [8, 2]

/** A grid whose steps can be undone, for schedules that a flow does not have. */
const undoableSolver = 'ddim:spacing=lambda'

export const solverOf = (model: OperationModel): string => (isFlow(model) ? schedulerSolver : undoableSolver)

export const fields = {
  picture: { type: 'file', description: 'to be edited', subject: true, required: true, word: 'picture' },
  from: { type: 'string', description: 'what the picture shows', required: true },
  to: { type: 'string', description: 'what it is to show', required: true },
  method: methodField(edits, { description: 'how to edit', default: edits[0].definition.id }),
  mask: {
    type: 'file',
    description: 'white where the edit goes, kept as drawn (default: what the method finds)',
    word: 'picture',
  },
  lockBackground: {
    type: 'boolean',
    description: 'keep pixels outside the mask (default: with a mask)',
    off: 'leave the pixels outside as the decoder draws them',
  },
  backgroundBound: {
    rare: true,
    type: 'integer',
    minimum: 0,
    maximum: 255,
    description: 'of the lock: largest 8-bit difference outside (default: 0)',
    word: 'levels',
  },
  feather: {
    type: 'integer',
    minimum: 0,
    maximum: 1024,
    description: `the seam inside the mask (default: ${usualFeather}; ${drawnFeather} as drawn)`,
    word: 'pixels',
  },
  ...recipeFields,
  solver: {
    ...recipeFields.solver,
    rare: true,
    description: `how to sample (default: ${undoableSolver}; of flows the model's own)`,
  },
  ...networkFields,
  ...decoderFields,
  output: { type: 'file', default: 'edited.png', description: 'the edited picture, a .png file, or a folder' },
  sheet: sheetField,
  report: { ...reportField, description: 'where a sheet and all numbers go' },
  recipe: pictureRecipeField,
  saveMask: { type: 'file', description: 'the mask that was used, a .png file' },
} as const

export type EditSettings = Settings<typeof fields>

export interface EditOutputs {
  readonly picture: string
  readonly sheet?: string
  readonly report?: string
  readonly mask?: string
}

export async function outputsOf(
  { picture, output: stated, saveMask, sheet, report }: EditSettings,
  { files }: Host,
): Promise<EditOutputs> {
  const output = await resultPath(stated, fields.output.default, '.png', files, [picture])
  if (saveMask !== undefined) checkEnding(saveMask, '.png', 'saveMask')
  if (sheet !== undefined) checkEnding(sheet, '.png', 'sheet')
  const stem = output === standardStream ? 'edited' : withoutEnding(files.nameOf(output))
  const besides = (ending: string) => (report === undefined ? undefined : files.join(report, `${stem}.${ending}`))
  const [pictures, numbers] = [sheet ?? besides('sheet.png'), besides('report.json')]
  return {
    picture: output,
    ...(pictures !== undefined && { sheet: pictures }),
    ...(numbers !== undefined && { report: numbers }),
    ...(saveMask !== undefined && { mask: saveMask }),
  }
}

/** Says that a new name without an ending becomes a folder: a file may have been meant. */
export async function folderNote({ output }: EditSettings, picture: string, { files }: Host) {
  if (output === picture || /[\\/]$/.test(output) || (await files.isFolder(output))) return undefined
  return noted(
    setting('output'),
    `\`${output}\` is a folder: \`${picture}\` is written. For a file write \`${output}.png\`.`,
  )
}

/** Says before any work what makes no sense together. */
export function checkLock({
  lockBackground: locks,
  backgroundBound,
  feather,
  mask,
  saveMask,
  method,
}: EditSettings): void {
  const named = backgroundBound !== undefined ? 'backgroundBound' : feather !== undefined ? 'feather' : undefined
  if (locks === false && named) {
    const remedy = 'It says how the background is locked.'
    throw expected('bad-option', setting('lockBackground'), setting(named), 'none', remedy)
  }
  const needs = locks ? 'lockBackground' : (named ?? (saveMask === undefined ? undefined : 'saveMask'))
  if (needs === undefined || mask !== undefined || method.method.findsMask) return
  const asked = setting(needs)
  const remedy = `Pass ${setting('mask')}, or take \`exact-blending\`, which finds one.`
  throw expected('bad-option', 'a mask', asked, `\`${method.method.name}\` without one`, remedy)
}

/** Throws where nobody says what the picture shows: the edit goes by what changes in the words. */
export function checkSource({ from }: EditSettings): void {
  if (from.trim() !== '') return
  const remedy = 'Describe the picture as you would ask its model for it.'
  throw expected('bad-option', 'what the picture shows', setting('from'), 'an empty text', remedy)
}

/**
 * Throws for two prompts that are the same, under which every method gives back the source, and for prompts of the same words where
 * a mask is to be found: nothing tells where.
 */
export function checkWords({ from, to, mask, method }: EditSettings): void {
  const areSame = from.trim() === to.trim()
  const finds = mask === undefined && method.method.findsMask
  if (!areSame && (!finds || changedTexts(from, to).length > 0)) return
  const what = `another word than in ${setting('from')}`
  throw expected('bad-option', what, setting('to'), `“${to}”`, 'Say what is to change.')
}

/** Throws for a folder of several pictures: masks and outputs are of one. */
export function checkOne({ length }: readonly string[], { picture }: EditSettings): void {
  if (length === 1) return
  const remedy = 'Edit pictures one at a time.'
  throw expected('bad-option', 'one picture', `\`${picture}\``, plural(length, 'picture'), remedy)
}

const quoted = (words: readonly string[]): string => words.map((word) => `\`${word}\``).join(', ')

/** `Did you mean …?` of the words that are near to known ones; nothing where none is. */
const guessOf = (strange: readonly string[], vocabulary: Vocabulary): readonly string[] => {
  const near = strange.flatMap((word) => nearWord(word, vocabulary) ?? [])
  return near.length === 0 ? [] : [`Did you mean ${quoted(near)}?`]
}

/**
 * Throws where what the picture shows is misspelt: a strange word near a known one, which the other prompt does not share or
 * which stands among known words alone. Other strange words are of a picture that the model did not make.
 */
function checkSourceWords({ from, to }: EditSettings, { name, vocabulary }: OperationModel): void {
  if (!vocabulary) return
  const strange = strangeWords(from, vocabulary)
  const near = strange.filter((word) => nearWord(word, vocabulary) !== undefined)
  const shared = strangeWords(to, vocabulary)
  const misspelt = near.length === strange.length ? near : near.filter((word) => !shared.includes(word))
  if (misspelt.length === 0) return
  throw expected(
    'bad-option',
    `known words in ${setting('from')}`,
    `\`${name}\``,
    quoted(misspelt),
    `${guessOf(misspelt, vocabulary).join('')} Else leave ${misspelt.length === 1 ? 'that word' : 'those words'} out.`,
  )
}

/** Throws where what is to be shown has a new word that the model never saw: what it says nothing of would vanish. */
function checkNewWords({ from, to }: EditSettings, { name, vocabulary }: OperationModel): void {
  if (!vocabulary) return
  const before = strangeWords(from, vocabulary)
  const strange = strangeWords(to, vocabulary).filter((word) => !before.includes(word))
  if (strange.length === 0) return
  const guess = guessOf(strange, vocabulary)
  const unknown = strange.filter((word) => nearWord(word, vocabulary) === undefined)
  const kinds = unknown.length === 0 ? [] : missingKinds({ from, to }, vocabulary)
  const others = 'Others, and photographs, need a larger model: docs/your-own-model.md.'
  const remedies = [
    ...guess,
    ...kinds.map((kind) => `Its ${kind}: ${vocabulary.words[kind]!.join(', ')}.`),
    ...(unknown.length === 0 ? [] : [others]),
  ]
  throw expected(
    'bad-option',
    `known words in ${setting('to')}`,
    `\`${name}\``,
    quoted(strange),
    remedies.join(' '),
    guess.length + kinds.length > 0 ? {} : { hint: 'list-words' },
  )
}

/** Throws for words that the model never saw, and where the prompts differ in such words alone: to it they say the same. */
export function checkChange(said: EditSettings, model: OperationModel): void {
  checkSourceWords(said, model)
  checkNewWords(said, model)
  const { from, to } = said
  const { name, vocabulary } = model
  const changed = changedTexts(from, to).join(' ')
  if (!vocabulary || !knowsNone(changed, vocabulary)) return
  throw expected(
    'bad-option',
    `a change in known words between ${setting('from')} and ${setting('to')}`,
    `\`${name}\``,
    quoted(strangeWords(changed, vocabulary)),
    'The edit would do nothing: say the change in words of this model.',
    { hint: 'list-words' },
  )
}
