/**
 * Edits: the verb, what it asks of a method, masks. The methods are in `methods/`.
 *
 * @module undiffuse/edit
 */
export { type Edit, type EditOptions, type EditSource, edit } from './edit.js'
export { type LockOptions, lockBackground } from './masks/lock-background.js'
export { grown } from './masks/mask.js'
export { type ChangedWords, changedWords } from './masks/words.js'
export * from './methods/index.js'
export type { EditMethod, EditProblem, LatentEdit } from './parts/edit-method.js'
