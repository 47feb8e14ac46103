/**
 * Prompts as a denoising network takes them: tokens, states of the text encoders, keys and values of cross-attention, each
 * computed once per prompt.
 */

import type { Signal } from '../../core/progress.js'
import { half } from '../../graph/passes/half.js'
import { type Tensor, tensor, zeros } from '../../math/tensor.js'
import type { DenoisingPrecision } from '../denoiser/graphs.js'
import type { DenoisingNetworks } from '../denoiser/networks.js'
import type { Branches, Prompted } from '../denoiser/sessions.js'
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
  readonly networks: DenoisingNetworks
  readonly pool: SessionPool
  readonly precision: DenoisingPrecision
  /** Whether no negative prompt means states of zeros, as in Stable Diffusion XL, and not those of an empty text. */
  readonly zeroNegative: boolean
}

export interface PromptEncoder {
  branches(prompt: string, negative: string | undefined, signal?: Signal): Promise<Branches>
  /** The states of a text, tokens × width: what cross-attention attends to. */
  states(text: string, signal?: Signal): Promise<Tensor>
}

/** Prompts that are remembered: keys and values of one take about 15 MB in Stable Diffusion 2. */
const remembered = 8

/** States and pooled states of a text, without batch axes. */
interface Encoded {
  readonly states: Tensor
  readonly pooled?: Tensor
}

/**
 * Encodes a prompt and what guidance leads away from. The last few texts are remembered. Errors: those of
 * the tokenizer and the runtime.
 */
export function promptEncoder(options: PromptOptions): PromptEncoder {
  const { texts, networks, pool, precision, zeroNegative } = options
  const tokens = texts[0]!.tokenizer.length

  async function encode(text: string, signal: Signal | undefined): Promise<Encoded> {
    const ids = texts.map(({ tokenizer }) => tokenizer.encode(text))
    const states: Tensor[] = []
    let pooled: Tensor | undefined
    for (const [i, { encoder }] of texts.entries()) {
      const feeds = { input_ids: tensor([1, tokens], ids[i]!) }
      const results = await pool.run(`text ${i}`, () => encoder.graph(tokens), feeds, signal)
      states.push(unstack(results.states!)[0]!)
      pooled = results.pooled && unstack(results.pooled)[0]!
    }
    return { states: sideBySide(states), ...(pooled && { pooled }) }
  }

  const nothing = (): Encoded => ({
    states: zeros([tokens, networks.statesWidth]),
    ...(networks.pooledWidth !== undefined && { pooled: zeros([networks.pooledWidth]) }),
  })

  async function told({ states, pooled }: Encoded, signal: Signal | undefined): Promise<Prompted> {
    const feeds = { encoder_hidden_states: { shape: [1, ...states.shape], data: states.data } }
    const { promptGraph } = networks
    const graph = promptGraph && (() => (precision === 16 ? half(promptGraph(tokens)) : promptGraph(tokens)))
    const fed = graph ? await pool.run('prompt', graph, feeds, signal) : feeds
    return {
      ...Object.fromEntries(Object.entries(fed).map(([name, value]) => [name, unstack(value)[0]!])),
      ...(networks.pooledWidth !== undefined && pooled && { text_embeds: pooled }),
    }
  }

  /** The one used last comes last. */
  const known = new Map<string | undefined, Prompted>()

  function remember(text: string | undefined, prompted: Prompted): void {
    known.delete(text)
    known.set(text, prompted)
    for (const oldest of [...known.keys()].slice(0, Math.max(0, known.size - remembered))) known.delete(oldest)
  }

  async function branches(prompt: string, negative: string | undefined, signal?: Signal): Promise<Branches> {
    const asked = [prompt, negative ?? (zeroNegative ? undefined : '')]
    const found = new Map(asked.map((text) => [text, known.get(text)]))
    // All states before all keys and values: a lean model then opens each network once.
    const encoded = new Map<string | undefined, Encoded>()
    for (const [text, prompted] of found) {
      if (!prompted) encoded.set(text, text === undefined ? nothing() : await encode(text, signal))
    }
    for (const [text, states] of encoded) found.set(text, await told(states, signal))
    for (const [text, prompted] of found) remember(text, prompted!)
    return { prompt: found.get(asked[0])!, negative: found.get(asked[1])! }
  }

  return { branches, states: async (text, signal) => (await encode(text, signal)).states }
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
