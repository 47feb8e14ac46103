/** Texts as a denoising network is told them: tokens, then the states of the text encoders, once for each text. */
import { expected } from '../../core/errors.js'
import type { Signal } from '../../core/progress.js'
import { isFinite as isFiniteTensor, type Tensor, tensor, zeros } from '../../math/tensor.js'
import type { Condition } from '../../model/condition.js'
import type { DenoisingNetworks } from '../denoiser/networks.js'
import { pooledName, statesName } from '../denoiser/unet.js'
import type { SessionPool } from '../sessions/pool.js'
import { unstack } from '../sessions/stack.js'
import type { TextEncoder } from './encoders.js'
import type { ClipTokenizer } from './tokenizer.js'

export interface TextPart {
  readonly encoder: TextEncoder
  readonly tokenizer: ClipTokenizer
}

export interface PromptOptions {
  readonly texts: readonly TextPart[]
  readonly networks: Pick<DenoisingNetworks, 'values'>
  readonly pool: SessionPool
  /** Whether no text means states of zeros, as in Stable Diffusion XL, and not those of an empty text. */
  readonly zeroNegative: boolean
}

/** Conditions that are remembered: what a model derives of one, keys and values, takes about 15 MB in Stable Diffusion 2. */
const remembered = 8

/**
 * What a network is told for a text, or for none. The last few are remembered, as the same values. Errors: those of the
 * tokenizer and the runtime.
 */
export function conditioner({ texts, networks, pool, zeroNegative }: PromptOptions) {
  const tokens = texts[0]!.tokenizer.length
  const takesPooled = networks.values[pooledName] !== undefined

  async function encoded(text: string, signal: Signal | undefined): Promise<Condition> {
    const ids = texts.map(({ tokenizer }) => tokenizer.encode(text))
    const states: Tensor[] = []
    let pooled: Tensor | undefined
    for (const [i, { encoder }] of texts.entries()) {
      const feeds = { input_ids: tensor([1, tokens], ids[i]!) }
      const results = await pool.run(`text ${i}`, () => encoder.graph(tokens), feeds, signal)
      states.push(unstack(results.states!)[0]!)
      pooled = results.pooled && unstack(results.pooled)[0]!
      if (![states.at(-1)!, ...(pooled ? [pooled] : [])].every(isFiniteTensor)) {
        const what = `the answer of text encoder ${i + 1}`
        const remedy = 'Its weights hold NaN or are damaged; fetch the model folder again.'
        throw expected('not-finite', 'finite numbers', what, 'NaN or infinity', remedy)
      }
    }
    // The text encoder that reads least: each has a vocabulary of its own.
    const [unread = ''] = texts.map(({ tokenizer }) => tokenizer.unread(text)).sort((a, b) => b.length - a.length)
    return {
      text,
      ...(unread !== '' && { unread }),
      values: {
        [statesName]: sideBySide(states),
        ...(takesPooled && pooled && { [pooledName]: pooled }),
      },
      words: texts[0]!.tokenizer.places(text),
    }
  }

  const nothing = (): Condition => ({
    values: {
      [statesName]: zeros([tokens, networks.values[statesName]!.width]),
      ...(takesPooled && { [pooledName]: zeros([networks.values[pooledName]!.width]) }),
    },
  })

  /** The one used last comes last. */
  const known = new Map<string | undefined, Condition>()

  return async (text?: string, signal?: Signal): Promise<Condition> => {
    const asked = text ?? (zeroNegative ? undefined : '')
    const condition = known.get(asked) ?? (asked === undefined ? nothing() : await encoded(asked, signal))
    known.delete(asked)
    known.set(asked, condition)
    for (const oldest of [...known.keys()].slice(0, Math.max(0, known.size - remembered))) known.delete(oldest)
    return condition
  }
}

/** tokens × a and tokens × b as tokens × (a + b). */
function sideBySide(parts: readonly Tensor[]): Tensor {
  if (parts.length === 1) return parts[0]!
  const rows = parts[0]!.shape[0]!
  const width = parts.reduce((sum, { shape }) => sum + shape[1]!, 0)
  const data = new Float64Array(rows * width)
  let left = 0
  for (const { shape, data: values } of parts) {
    const own = shape[1]!
    for (let row = 0; row < rows; row++) data.set(values.subarray(row * own, (row + 1) * own), row * width + left)
    left += own
  }
  return { shape: [rows, width], data }
}
