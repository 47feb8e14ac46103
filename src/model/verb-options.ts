/** What code without types may pass to a verb: options by their names, and a model. */
import { expected } from '../core/errors.js'
import { checkOptionNames, type OptionNames } from '../core/option-names.js'
import type { Model } from './model.js'

/**
 * Throws `bad-option` for options that a verb does not have, as `checkOptionNames` does, and for anything but a model as `model`.
 *
 * @example checkVerbOptions({ model }, { model: true, seed: true }, 'generate')
 */
export function checkVerbOptions<O extends { readonly model: Model }>(
  given: O,
  names: OptionNames<O>,
  what: string,
  shared?: readonly string[],
): void {
  checkOptionNames(given, names, what, shared)
  const model: unknown = given.model
  if (typeof (model as Model | null | undefined)?.ask === 'function') return
  const got = model === undefined ? 'none' : typeof model === 'string' ? `the text \`${model}\`` : 'another value'
  const remedy = 'Open a folder by `openDiffusionModel`, and pass what it returns.'
  throw expected('bad-option', 'a model', `\`model\` of \`${what}\``, got, remedy)
}
