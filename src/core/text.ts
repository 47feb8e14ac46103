/** What a text may be: code that no types were checked of may pass anything. */
import { expected, gotText } from './errors.js'

/** Throws `bad-option` for anything but text and nothing; `name` is what messages call it. */
export function checkText(name: string, value: unknown): void {
  if (value === undefined || typeof value === 'string') return
  throw expected(
    'bad-option',
    'text',
    `\`${name}\``,
    gotText(value),
    'Pass a string, or leave it out for the empty text.',
  )
}
