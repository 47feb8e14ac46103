/**
 * The contracts of watermarks in the noise: a scheme and a secret make a mark, a mark is imprinted on noise and read
 * from noise that was recovered. How noise is recovered from a picture is not known here.
 */

import { expected } from '../core/errors.js'
import { plural } from '../core/plural.js'
import type { Pieces } from '../core/progress.js'
import { checkTensor, formatShape, type Shape, sameShape, type Tensor } from '../math/tensor.js'
import type { Secret } from './secret.js'

/**
 * What a p-value is exact given. `any-picture`: over the draw of the key, whatever picture the noise came from, so long
 * as nobody made it from the key. `white-noise`: only if the noise recovered from an unmarked picture is white and
 * Gaussian, which that of pictures is not; calibrate (calibration.ts) before believing it.
 */
export type Validity = 'any-picture' | 'white-noise'

/** What a mark says of a noise. */
export interface Reading {
  /** The statistic: the larger, the more like the mark. */
  readonly score: number
  /** P(a score at least this large | the picture does not carry this mark); never 0, but as small as numbers are. */
  readonly pValue: number
  readonly exactGiven: Validity
  /** What the mark carries, as hexadecimal digits, where it can be told. */
  readonly message?: string
  /** Share of the sign bits of the noise that agree with what was read; of schemes with a message. */
  readonly agreement?: number
  /** The published test of tree-ring marks beside ours: computed when it is asked for, in milliseconds. */
  readonly distance?: () => DistanceReading
}

export interface DistanceReading {
  /** Mean of |F̂ − key| over the mask, F the orthonormal Fourier transform. */
  readonly meanAbsolute: number
  /** Of the same distance squared, with sigma from outside the mask; exact given white noise. */
  readonly pValue: number
  /** The formula of the released code, with sigma from inside the mask and every number counted twice: miscalibrated. */
  readonly referencePValue: number
}

/** Where in the spectrum of the noise a mark is written: it follows from the scheme's options, not from the secret. */
export interface SpectralMask {
  /** Planes of the noise: its channels, of a clip the frames of each channel, channel·frames + frame. */
  readonly planes: readonly number[]
  /** Places in the shifted spectrum of a plane: row·width + column. */
  readonly places: readonly number[]
}

/** A mark of one key, for noise of one shape. */
export interface Watermark {
  readonly name: string
  readonly latentShape: Shape
  /** Bits that it carries; 0 for a mark that is only there or not. */
  readonly messageBits: number
  /** No picture has a smaller p-value than this; absent where that is smaller than anybody asks for. */
  readonly smallestPValue?: number
  /** Absent where the mark is not in the spectrum. */
  readonly spectralMask?: SpectralMask
  /**
   * The marked noise. A message is all of its hexadecimal digits, and a mark that has room for one needs one: `zeroMessage` is the
   * message 0. Throws `bad-option` for a message that is missing or does not fit.
   */
  imprint(noise: Tensor, message?: string): Tensor
  read(noise: Tensor): Reading
}

/** Which member of a family is in a noise. */
export interface Identification {
  readonly member: number
  readonly score: number
  /** Of the best member, as if it were the only one asked. */
  readonly pValue: number
  /** P(any of the members scores so | the picture carries none of them): min(1, members·pValue). */
  readonly familyPValue: number
  /** The second best, for people to compare with. */
  readonly runnerUpScore: number
}

/** A way to mark noise. Its marks come from secrets; a family is many marks of one secret, numbered from 0. */
export interface Scheme {
  readonly name: string
  /** The mark of a member. Throws `bad-shape` for noise that has no room for it. */
  watermark(secret: Secret, latentShape: Shape, member: number): Watermark
  /** The most members of a family. */
  members(latentShape: Shape): number
  /** Reads a noise against all members, some thousand in a piece; absent where a message says who it is. */
  identify?(secret: Secret, latentShape: Shape, members: number, noise: Tensor): Pieces<Identification>
}

/** The same mark, refusing noise of another shape before anything is computed. */
export const checked = (watermark: Watermark): Watermark => ({
  ...watermark,
  imprint(noise, message) {
    checkShape(watermark, noise)
    checkIsText(message, watermark.name)
    return watermark.imprint(noise, message)
  },
  read(noise) {
    checkShape(watermark, noise)
    checkSize(noise, watermark.name)
    return positive(watermark.read(noise))
  },
})

/** Throws `bad-option` for a message of another type: code without types may pass bytes or a number. */
export function checkIsText(message: unknown, name: string): void {
  if (message === undefined || typeof message === 'string') return
  const digits =
    typeof message === 'object'
      ? '`Buffer.from(bytes).toString("hex")` of bytes'
      : '`id.toString(16).padStart(digits, "0")` of a number'
  const remedy = `Pass hexadecimal digits as text: ${digits}.`
  throw expected('bad-option', 'a message as text', `\`${name}\``, `a value of type ${typeof message}`, remedy)
}

/** The same with a p-value that is a number: one that is smaller than all numbers counts as the smallest. */
export const positive = <R extends { readonly pValue: number }>(reading: R): R => ({
  ...reading,
  pValue: Math.max(reading.pValue, Number.MIN_VALUE),
})

function checkShape({ name, latentShape }: Watermark, noise: Tensor): void {
  checkTensor(noise, `noise for \`${name}\``)
  const { shape } = noise
  if (sameShape(shape, latentShape)) return
  const remedy = 'A key marks pictures of one size of one model: make another key for this size.'
  throw expected('bad-shape', `noise of ${formatShape(latentShape)}`, `\`${name}\``, formatShape(shape), remedy)
}

