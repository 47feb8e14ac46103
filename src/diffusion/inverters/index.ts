/** One file for each inverter, written out. Not a registry. */
import { algorithm1 } from './algorithm-1.js'
import { algorithm2 } from './algorithm-2.js'
import { automatic } from './automatic.js'
import { implicit } from './implicit.js'
import { naive } from './naive.js'
import { negativePrompt } from './negative-prompt.js'
import { nullText } from './null-text.js'
import { reversible } from './reversible.js'
import { sweep } from './sweep.js'

export {
  type EmbeddedDenoiser,
  type EmbeddedDiffusion,
  type GuidedInversion,
  type GuidedInverter,
  withEmbeddings,
} from './guided-editing.js'
export { algorithm1, algorithm2, automatic, implicit, naive, negativePrompt, nullText, reversible, sweep }

/** Inverters; the first is the default. */
export const inverters = [automatic, implicit, sweep, reversible, naive, algorithm1, algorithm2] as const

/** Baselines of guided editing, which change what the unconditional branch is told. */
export const guidedInverters = [nullText, negativePrompt] as const
