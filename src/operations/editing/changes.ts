/** What changes between two prompts, in the words of a small model. */
import { changedTexts, changedWords, wordsOf } from '../../edit/masks/words.js'
import { strangeWords, type Vocabulary } from '../../model/vocabulary.js'

interface Prompts {
  readonly from: string
  readonly to: string
}

interface MayKnowWords {
  readonly vocabulary?: Vocabulary | undefined
}

/** Words that say nothing alone: `on` and `in` change with a place. */
const connecting = 'others'

/** The kinds of known words that change: `places`, `colours`. None where the model tells none. */
export function changedKinds({ from, to }: Prompts, { vocabulary }: MayKnowWords): readonly string[] {
  if (!vocabulary) return []
  const changed = changedTexts(from, to).join(' ')
  return Object.keys(vocabulary.words).filter((kind) => kind !== connecting && has(kind, changed, vocabulary))
}

/** The kind of words that name a thing. */
export const things = 'shapes'
/** The kind of words that say where it is. */
export const places = 'places'
/** The kind of words for the colours of things and of backgrounds. */
export const colours = 'colours'
/** Kinds of words that say what a background is like, where they come after the thing. */
const ofBackgrounds = [colours, 'textures']

/** A prompt up to the thing that it names, and what comes after it, as the background does. */
function aroundThing(prompt: string, { words }: Vocabulary): readonly [before: string, after: string] {
  const parts = prompt.split(/(?<=\s)/)
  const at = parts.findIndex((part) => has(things, part, { words, examples: [] }))
  return [parts.slice(0, at + 1).join(''), parts.slice(at + 1).join('')]
}

/** Whether the background alone changes. */
function isOfBackground({ from, to }: Prompts, kinds: readonly string[], vocabulary: Vocabulary): boolean {
  const [before, after] = [from, to].map((prompt) => aroundThing(prompt, vocabulary)[0]) as [string, string]
  const named = before !== '' && after !== ''
  return named && changedTexts(before, after).length === 0 && kinds.every((kind) => ofBackgrounds.includes(kind))
}

/** The one kind of known words that change, or `backgrounds`; undefined where they are of several. Textures are told apart. */
export function changeOf(prompts: Prompts, model: MayKnowWords): string | undefined {
  const kinds = changedKinds(prompts, model)
  const [one] = kinds
  if (kinds.length === 1 && one !== colours) return one
  const { vocabulary } = model
  if (one !== undefined && vocabulary && isOfBackground(prompts, kinds, vocabulary)) return 'backgrounds'
  return kinds.length === 1 ? one : undefined
}

/** Kinds in which each prompt has a word that the other lacks: “a red ball” is not “a blue one”. */
export function replacedKinds({ from, to }: Prompts, { vocabulary }: MayKnowWords): readonly string[] {
  if (!vocabulary) return []
  const [old, young] = [wordsOf(from), wordsOf(to)]
  const own = [old.filter((word) => !young.includes(word)), young.filter((word) => !old.includes(word))]
  const isReplaced = (kind: string) => own.every((words) => has(kind, words.join(' '), vocabulary))
  return Object.keys(vocabulary.words).filter((kind) => kind !== connecting && isReplaced(kind))
}

/**
 * The kinds that a model's own words are told of where a new word is strange: those of the words that it replaces, things where
 * none is named, and what backgrounds are like where it stands after the thing.
 */
export function missingKinds({ from, to }: Prompts, vocabulary: Vocabulary): readonly string[] {
  const replaced = changedWords(from, to).from.length
  const changed = changedTexts(from, to)
  const [old, young] = [changed.slice(0, replaced), changed.slice(replaced)].map((words) => words.join(' '))
  const [before, after] = aroundThing(to, vocabulary)
  const isBehind = before !== '' && strangeWords(after, vocabulary).length > 0
  const isMissing = (kind: string) =>
    (has(kind, old!, vocabulary) && !has(kind, young!, vocabulary)) ||
    (kind === things && before === '') ||
    (isBehind && ofBackgrounds.includes(kind))
  return Object.keys(vocabulary.words).filter((kind) => kind !== connecting && isMissing(kind))
}

/** Kinds that the first prompt names and the second does not: `shapes` where a thing is removed, or its name is unknown. */
export const droppedKinds = ({ from, to }: Prompts, vocabulary: Vocabulary): readonly string[] =>
  Object.keys(vocabulary.words).filter(
    (kind) => kind !== connecting && has(kind, from, vocabulary) && !has(kind, to, vocabulary),
  )

/**
 * Whether a colour that changes stands elsewhere in the prompts too, as the background's does: what is of it cannot be told from
 * the background by its colour.
 */
export function sharesColour({ from, to }: Prompts, { vocabulary }: MayKnowWords): boolean {
  const said = [from, to].flatMap(wordsOf)
  const changed = wordsOf(changedTexts(from, to).join(' '))
  const isElsewhere = (colour: string) => said.indexOf(colour) !== said.lastIndexOf(colour)
  return (vocabulary?.words[colours] ?? []).some((colour) => changed.includes(colour) && isElsewhere(colour))
}

/** Whether a text has known words of a kind: without the kind they would be strange. */
const has = (kind: string, text: string, vocabulary: Vocabulary): boolean => {
  const without = { ...vocabulary, words: { ...vocabulary.words, [kind]: [] } }
  return strangeWords(text, without).length > strangeWords(text, vocabulary).length
}
