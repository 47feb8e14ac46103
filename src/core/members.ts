/** Methods that a value must have: code without types may pass anything. */
import { expected, gotText } from './errors.js'

/**
 * Throws `bad-option` for a value without one of these methods.
 *
 * @example checkMembers({ invert() {} }, ['invert'], '`decoder`', 'Pass `automaticDecoder()`.')
 */
export function checkMembers(value: unknown, members: readonly string[], subject: string, remedy: string): void {
  const isObject = typeof value === 'object' && value !== null
  const missing = members.filter((name) => !isObject || typeof Reflect.get(value, name) !== 'function')
  if (missing.length === 0) return
  const list = new Intl.ListFormat('en').format(members.map((name) => `\`${name}\``))
  throw expected(
    'bad-option',
    `a value with ${list}`,
    subject,
    isObject ? `one without \`${missing[0]}\`` : gotText(value),
    remedy,
  )
}
