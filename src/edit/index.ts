/** Edits: the verb, what it needs of a method, and one file for each method. Not a registry. */
import { bdiaRoundTrip } from './bdia-round-trip.js'
import { edictEdit } from './edict.js'
import { exactBlending } from './exact-blending.js'
import { naiveEdit } from './naive.js'
import { negativePromptEdit } from './negative-prompt.js'
import { nullTextEdit } from './null-text.js'

export { type Edit, type EditOptions, type EditSource, edit } from './edit.js'
export type { EditMethod, EditProblem, LatentEdit } from './edit-method.js'
export { type LockOptions, lockBackground } from './lock-background.js'
export { grown } from './mask.js'
export { type ChangedWords, changedWords } from './words.js'
export { bdiaRoundTrip, edictEdit, exactBlending, naiveEdit, negativePromptEdit, nullTextEdit }

/** Edits; the first is the default. */
export const edits = [exactBlending, bdiaRoundTrip, edictEdit, nullTextEdit, negativePromptEdit, naiveEdit] as const
