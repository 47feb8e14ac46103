import { expect, it } from 'vitest'
import { bitsOf } from './watermark.js'

it('says what the last digit of a message may be where it holds fewer than four bits', () => {
  expect(bitsOf('fffffffffffffffe', 63, 'mark')).toEqual(Array(63).fill(1))
  for (const message of ['ffffffffffffffff', '7fffffffffffffff']) {
    expect(() => bitsOf(message, 63, 'mark')).toThrow(
      /16 hexadecimal digits for `mark`, got `f` as its last digit\. The last digit holds 3 bits, highest first: 0, 2, 4, 6, 8, a, c, e\.$/,
    )
  }
  expect(() => bitsOf('04', 5, 'mark')).toThrow(/holds 1 bit, highest first: 0, 8\.$/)
})

it('tells a message with more digits to be shortened', () => {
  expect(() => bitsOf('0'.repeat(17), 63, 'mark')).toThrow(/got 68 bits\. Shorten it/)
})
