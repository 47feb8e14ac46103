/** Texts as a denoising network is told them: tokens, then the states of the text encoders, once for each text. */
import { expected } from '../../core/errors.js'
import type { Signal } from '../../core/progress.js'
import { isFinite as isFiniteTensor, type Tensor, tensor, zeros } from '../../math/tensor.js'
import type { Condition } from '../../model/condition.js'
import type { SessionPool } from '../sessions/pool.js'
import { unstack } from '../sessions/stack.js'
import type { TextEncoder } from './encoders.js'
import type { PromptTokenizer } from './tokenizer-files.js'

export interface TextPart {
  readonly encoder: TextEncoder
  readonly tokenizer: PromptTokenizer
  /** Whether the network is told its text in one vector alone: what it leaves out, another encoder reads. */
  readonly isSummary?: boolean
}

/** What an encoder answers to a text: states, tokens × width, and the text in one vector, where it has a projection. */
export interface EncodedText {
  readonly states: Tensor
  /** How many of the tokens are the text's; those behind fill up. */
  readonly used: number
  readonly pooled?: Tensor
}

export interface PromptOptions {
  readonly texts: readonly TextPart[]
  readonly pool: SessionPool
  /** What the network is told of what the encoders answer, in their order. */
  told(encoded: readonly EncodedText[]): Condition['values']
  /** What it is told where there is no text; absent where that is what an empty text says. */
  readonly nothing?: Condition['values'] | undefined
}

/** Conditions that are remembered: what a model derives of one, keys and values, takes about 15 MB in Stable Diffusion 2. */
const remembered = 8

/**
 * What a network is told for a text, or for none. The last few are remembered, as the same values. Errors: those of the
 * tokenizer and the runtime.
 */
export function conditioner({ texts, pool, told, nothing }: PromptOptions) {
  async function encoded(text: string, signal: Signal | undefined): Promise<Condition> {
    const ids = texts.map(({ tokenizer }) => tokenizer.encode(text))
    const answers: EncodedText[] = []
    for (const [i, { encoder, tokenizer }] of texts.entries()) {
      const tokens = ids[i]!.length
      const used = tokenizer.used(text)
      const feeds = {
        input_ids: tensor([1, tokens], ids[i]!),
        ...(encoder.isMasked && {
          attention_mask: tensor(
            [1, tokens],
            ids[i]!.map((_, k) => (k < used ? 1 : 0)),
          ),
        }),
      }
      const { states, pooled } = await pool.run(`text ${i} ${tokens}`, () => encoder.graph(tokens), feeds, signal)
      if (![states!, ...(pooled ? [pooled] : [])].every(isFiniteTensor)) {
        const what = `the answer of text encoder ${i + 1}`
        const remedy = 'Its weights hold NaN or are damaged; fetch the model folder again.'
        throw expected('not-finite', 'finite numbers', what, 'NaN or infinity', remedy)
      }
      answers.push({ states: unstack(states!)[0]!, used, ...(pooled && { pooled: unstack(pooled)[0]! }) })
    }
    // The text encoder that reads least: each has a vocabulary of its own.
    const readers = texts.filter(({ isSummary }) => !isSummary)
    const [unread = ''] = readers.map(({ tokenizer }) => tokenizer.unread(text)).sort((a, b) => b.length - a.length)
    return {
      text,
      ...(unread !== '' && { unread }),
      values: told(answers),
      words: texts[0]!.tokenizer.places(text),
    }
  }

  /** The one used last comes last. */
  const known = new Map<string | undefined, Condition>()

  return async (text?: string, signal?: Signal): Promise<Condition> => {
    const asked = text ?? (nothing ? undefined : '')
    const condition = known.get(asked) ?? (asked === undefined ? { values: nothing! } : await encoded(asked, signal))
    known.delete(asked)
    known.set(asked, condition)
    for (const oldest of [...known.keys()].slice(0, Math.max(0, known.size - remembered))) known.delete(oldest)
    return condition
  }
}

/** Matrices at their places, each with the row and the column of its corner, in one of zeros. */
export function placed(
  shape: readonly [rows: number, columns: number],
  matrices: readonly (readonly [matrix: Tensor, row: number, column: number])[],
): Tensor {
  const all = zeros(shape)
  for (const [{ shape: own, data }, top, left] of matrices) {
    const [rows, columns] = own as [number, number]
    for (let row = 0; row < rows; row++) {
      all.data.set(data.subarray(row * columns, (row + 1) * columns), (top + row) * shape[1] + left)
    }
  }
  return all
}

/** tokens × a and tokens × b as tokens × (a + b). */
export function sideBySide(parts: readonly Tensor[]): Tensor {
  if (parts.length === 1) return parts[0]!
  const widths = parts.map(({ shape }) => shape[1]!)
  const width = widths.reduce((sum, own) => sum + own, 0)
  const lefts = widths.map((_, i) => widths.slice(0, i).reduce((sum, own) => sum + own, 0))
  return placed(
    [parts[0]!.shape[0]!, width],
    parts.map((part, i) => [part, 0, lefts[i]!]),
  )
}