/** Squares of numbers between these are numbers, and so are their products and sums. */
const [smallest, largest] = [1e-50, 1e50]

/** Throws `not-finite` for noise that is not, or whose squares are not or vanish: nothing can be read there. Zeros may be. */
export function checkSize({ data }: Tensor, name: string): void {
  const size = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  if (size === 0 || (size >= smallest && size <= largest)) return
  const got = Number.isNaN(size) ? 'NaN' : `numbers up to ${size}`
  const remedy = 'Noise has a deviation near 1: check what made it.'
  throw expected('not-finite', `noise of a size from ${smallest} to ${largest}`, `\`${name}\``, got, remedy)
}

/** A latent as planes of height × width: of a picture its channels, of a clip `frames` for each channel. */
export interface LatentPlanes {
  readonly channels: number
  /** 1 for pictures. */
  readonly frames: number
  readonly height: number
  readonly width: number
}

/**
 * The planes of a latent, channels × height × width, or channels × frames × height × width of a clip. Throws `bad-shape` for any
 * other shape.
 */
export function planesOfLatent(shape: Shape, name: string): LatentPlanes {
  const [channels, frames, height, width] = shape.length === 3 ? [shape[0], 1, shape[1], shape[2]] : shape
  if ((shape.length === 3 || shape.length === 4) && shape.every((side) => side > 0)) {
    return { channels: channels!, frames: frames!, height: height!, width: width! }
  }
  const remedy = 'Pass the latent shape of a model.'
  const what = 'channels × height × width, of a clip channels × frames × height × width'
  throw expected('bad-shape', what, `\`${name}\``, formatShape(shape), remedy)
}

/** Hexadecimal digits, first bit first; bits are filled up with zeros to whole digits. */
export function hexOf(bits: readonly number[]): string {
  let text = ''
  for (let i = 0; i < bits.length; i += 4) {
    const digit = [0, 1, 2, 3].reduce((value, k) => value * 2 + (bits[i + k] ?? 0), 0)
    text += digit.toString(16)
  }
  return text
}

/**
 * The message 0 of a mark, in all its digits. Undefined where the mark has no room for a message. Throws `bad-option` for neither.
 * A program may lose a user's id unseen, so `imprint` refuses a missing message. The operation `generate` takes this one, and
 * a note tells people so: a key alone is enough to try a mark.
 */
export function zeroMessage({ messageBits }: Pick<Watermark, 'messageBits'>): string | undefined {
  if (!Number.isInteger(messageBits)) {
    throw expected('bad-option', 'a mark or a key', '`zeroMessage`', 'another value', 'Pass what `readKey` returns.')
  }
  return messageBits === 0 ? undefined : '0'.repeat(Math.ceil(messageBits / 4))
}

/**
 * The digits of a message in lower case, as many as `count` bits take. Throws `bad-option` where it is missing: nobody marks a
 * picture for nobody and notices. Likewise for another number of digits: filled up at either end, two messages would be one.
 */
export function digitsOf(message: string | undefined, count: number, name: string): string {
  const digits = message?.replace(/^0x/i, '').toLowerCase() ?? ''
  const length = Math.ceil(count / 4)
  const refused = (got: string, remedy: string) => {
    const room = `a message of ${plural(count, 'bit')}, ${plural(length, 'hexadecimal digit')}`
    return expected('bad-option', room, `\`${name}\``, got, remedy)
  }
  if (!/^[0-9a-f]*$/.test(digits)) throw refused(`\`${message}\``, 'Write it in the digits 0 to f.')
  if (digits.length === 0) {
    const remedy = `Pass digits of a user, or of chance. \`${zeroMessage({ messageBits: count })}\` is the message 0.`
    throw refused('none', remedy)
  }
  if (digits.length > length) {
    throw refused(plural(4 * digits.length, 'bit'), 'Shorten it, or make a key with more `bits`.')
  }
  if (digits.length < length) {
    const remedy = `Write all digits: \`${digits.padStart(length, '0')}\` is that number.`
    throw refused(plural(digits.length, 'digit'), remedy)
  }
  // The last digit's lowest bits are no part of the message.
  const step = 2 ** (4 * length - count)
  if (Number.parseInt(digits.at(-1)!, 16) % step !== 0) {
    const ends = Array.from({ length: 16 / step }, (_, i) => (i * step).toString(16))
    const remedy = `The last digit holds ${plural(count % 4, 'bit')}, highest first: ${ends.join(', ')}.`
    throw refused(`\`${digits.at(-1)}\` as its last digit`, remedy)
  }
  return digits
}

/** The bits of a message, first bit first. Throws as `digitsOf`. */
export const bitsOf = (message: string | undefined, count: number, name: string): number[] =>
  [...digitsOf(message, count, name)]
    .flatMap((digit) => [8, 4, 2, 1].map((bit) => (Number.parseInt(digit, 16) & bit ? 1 : 0)))
    .slice(0, count)

/** Throws `bad-option` for a message given to a mark without room for one. */
export function refuseMessage(message: string | undefined, name: string): void {
  if (message === undefined) return
  const remedy = 'Use `gaussian-shading` or `prc`, or a family of keys.'
  throw expected('bad-option', 'no message', `\`${name}\``, `\`${message}\``, remedy)
}
