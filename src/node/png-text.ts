/** Chunks of PNG files: text, which says what a picture was made from for whoever finds it, and those that sharp does not tell. */
import { crc32 } from 'node:zlib'

const signatureBytes = 8
/** Its length, type, 13 bytes and checksum: the header is the first chunk of every PNG. */
const headerBytes = 25

/** A chunk of international text, not compressed: keyword, five bytes of no compression and no language, UTF-8. */
function textChunk(keyword: string, text: string): Buffer {
  const body = Buffer.concat([Buffer.from('iTXt'), Buffer.from(keyword, 'latin1'), Buffer.alloc(5), Buffer.from(text)])
  const chunk = Buffer.alloc(body.length + 8)
  chunk.writeUInt32BE(body.length - 4, 0)
  body.copy(chunk, 4)
  chunk.writeUInt32BE(crc32(body), body.length + 4)
  return chunk
}

/**
 * The bytes of a PNG with texts by their keywords; its pixels stay what they are. Keywords are 1 to 79 Latin letters.
 *
 * Source: PNG specification, third edition, 11.3.3.4 (iTXt).
 *
 * @example withText(png, { prompt: 'a red ball', seed: '7' })
 */
export function withText(png: Uint8Array, texts: Readonly<Record<string, string>>): Uint8Array {
  const chunks = Object.entries(texts).map(([keyword, text]) => textChunk(keyword, text))
  const end = signatureBytes + headerBytes
  return Buffer.concat([png.subarray(0, end), ...chunks, png.subarray(end)])
}

/**
 * The texts of a PNG that `withText` wrote, by their keywords; empty for other files.
 *
 * @example textOf(await readFile('ball.png')).prompt // 'a red ball'
 */
export function textOf(png: Uint8Array): Readonly<Record<string, string>> {
  const bytes = Buffer.from(png)
  const texts: Record<string, string> = {}
  for (let at = signatureBytes; at + 12 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at)
    const type = bytes.toString('latin1', at + 4, at + 8)
    const body = bytes.subarray(at + 8, at + 8 + length)
    const end = body.indexOf(0)
    if (type === 'iTXt' && end > 0 && body[end + 1] === 0) {
      const text = body.subarray(body.indexOf(0, body.indexOf(0, end + 3) + 1) + 1)
      texts[body.toString('latin1', 0, end)] = text.toString('utf8')
    }
    at += length + 12
  }
  return texts
}

const signature = Buffer.from('89504e470d0a1a0a', 'hex')

/** The body of the first chunk of a type before the pixels of a PNG; undefined of other files, and where there is none. */
export function chunkOf(bytes: Buffer, wanted: string): Buffer | undefined {
  if (!bytes.subarray(0, signatureBytes).equals(signature)) return undefined
  for (let at = signatureBytes; at + 12 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at)
    const type = bytes.toString('latin1', at + 4, at + 8)
    if (type === wanted) return bytes.subarray(at + 8, at + 8 + length)
    if (type === 'IDAT') return undefined
    at += length + 12
  }
  return undefined
}

export const hasChunk = (bytes: Buffer, type: string): boolean => chunkOf(bytes, type) !== undefined
