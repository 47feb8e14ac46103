/** A T5 of a folder with its tokenizer, checked against each other. */
import { t5Encoder } from '../../classes/t5-encoder.js'
import type { PipelineSource } from '../../family.js'
import { t5TextEncoder } from '../../text/encoders.js'
import type { TextPart } from '../../text/prompts.js'
import { openT5Tokenizer } from '../../text/t5-tokenizer.js'
import { checkFits } from './clip-texts.js'
import { networkPart } from './flow.js'

/** `text_encoder` and `tokenizer` with this ending, for texts of so many tokens. */
export async function openT5({ files, folder }: PipelineSource, suffix: string, tokens: number): Promise<TextPart> {
  const part = await networkPart(folder, `text_encoder${suffix}`, t5Encoder.classNames)
  const tokenizer = await openT5Tokenizer(files, files.join(folder.path, `tokenizer${suffix}`), tokens)
  const encoder = await t5TextEncoder(part)
  checkFits(part.folder, { encoder, tokenizer })
  return { encoder, tokenizer }
}
