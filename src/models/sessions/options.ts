/** What sessions may be told, checked where a model is opened: code without types may pass text for numbers. */
import { expected, gotText } from '../../core/errors.js'
import { checkDeviceName, type Runtime } from '../../graph/runtime.js'
import { checkRuntime, type SessionOptions } from './pool.js'

/** Throws `bad-option` for anything but one of some values and nothing. */
export function checkOneOf(name: string, value: unknown, choices: readonly (number | boolean)[]): void {
  if (value === undefined || choices.some((choice) => choice === value)) return
  const list = new Intl.ListFormat('en', { type: 'disjunction' }).format(choices.map(String))
  throw expected('bad-option', list, `\`${name}\``, gotText(value), 'Pass one of these, or leave it out.')
}

/** Throws `bad-option` for what runs nothing, for a device that a runtime does not know, and for `lean` that is not true or false. */
export function checkSessionOptions(runtime: Runtime, { device, lean }: SessionOptions): void {
  checkRuntime(runtime)
  checkDeviceName(runtime.devices, device)
  checkOneOf('lean', lean, [true, false])
}
