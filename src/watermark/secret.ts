/**
 * The randomness of a key: streams of ChaCha20, so that everything a mark is made of follows from 32 bytes and nobody
 * without them can tell it from chance. Where the bytes come from is the host's business.
 */
import { chacha20 } from '@noble/ciphers/chacha.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { expected } from '../core/errors.js'
import { normalQuantile } from '../math/distributions.js'

export const secretBytes = 32
const blockBytes = 64

export interface Secret {
  /** `length` bytes of the stream of this label, from block `block` of 64 bytes on. The same every time. */
  bytes(label: string, length: number, block?: number): Uint8Array
  /** Another secret that belongs to this one and to these bytes. */
  derive(data: Uint8Array): Secret
}

/**
 * The streams of a secret of 32 bytes.
 *
 * ChaCha20 with the secret as the key and the label, filled up with zeros to 12 bytes, as the nonce; derived secrets
 * are HMAC-SHA-256 of the data. Throws `bad-option` for another number of bytes. Source: RFC 8439, RFC 2104; cipher and
 * hash are a library's.
 *
 * @example secretOf(new Uint8Array(32)).bytes('signs', 4).length // 4
 */
export function secretOf(key: Uint8Array): Secret {
  if (key?.length !== secretBytes) {
    const got = key === undefined ? 'none' : `${key.length}`
    throw expected('bad-option', `${secretBytes} bytes`, 'a secret', got, 'Pass `randomBytes(32)` of `node:crypto`.')
  }
  return {
    bytes(label, length, block = 0) {
      const nonce = new Uint8Array(12)
      if (label.length > nonce.length)
        throw expected('bad-option', 'at most 12 letters', 'a label', `\`${label}\``, 'Shorten it.')
      for (let i = 0; i < label.length; i++) nonce[i] = label.charCodeAt(i)
      return chacha20(key, nonce, new Uint8Array(length), undefined, block)
    },
    derive: (data) => secretOf(hmac(sha256, key, data)),
  }
}

/** How many blocks hold `count` numbers of 32 bits: members of a family begin at whole blocks. */
export const blocksOf = (count: number): number => Math.ceil((4 * count) / blockBytes)

/** Numbers of [0, 1) of 32 bits, never 0: (i + ½)/2³². */
export function uniforms(secret: Secret, label: string, count: number, block = 0): Float64Array {
  const bytes = secret.bytes(label, 4 * count, block)
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  return Float64Array.from({ length: count }, (_, i) => (view.getUint32(4 * i, true) + 0.5) / 2 ** 32)
}

/** Standard normal numbers, one for each 32 bits of the stream. */
export const normals = (secret: Secret, label: string, count: number, block = 0): Float64Array =>
  uniforms(secret, label, count, block).map(normalQuantile)

/** Fair bits. */
export function bits(secret: Secret, label: string, count: number): Uint8Array {
  const bytes = secret.bytes(label, Math.ceil(count / 8))
  return Uint8Array.from({ length: count }, (_, i) => (bytes[i >> 3]! >> (i & 7)) & 1)
}

/** The numbers 0 … count − 1 in an order of the secret's (Fisher and Yates). */
export function permutation(secret: Secret, label: string, count: number): Uint32Array {
  const random = uniforms(secret, label, count)
  const order = Uint32Array.from({ length: count }, (_, i) => i)
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random[i]! * (i + 1))
    ;[order[i], order[j]] = [order[j]!, order[i]!]
  }
  return order
}
