/** Qwen3 as a text encoder with its tokenizer: a user's message in the folder's own chat template. */
import { qwen3 } from '../../classes/qwen3.js'
import type { PipelineSource } from '../../family.js'
import { openChatTemplate } from '../../text/chat-template.js'
import { qwen3TextEncoder } from '../../text/encoders.js'
import type { TextPart } from '../../text/prompts.js'
import { openQwenTokenizer } from '../../text/qwen-tokenizer.js'
import { checkFits } from './clip-texts.js'
import { networkPart } from './flow.js'

export interface Qwen3Options {
  /** Most tokens of a message with its template. */
  readonly tokens: number
  /** Whether the template lets the model think before it answers. */
  readonly thinking: boolean
  /** Which hidden states are told, by how many layers there are. */
  readonly numbersOf: (layers: number) => readonly number[]
  /** To how many tokens a message is filled up. Default: the most. */
  readonly filled?: (count: number) => number
}

/** Opens `text_encoder` and `tokenizer`, and checks that they fit. */
export async function openQwen3(
  { files, folder }: PipelineSource,
  { tokens, thinking, numbersOf, ...filling }: Qwen3Options,
): Promise<TextPart> {
  const part = await networkPart(folder, 'text_encoder', qwen3.classNames)
  const path = files.join(folder.path, 'tokenizer')
  const chat = await openChatTemplate(files, path)
  const told = (prompt: string) => chat(prompt, { thinking })
  const tokenizer = await openQwenTokenizer(files, path, { length: tokens, told, ...filling })
  const encoder = await qwen3TextEncoder(part, numbersOf)
  checkFits(part.folder, { encoder, tokenizer })
  return { encoder, tokenizer }
}
