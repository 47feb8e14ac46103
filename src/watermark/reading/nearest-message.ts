/** For whom a marked picture was made: which of the messages that were issued is nearest to the one that was read. */
import { expected, gotText } from '../../core/errors.js'
import { binomialTail } from '../../math/distributions.js'
import { checkIsText, digitsOf, type Watermark } from '../watermark.js'

/** An issued message beside the one that was read. */
export interface NearestMessage {
  /** In lower case; of several that are as near the first. */
  readonly message: string
  /** Bits in which it differs from the one that was read. */
  readonly differingBits: number
  /** Other issued messages that are as near: where there is one, nothing tells which of them it is. */
  readonly ties: readonly string[]
  /** P(a random message lies this near to any of the issued ones), at most. */
  readonly chanceAtMost: number
}

/**
 * The issued message that differs from a read one in the fewest bits, and the chance that this means nothing.
 *
 * d = min over issued m of |read ⊕ m|; `chanceAtMost` = min(1, N·P(X ≤ d)), X binomial of b fair bits, N the number of issued
 * messages. Where none was written, Gaussian Shading reads b fair bits, by the stream of the key, whatever the picture. Another
 * message is as likely to lie near where the issued ones were drawn at random. The bound is exact for one issued message; of
 * more it adds up the chances. It says nothing of a message that somebody chose to be near another. Shapes: messages of ⌈b/4⌉
 * hexadecimal digits in either case, b the `messageBits` of the key or mark. Cost: one pass over the list, no network
 * evaluations. Errors: `bad-option` for messages of another number of digits, for a list without a message, and for a mark that
 * carries none. Source: Boole's inequality and the binomial distribution; the search is ours.
 *
 * @example
 * const found = nearestMessage('C0FE', ['c0de', '1234'], { messageBits: 16 })
 * found // { message: 'c0de', differingBits: 1, ties: [], chanceAtMost: 0.0005188 }
 */
export function nearestMessage(
  read: string,
  issued: Iterable<string>,
  key: Pick<Watermark, 'messageBits'>,
): NearestMessage {
  const messageBits = bitsIn(key)
  if (!read) {
    const remedy = 'Ask only for pictures whose message was read.'
    throw expected('bad-option', 'a message that was read', '`nearestMessage`', 'none', remedy)
  }
  const wanted = digitsIn(read, messageBits, 'read')
  checkIsList(issued)
  let [differingBits, count] = [Number.POSITIVE_INFINITY, 0]
  const nearest = new Set<string>()
  for (const one of issued) {
    count++
    const message = digitsIn(one, messageBits, 'issued')
    const apart = bitsApart(message, wanted)
    if (apart > differingBits) continue
    if (apart < differingBits) nearest.clear()
    differingBits = apart
    nearest.add(message)
  }
  const [message, ...ties] = nearest
  if (message === undefined) {
    throw expected('bad-option', 'issued messages', '`nearestMessage`', 'an empty list', 'Pass at least one of them.')
  }
  // As many fair bits differ as agree.
  const chanceOfOne = binomialTail(messageBits - differingBits, messageBits)
  return { message, differingBits, ties, chanceAtMost: Math.min(1, count * chanceOfOne) }
}

/** The room of a mark. Throws `bad-option` where it has none. */
function bitsIn(key: Pick<Watermark, 'messageBits'>): number {
  const messageBits: unknown = key?.messageBits
  if (Number.isSafeInteger(messageBits) && (messageBits as number) > 0) return messageBits as number
  const got = messageBits === 0 ? 'one without a message' : gotText(messageBits ?? key)
  const remedy = 'Pass what `readKey` returns, of `gaussian-shading` or `prc`.'
  throw expected('bad-option', 'a key or a mark with a message', '`nearestMessage`', got, remedy)
}

function digitsIn(message: string, messageBits: number, name: string): string {
  checkIsText(message, name)
  return digitsOf(message, messageBits, name)
}

/** Throws `bad-option` for a text, whose letters would be taken for messages, and for anything else that is not a list. */
function checkIsList(issued: unknown): void {
  if (typeof issued === 'object' && issued !== null && Symbol.iterator in issued) return
  const remedy = 'Pass an array or a set, of one message too.'
  throw expected('bad-option', 'a list of messages', '`issued`', gotText(issued), remedy)
}

/** The bits that are 1 in a digit. */
const onesOf = [0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4] as const

const digitAt = (digits: string, i: number): number => {
  const code = digits.charCodeAt(i)
  return code < 58 ? code - 48 : code - 87
}

/** Bits in which two messages of as many digits, in lower case, differ. */
function bitsApart(a: string, b: string): number {
  let bits = 0
  for (let i = 0; i < a.length; i++) bits += onesOf[digitAt(a, i) ^ digitAt(b, i)]!
  return bits
}
