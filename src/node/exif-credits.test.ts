/** Author and copyright of EXIF: as sharp writes them, in both orders of bytes, and in bytes that lie. */
import sharp from 'sharp'
import { expect, it } from 'vitest'
import { creditsIn } from './exif-credits.js'
import { decodeImage } from './read-image.js'

const plain = () => sharp({ create: { width: 2, height: 2, channels: 3, background: 'red' } })
const IFD0 = { Copyright: 'Ann Example 2024', Artist: 'Ann A. Example', Make: 'A camera' }

it('are read from a file, and what else it holds is named', async () => {
  const file = await plain().withExif({ IFD0 }).jpeg().toBuffer()
  const { credits, metadata } = await decodeImage(file, 'a.jpg')
  expect(credits).toEqual({ Author: IFD0.Artist, Copyright: IFD0.Copyright })
  expect(metadata).toEqual(['EXIF'])
  const bare = await decodeImage(await plain().jpeg().toBuffer(), 'b.jpg')
  expect([bare.credits, bare.metadata]).toEqual([undefined, undefined])
})

/** One entry: its tag, its type, its length, and where its value is. */
function exifOf(length: number, at: number, text: string): Buffer {
  const head = Buffer.from('MM\0*\0\0\0\x08\0\x01\x82\x98\0\x02', 'latin1')
  const numbers = Buffer.alloc(8)
  numbers.writeUInt32BE(length, 0)
  numbers.writeUInt32BE(at, 4)
  return Buffer.concat([head, numbers, Buffer.from(text)])
}

it('parts are joined', () => {
  expect(creditsIn(exifOf(8, 22, 'Änn\0Bo\0'))).toEqual({ Copyright: 'Änn, Bo' })
})

it.each([
  ['nothing', Buffer.alloc(0)],
  ['other bytes', Buffer.from('something else')],
  ['a value beyond the end', exifOf(8, 4000, 'Ann')],
  ['a value that is too long', exifOf(2 ** 31, 22, 'Ann')],
  ['an entry that is cut', exifOf(8, 22, '').subarray(0, 15)],
  ['a directory beyond the end', Buffer.from('II*\0\xff\xff\xff\xff', 'latin1')],
])('of %s there are none', (_, bytes) => {
  expect(creditsIn(bytes)).toEqual({})
})
