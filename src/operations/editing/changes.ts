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

/** The one kind of known words that change: `places`, `colours`. Undefined where they are of several, or the model tells none. */
export function changeOf({ from, to }: Prompts, { vocabulary }: MayKnowWords): string | undefined {
  if (!vocabulary) return undefined
  const changed = changedTexts(from, to).join(' ')
  const { words } = vocabulary
  const others = Object.keys(words).filter((kind) => kind !== connecting)
  const without = (kind: string) => strangeWords(changed, { ...vocabulary, words: { ...words, [kind]: [] } }).length
  const kinds = others.filter((kind) => without(kind) > strangeWords(changed, vocabulary).length)
  return kinds.length === 1 ? kinds[0] : undefined
}
