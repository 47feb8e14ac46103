/** What a denoising network is told besides x and its level: a prompt, a class, a first frame. */
import type { Tensor } from '../math/tensor.js'

/**
 * A condition as a value: it may be stored, sent, mixed, bent and differentiated. The values are named as the network's
 * inputs are and have no batch axis; Stable Diffusion has `encoder_hidden_states`, tokens × width, and its XL also the
 * pooled `text_embeds`. What a model derives from them (keys and values of cross-attention) is its own cache.
 */
export interface Condition {
  /** The text that it was made from. */
  readonly text?: string
  readonly values: Readonly<Record<string, Tensor>>
  /** The end of the text that was left out, where it has more tokens than the network takes. */
  readonly unread?: string
  /** The tokens of each word of the text, as white space parts them; absent where they are not known. */
  readonly words?: readonly (readonly number[])[]
}

/**
 * The same condition with another value under a name: what null-text optimisation bends.
 *
 * @example const bent = withValue(condition, 'encoder_hidden_states', embedding)
 */
export const withValue = (
  { text: _, unread: __, ...condition }: Condition,
  name: string,
  value: Tensor,
): Condition => ({
  ...condition,
  values: { ...condition.values, [name]: value },
})
