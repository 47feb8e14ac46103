/** Options by their names: in plain JavaScript a wrong one would be left out without a word. */
import { expected } from './errors.js'
import { unknownName } from './fields.js'

/** Each option of a function; the type holds the list to be whole. */
export type OptionNames<O> = { readonly [K in keyof Required<O>]: true }

/** What other programs say, with the options here that stand for it; the first that a function has is named. */
const elsewhere: Readonly<Record<string, readonly (readonly [option: string, how: string])[]>> = {
  watermark: [
    ['keys', 'keys: [{ key }]'],
    ['noise', 'noise: key.mark().imprint(noise)'],
  ],
  key: [
    ['keys', 'keys: [{ key }]'],
    ['noise', 'noise: key.mark().imprint(noise)'],
  ],
  message: [['noise', 'noise: key.mark().imprint(noise, message)']],
  fpr: [['falsePositiveRate', 'falsePositiveRate']],
  guidanceScale: [['guidance', 'guidance']],
  guidance_scale: [['guidance', 'guidance']],
  cfg: [['guidance', 'guidance']],
  steps: [['solver', 'solver: ddim({ steps: 20 })']],
  numInferenceSteps: [['solver', 'solver: ddim({ steps: 20 })']],
  num_inference_steps: [['solver', 'solver: ddim({ steps: 20 })']],
  scheduler: [['solver', 'solver']],
  sampler: [['solver', 'solver']],
  negative: [['negativePrompt', 'negativePrompt']],
  negative_prompt: [['negativePrompt', 'negativePrompt']],
  latents: [['noise', 'noise']],
  generator: [['seed', 'seed']],
  width: [['size', 'size: { width: 192, height: 128 }']],
  height: [['size', 'size: { width: 192, height: 128 }']],
}

/**
 * Throws `bad-option` for options that a function does not have, with what it may be called here. Passed over are `undefined`, and
 * `shared`: options of other functions that one object of options may serve as well.
 *
 * @example checkOptionNames({ prompt: 'a red ball' }, { model: true, prompt: true }, 'generate')
 */
export function checkOptionNames<O extends object>(
  given: O,
  names: OptionNames<O>,
  what: string,
  shared: readonly string[] = [],
): void {
  if (typeof given !== 'object' || given === null) {
    throw expected(
      'bad-option',
      'an object of options',
      `\`${what}\``,
      given === null ? 'null' : typeof given,
      'Pass `{ model, … }`.',
    )
  }
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || Object.hasOwn(names, name) || shared.includes(name)) continue
    const known = Object.keys(names)
    const [, how] = (Object.hasOwn(elsewhere, name) ? elsewhere[name]! : []).find(([one]) => known.includes(one)) ?? []
    if (how === undefined) throw unknownName(`an option of \`${what}\``, `\`${name}\``, name, known)
    throw expected('bad-option', 'a known name', `an option of \`${what}\``, `\`${name}\``, `Here it is \`${how}\`.`)
  }
}
