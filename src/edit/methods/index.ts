/** One file for each way to edit, written out. Not a registry. */
import { bdiaRoundTrip } from './bdia-round-trip.js'
import { edictEdit } from './edict.js'
import { exactBlending } from './exact-blending.js'
import { naiveEdit } from './naive.js'
import { negativePromptEdit } from './negative-prompt.js'
import { nullTextEdit } from './null-text.js'

export { bdiaRoundTrip, edictEdit, exactBlending, naiveEdit, negativePromptEdit, nullTextEdit }

/** Edits; the first is the default. */
export const edits = [exactBlending, bdiaRoundTrip, edictEdit, nullTextEdit, negativePromptEdit, naiveEdit] as const
