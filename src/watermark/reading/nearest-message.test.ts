import { describe, expect, it } from 'vitest'
import { nearestMessage } from './nearest-message.js'

/** Σ_{k ≤ d} C(b, k) / 2^b, added up in whole numbers. */
function chanceWithin(bits: number, d: number): number {
  let [sum, choose] = [0n, 1n]
  for (let k = 0n; k <= BigInt(d); k++) {
    sum += choose
    choose = (choose * (BigInt(bits) - k)) / (k + 1n)
  }
  return Number(sum) / 2 ** bits
}

/** Of sums of at most a hundred terms in double precision. */
const digits = 12
const relative = (value: number, wanted: number) => expect(value / wanted).toBeCloseTo(1, digits)

/** Words of 64 bits by Marsaglia's xorshift. */
function* words(count: number): Generator<string> {
  let word = 0x9e3779b97f4a7c15n
  for (let i = 0; i < count; i++) {
    word ^= (word << 13n) & 0xffffffffffffffffn
    word ^= word >> 7n
    word ^= (word << 17n) & 0xffffffffffffffffn
    yield word.toString(16).padStart(16, '0')
  }
}

describe('nearestMessage', () => {
  const [byte, key] = [{ messageBits: 8 }, { messageBits: 64 }]

  it('bounds the chance by the binomial sum of each issued message, and by 1', () => {
    expect(nearestMessage('c5', ['c5'], byte)).toEqual({
      message: 'c5',
      differingBits: 0,
      ties: [],
      chanceAtMost: expect.closeTo(1 / 256, digits),
    })
    // C(8, 0) + C(8, 1) = 9 of 256, and of two messages twice that.
    relative(nearestMessage('c5', ['c4', '00'], byte).chanceAtMost, (2 * 9) / 256)
    expect(nearestMessage('00', ['ff'], byte)).toMatchObject({ differingBits: 8, chanceAtMost: 1 })
    expect(nearestMessage('00', Array(20).fill('0f'), byte).chanceAtMost).toBe(1)
    for (const [message, d] of [
      ['0000000000000000', 0],
      ['8000000000000001', 2],
      ['00000000000f0000', 4],
      ['ffffffff00000000', 32],
    ] as const) {
      const found = nearestMessage('0'.repeat(16), [message], key)
      expect(found.differingBits).toBe(d)
      relative(found.chanceAtMost, chanceWithin(64, d))
    }
  })

  it('counts differing bits as arithmetic does, the same from either end', () => {
    const all = [...words(40)]
    const apart = (a: string, b: string) => (BigInt(`0x${a}`) ^ BigInt(`0x${b}`)).toString(2).replaceAll('0', '').length
    for (const [i, a] of all.entries()) {
      const b = all[all.length - 1 - i]!
      expect(nearestMessage(a, [b], key).differingBits).toBe(apart(a, b))
      expect(nearestMessage(b, [a], key).differingBits).toBe(apart(a, b))
      const others = all.filter((one) => one !== a)
      const least = Math.min(...others.map((one) => apart(a, one)))
      expect(nearestMessage(a, new Set(others), key).differingBits).toBe(least)
    }
  })

  it('tells others that are as near, and the same message twice as one', () => {
    const issued = ['ff', '01', '02', '01', '80']
    expect(nearestMessage('00', issued, byte)).toMatchObject({ message: '01', ties: ['02', '80'], differingBits: 1 })
    expect(nearestMessage('00', [...issued, '00'], byte)).toMatchObject({ message: '00', ties: [] })
  })

  it('takes digits in either case and behind 0x, and answers in lower case', () => {
    for (const read of ['C5', 'c5', '0xC5']) {
      expect(nearestMessage(read, ['0XC4', 'AA'], byte)).toMatchObject({ message: 'c4', differingBits: 1, ties: [] })
    }
    expect(nearestMessage('c4', ['C4', 'c4', '0xc4'], byte).ties).toEqual([])
  })

  it('counts the bits of the mark where they fill no whole digit', () => {
    relative(nearestMessage('f8', ['f0'], { messageBits: 5 }).chanceAtMost, 6 / 32)
    expect(() => nearestMessage('f8', ['f4'], { messageBits: 5 })).toThrow(/for `issued`, got `4` as its last digit/)
  })

  it('refuses other lengths, an empty list, and what is not a list of messages', () => {
    const asked = nearestMessage as (read: unknown, issued: unknown, key: unknown) => unknown
    for (const [read, issued, of, message] of [
      ['c5c5', ['c5'], byte, /a message of 8 bits, 2 hexadecimal digits for `read`, got 16 bits/],
      ['c5', ['c5', 'c'], byte, /for `issued`, got 1 digit\. Write all digits: `0c`/],
      ['c5', ['c5', 'zz'], byte, /for `issued`, got `zz`/],
      ['c5', [], byte, /issued messages for `nearestMessage`, got an empty list/],
      ['c5', 'c5', byte, /a list of messages for `issued`, got the text `c5`/],
      ['c5', undefined, byte, /a list of messages for `issued`, got none/],
      ['c5', [0xc5], byte, /a message as text for `issued`, got a value of type number/],
      [undefined, ['c5'], byte, /a message that was read for `nearestMessage`, got none/],
      ['c5', ['c5'], { messageBits: 0 }, /a key or a mark with a message .* got one without a message/],
      ['c5', ['c5'], undefined, /a key or a mark with a message .* got none/],
    ] as const) {
      expect(() => asked(read, issued, of)).toThrow(message)
    }
  })
})
