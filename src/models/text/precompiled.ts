/**
 * SentencePiece's table of replacements, as tokenizer.json carries it (`precompiled_charsmap`): a double-array trie over
 * UTF-8 and the texts that it leads to. The tokenizer library passes it over and takes NFKC in its place.
 *
 * Sources: https://github.com/google/sentencepiece (normalizer.cc, darts_clone), https://github.com/huggingface/spm_precompiled
 * and `Precompiled` of https://github.com/huggingface/tokenizers, whose way through clusters of characters is kept.
 */
import { base64Decode, getTextEncoding } from '@bufbuild/protobuf/wire'

/** A cluster of more bytes is replaced character by character. */
const longestCluster = 5

/** Bits of a unit of the trie, which is 32 bits wide. */
const hasLeaf = (unit: number): boolean => ((unit >>> 8) & 1) === 1
const labelOf = (unit: number): number => (unit & 0x800000ff) >>> 0
const placeOfText = (unit: number): number => unit & 0x7fffffff
const offsetOf = (unit: number): number => ((unit >>> 10) << ((unit & 0x200) >>> 6)) >>> 0

/** The normaliser of a table in base64; undefined where the bytes are not such a table. */
export function precompiled(base64: string): ((text: string) => string) | undefined {
  const table = tableOf(base64)
  if (!table) return undefined
  const { units, texts } = table
  const { encodeUtf8, decodeUtf8 } = getTextEncoding()
  const known = new Map<string, string | undefined>()

  /** What the shortest beginning of `text` that the trie knows leads to. */
  function find(text: string): string | undefined {
    let place = offsetOf(units[0]!)
    for (const byte of encodeUtf8(text)) {
      const unit = units[place ^ byte]
      if (byte === 0 || unit === undefined || labelOf(unit) !== byte) return undefined
      place = (place ^ byte ^ offsetOf(unit)) >>> 0
      const leaf = hasLeaf(unit) ? units[place] : undefined
      if (leaf === undefined) continue
      const start = placeOfText(leaf)
      const end = texts.indexOf(0, start)
      return decodeUtf8(texts.subarray(start, end < 0 ? texts.length : end))
    }
    return undefined
  }

  function replacement(text: string): string | undefined {
    if (!known.has(text)) known.set(text, find(text))
    return known.get(text)
  }

  const clusters = new Intl.Segmenter('en', { granularity: 'grapheme' })
  return (text) =>
    Array.from(clusters.segment(text), ({ segment }) => {
      const whole = encodeUtf8(segment).length <= longestCluster ? replacement(segment) : undefined
      return whole ?? Array.from(segment, (character) => replacement(character) ?? character).join('')
    }).join('')
}

/** The length of the trie in bytes, the trie, and texts that end with a 0. */
function tableOf(base64: string): { units: Uint32Array; texts: Uint8Array } | undefined {
  const bytes = bytesOf(base64)
  if (!bytes || bytes.length < 4) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const size = view.getUint32(0, true)
  if (size === 0 || size % 4 !== 0 || 4 + size > bytes.length) return undefined
  const units = Uint32Array.from({ length: size / 4 }, (_, i) => view.getUint32(4 + 4 * i, true))
  return { units, texts: bytes.subarray(4 + size) }
}

function bytesOf(base64: string): Uint8Array | undefined {
  try {
    return base64Decode(base64)
  } catch {
    return undefined
  }
}
