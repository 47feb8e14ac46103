/** What changes between two prompts, in the words of a small model. */
import { changedTexts } from '../../edit/masks/words.js'
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

/** The one kind of known words that change; undefined where they are of several. */
export function changeOf(prompts: Prompts, model: MayKnowWords): string | undefined {
  const kinds = changedKinds(prompts, model)
  return kinds.length === 1 ? kinds[0] : undefined
}

/** The kinds of which the first prompt has words and the second none, as `shapes` where a thing is removed or has no known name. */
export const droppedKinds = ({ from, to }: Prompts, vocabulary: Vocabulary): readonly string[] =>
  Object.keys(vocabulary.words).filter(
    (kind) => kind !== connecting && has(kind, from, vocabulary) && !has(kind, to, vocabulary),
  )

/** Whether a text has known words of a kind: without the kind they would be strange. */
const has = (kind: string, text: string, vocabulary: Vocabulary): boolean => {
  const without = { ...vocabulary, words: { ...vocabulary.words, [kind]: [] } }
  return strangeWords(text, without).length > strangeWords(text, vocabulary).length
}
