/** What code without types may pass to a verb: options by their names, methods and numbers by what they must be. */
import { expected, gotText } from '../core/errors.js'
import { checkMembers } from '../core/members.js'
import { checkOptionNames, type OptionNames } from '../core/option-names.js'
import type { Model } from './model.js'

/** What each method has, and what to pass. */
const methods: Readonly<Record<string, readonly [members: readonly string[], remedy: string]>> = {
  model: [['ask'], 'Open a folder by `openDiffusionModel`, and pass what it returns as `model`.'],
  solver: [['grid', 'start', 'step'], 'Pass what a function such as `ddim({ steps: 20 })` returns.'],
  inverter: [['accepts', 'invert'], 'Pass what a function such as `automatic()` returns.'],
  decoder: [['invert'], 'Pass what a function such as `automaticDecoder()` returns.'],
  refine: [['refine'], 'Pass what `mostProbable()` returns.'],
  method: [['edit'], 'Pass what a function such as `exactBlending()` returns.'],
  signal: [['throwIfAborted'], 'Pass the `signal` of an `AbortController`, or `AbortSignal.timeout(60_000)`.'],
}

const numbers: readonly string[] = ['guidance', 'trueGuidance', 'falsePositiveRate']

/**
 * Throws `bad-option` for options that a verb does not have, as `checkOptionNames` does, for a missing model, for methods that are
 * text or were not called, an invalid signal, and for numbers that are text.
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
  for (const [name, [members, remedy]] of Object.entries(methods)) {
    const value: unknown = Reflect.get(given, name)
    if (name !== 'model' && (value === undefined || !Object.hasOwn(names, name))) continue
    checkMembers(value, members, `\`${name}\` of \`${what}\``, remedy)
  }
  for (const name of numbers) {
    const value: unknown = Reflect.get(given, name)
    if (value === undefined || typeof value === 'number' || !Object.hasOwn(names, name)) continue
    throw expected('bad-option', 'a number', `\`${name}\` of \`${what}\``, gotText(value), 'Pass it as a number.')
  }
}
