/** Baselines of guided editing, which change what the unconditional branch is told: one file for each. Not a registry. */
import { negativePrompt } from './negative-prompt.js'
import { nullText } from './null-text.js'

export {
  type EmbeddedDenoiser,
  type EmbeddedDiffusion,
  type GuidedInversion,
  type GuidedInverter,
  withEmbeddings,
} from './parts/guided-editing.js'
export { negativePrompt, nullText }

/** Baselines of guided editing; the first is the default. */
export const guidedInverters = [nullText, negativePrompt] as const
