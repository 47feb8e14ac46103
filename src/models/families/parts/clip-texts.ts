/** CLIP's text encoders of a folder with their tokenizers, checked against each other. */
import type { Files } from '../../../checkpoints/files.js'
import type { CheckpointFolder } from '../../../checkpoints/folder.js'
import { expected } from '../../../core/errors.js'
import { clipText } from '../../classes/clip-text.js'
import { type StatesKind, textEncoder } from '../../text/encoders.js'
import type { TextPart } from '../../text/prompts.js'
import { openTokenizer } from '../../text/tokenizer.js'

/** `text_encoder` and `tokenizer` with each of these endings, and which states are asked of them. */
export async function clipTexts(
  files: Files,
  folder: CheckpointFolder,
  suffixes: readonly string[],
  states: StatesKind,
): Promise<readonly TextPart[]> {
  const texts = await Promise.all(
    suffixes.map(async (suffix) => {
      const part = await folder.part(`text_encoder${suffix}`, clipText.classNames)
      const tokenizer = await openTokenizer(files, files.join(folder.path, `tokenizer${suffix}`))
      const encoder = await textEncoder(files, part, states)
      checkFits(part.folder, { encoder, tokenizer })
      checkWhole(part.folder, { encoder, tokenizer })
      return { encoder, tokenizer }
    }),
  )
  const lengths = texts.map(({ tokenizer }) => tokenizer.length)
  if (new Set(lengths).size <= 1) return texts
  const what = 'one length (model_max_length) of all CLIP tokenizers'
  throw expected('bad-model', what, `\`${folder.path}\``, lengths.join(' and '), 'Fetch the complete model folder.')
}

/** Throws `bad-model` where a tokenizer has ids or places that its encoder does not have. */
export function checkFits(folder: string, { encoder, tokenizer }: TextPart): void {
  const { positions = Number.POSITIVE_INFINITY, vocabulary = Number.POSITIVE_INFINITY } = encoder
  if (tokenizer.length <= positions && tokenizer.size <= vocabulary) return
  const together = 'Text encoder and tokenizer do not belong together; fetch the model folder again.'
  const got = `one of ${tokenizer.size} and ${tokenizer.length}`
  const what = `a tokenizer of at most ${vocabulary} tokens and ${positions} places`
  throw expected('bad-model', what, `\`${folder}\``, got, together)
}

/** CLIP has a token for every id. */
function checkWhole(folder: string, { encoder: { vocabulary }, tokenizer }: TextPart): void {
  if (vocabulary === undefined || tokenizer.size >= vocabulary) return
  const remedy = 'Tokens are missing, such as those of a textual inversion; fetch the tokenizer that was saved with it.'
  const got = `one of ${tokenizer.size}`
  throw expected('bad-model', `a tokenizer of ${vocabulary} tokens (vocab_size)`, `\`${folder}\``, got, remedy)
}
