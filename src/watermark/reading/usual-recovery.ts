/** How noise is recovered where nobody says how: the same for the verbs and the operations that read marks. */
import { automaticDecoder } from '../../autoencoder/automatic.js'
import { expected } from '../../core/errors.js'
import { automatic } from '../../diffusion/inverters/automatic.js'
import { naive } from '../../diffusion/inverters/naive.js'
import { mixedGuiding } from '../../model/guidance.js'
import type { InvertAllOptions, PromptedSource } from '../../verbs/invert.js'

/** Methods as texts. */
export interface UsualRecovery {
  readonly inverter: string
  readonly decoder: string
}

const known: UsualRecovery = { inverter: automatic.definition.id, decoder: automaticDecoder.definition.id }
const unknown: UsualRecovery = { inverter: naive.definition.id, decoder: `${known.decoder}:gradients=never` }

/** Without a prompt nothing finds the noise that was used, so that nothing more is spent on it. */
export const usualRecovery = (isPromptKnown: boolean): UsualRecovery => (isPromptKnown ? known : unknown)

type Texts = Pick<PromptedSource, 'prompt' | 'negativePrompt'>

/**
 * Throws `bad-option` for guidance between two evaluations that are told the same: it would double the cost and change nothing.
 * Models that are told their guidance take it without a text.
 */
export function checkGuided(
  { model, guidance = 1, ...texts }: Pick<InvertAllOptions, 'model' | 'guidance'> & Texts,
  sources: readonly Texts[],
): void {
  const { kind, mix } = { mix: undefined, ...(model.guiding ?? mixedGuiding) }
  if (guidance === 1 || kind !== 'mixed' || mix) return
  const said = [texts, ...sources].flatMap(({ prompt, negativePrompt }) => [prompt, negativePrompt])
  if (said.some((text) => text !== undefined && text.trim() !== '')) return
  const remedy = 'Without a prompt it changes nothing: pass the prompt too, or leave guidance out.'
  throw expected('bad-option', 'a prompt', '`guidance`', `${guidance} alone`, remedy)
}
