/** Whose a picture is, as a camera or an editor wrote it into EXIF. Untrusted: what does not fit is left out. */

/** By the keywords that PNG has for them. */
export interface Credits {
  readonly Author?: string
  readonly Copyright?: string
}

/** Tags of the first directory. */
const tags: Readonly<Record<number, keyof Credits>> = { 315: 'Author', 33432: 'Copyright' }
const ascii = 2
const entryBytes = 12
/** Values of so many bytes stand in the entry itself. */
const inlineBytes = 4
const mostBytes = 2048

/**
 * Author and copyright in the bytes of EXIF, with or without the six that JPEG puts before them.
 *
 * Source: EXIF 2.32, 4.6.2 (TIFF's header and directory), 4.6.4 D (Artist, Copyright: ASCII, of several parts by NUL).
 *
 * @example creditsIn(metadata.exif).Copyright // 'Ann Example 2024'
 */
export function creditsIn(exif: Uint8Array): Credits {
  const whole = Buffer.from(exif.buffer, exif.byteOffset, exif.byteLength)
  const bytes = whole.toString('latin1', 0, 6) === 'Exif\0\0' ? whole.subarray(6) : whole
  const order = bytes.toString('latin1', 0, 2)
  if (order !== 'II' && order !== 'MM') return {}
  const unsigned = (at: number, size: 2 | 4): number => {
    if (at + size > bytes.length) return 0
    return order === 'II' ? bytes.readUIntLE(at, size) : bytes.readUIntBE(at, size)
  }
  const first = unsigned(4, 4)
  const count = Math.min(unsigned(first, 2), Math.floor(bytes.length / entryBytes))
  const found: { -readonly [key in keyof Credits]: string } = {}
  for (let entry = 0; entry < count; entry++) {
    const at = first + 2 + entry * entryBytes
    const keyword = tags[unsigned(at, 2)]
    const length = unsigned(at + 4, 4)
    if (keyword === undefined || unsigned(at + 2, 2) !== ascii || length > mostBytes) continue
    const begin = length <= inlineBytes ? at + 8 : unsigned(at + 8, 4)
    const parts = bytes
      .subarray(begin, begin + length)
      .toString('utf8')
      .split('\0')
    const text = parts.flatMap((part) => (part.trim() === '' ? [] : [part.trim()])).join(', ')
    if (text !== '') found[keyword] = text
  }
  return found
}
