import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32, deflateSync } from 'node:zlib'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Tensor, tensor } from '../math/tensor.js'
import { pixelOf, round8 } from '../pictures/pixels.js'
import { decodeImage, measureBytes, measureImage, readImage } from './read-image.js'
import { encodePng, quantize, writeImage } from './write-image.js'

let folder: string
let count = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'undiffuse-images-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function save(bytes: Uint8Array | string, ending = 'png'): Promise<string> {
  const path = join(folder, `${count++}.${ending}`)
  await writeFile(path, bytes)
  return path
}

const raw = (data: Uint8Array | Uint16Array, width: number, height: number, channels: 1 | 2 | 3 | 4) =>
  sharp(data, { raw: { width, height, channels } })
const read = async (bytes: Promise<Uint8Array>, ending?: string) => await readImage(await save(await bytes, ending))
/** A 64 × 64 picture that does not compress to nothing. */
const noise = () =>
  raw(
    Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 2654435761) >>> 24),
    64,
    64,
    3,
  )
const pixels = (image: Tensor, pixel = 0) => [0, 1, 2].map((c) => image.data[(c * image.data.length) / 3 + pixel]!)
/** Float64 arithmetic on 8- or 16-bit numbers. */
const rounding = 1e-12
/** Conversions between colour spaces go through 8 bits; a profile's tables cost a step or two more. */
const colourSteps = 3 / 255
/** In 16 bits only the profile's own tables round, below a quarter of an 8-bit step. */
const deepStep = 0.5 / 255

function expectPixels(found: readonly number[], wanted: readonly number[], tolerance = rounding) {
  for (const [i, value] of wanted.entries()) expect(Math.abs(found[i]! - value)).toBeLessThanOrEqual(tolerance)
}

describe('reading', () => {
  test('bytes in place of a path are told, and not written into the message', async () => {
    const bytes = await encodePng(tensor([3, 8, 8], new Float64Array(192)))
    for (const given of [bytes, Buffer.from(bytes), bytes.buffer]) {
      await expect(readImage(given as unknown as string)).rejects.toMatchObject({
        code: 'bad-option',
        message: 'Expected the path of a picture file for `path`, got bytes. `decodeImage` takes them, and a name.',
      })
    }
    await expect(readImage(undefined as unknown as string)).rejects.toThrow(/got none/)
  })

  test('an option that there is not is one of the function that was called', async () => {
    const wrong = { maxPixels: 9 } as never
    await expect(readImage('a.png', wrong)).rejects.toMatchObject({ subject: 'an option of `readImage`' })
    await expect(decodeImage(new Uint8Array(9), 'a.png', wrong)).rejects.toMatchObject({
      subject: 'an option of `decodeImage`',
    })
  })

  test('an 8-bit picture is 2·value/255 − 1, channels first, without notes', async () => {
    const { image, notes } = await read(
      raw(Uint8Array.of(255, 0, 51, 1, 2, 3), 2, 1, 3)
        .png()
        .toBuffer(),
    )
    expect(image).toEqual(tensor([3, 1, 2], [255, 1, 0, 2, 51, 3].map(pixelOf)))
    expect(notes).toEqual([])
  })

  test('one pixel is a picture', async () => {
    expect(
      (
        await read(
          raw(Uint8Array.of(0, 0, 0), 1, 1, 3)
            .png()
            .toBuffer(),
        )
      ).image,
    ).toEqual(tensor([3, 1, 1], [-1, -1, -1]))
  })

  test.each(['jpeg', 'webp', 'gif', 'tiff', 'avif'] as const)('%s is read', async (format) => {
    const grey = raw(new Uint8Array(16 * 16 * 3).fill(128), 16, 16, 3)
    const { image } = await read(grey.toFormat(format).toBuffer(), format)
    expect(image.shape).toEqual([3, 16, 16])
    expectPixels(
      pixels(image),
      [0, 0, 0].map(() => pixelOf(128)),
      colourSteps,
    )
  })

  test('the content decides the format, not the name', async () => {
    expect((await read(noise().jpeg().toBuffer(), 'png')).image.shape).toEqual([3, 64, 64])
  })

  test('transparency is composited onto white', async () => {
    const { image, notes } = await read(
      raw(Uint8Array.of(255, 0, 0, 51, 9, 9, 9, 0), 2, 1, 4)
        .png()
        .toBuffer(),
    )
    expectPixels(pixels(image, 0), [1, 0.6, 0.6])
    expectPixels(pixels(image, 1), [1, 1, 1])
    expect(notes).toEqual(['Laid its transparent parts on white.'])
  })

  test('a channel of opacity that hides nothing is worth no note', async () => {
    const file = raw(Uint8Array.of(255, 0, 0, 255, 9, 9, 9, 255), 2, 1, 4)
    const { image, notes } = await read(file.png().toBuffer())
    expect([image.shape, notes]).toEqual([[3, 1, 2], []])
  })

  test('or onto black, where that is asked for', async () => {
    const path = await save(
      await raw(Uint8Array.of(255, 0, 0, 51, 9, 9, 9, 0), 2, 1, 4)
        .png()
        .toBuffer(),
    )
    const { image, notes } = await readImage(path, { background: 'black' })
    expectPixels(pixels(image, 0), [-0.6, -1, -1])
    expectPixels(pixels(image, 1), [-1, -1, -1])
    expect(notes).toEqual(['Laid its transparent parts on black.'])
  })

  test('or is kept, hidden colours and all, and written again', async () => {
    const bytes = Uint8Array.of(255, 7, 0, 51, 9, 8, 7, 0, 1, 2, 3, 255)
    const file = await raw(bytes, 3, 1, 4).png().toBuffer()
    const { image, notes } = await decodeImage(file, 'a.png', { background: 'kept' })
    expect(image.shape).toEqual([4, 1, 3])
    expect(notes).toEqual(['Its transparency is kept; the model sees it on white.'])
    const again = await sharp(await encodePng(image))
      .raw()
      .toBuffer()
    expect([...again]).toEqual([...bytes])
    const opaque = await raw(Uint8Array.of(1, 2, 3), 1, 1, 3)
      .png()
      .toBuffer()
    expect((await decodeImage(opaque, 'b.png', { background: 'kept' })).image.shape).toEqual([3, 1, 1])
  })

  test('16 bits keep their precision, transparent and grey too', async () => {
    const deep = raw(Uint16Array.of(1, 30001, 65535), 1, 1, 3)
      .toColourspace('rgb16')
      .png()
      .toBuffer()
    const { image, notes, bits } = await read(deep)
    expect(bits).toBe(16)
    expectPixels(
      pixels(image),
      [1, 30001, 65535].map((value) => (2 * value) / 65535 - 1),
    )
    expect(notes).toEqual(['Read with the precision of 16 bits a channel.'])
    const transparent = raw(Uint16Array.of(13107, 0, 65535, 13107), 1, 1, 4)
      .toColourspace('rgb16')
      .png()
      .toBuffer()
    expectPixels(pixels((await read(transparent)).image), [0.8 - 0.2 * 0.6, 0.6, 1])
    const grey = raw(Uint16Array.of(12345), 1, 1, 1).toColourspace('grey16').png().toBuffer()
    expectPixels(
      pixels((await read(grey)).image),
      [0, 0, 0].map(() => (2 * 12345) / 65535 - 1),
    )
  })

  test('grey has three equal channels', async () => {
    const { image, notes } = await read(raw(Uint8Array.of(7), 1, 1, 1).toColourspace('b-w').png().toBuffer())
    expectPixels(pixels(image), [7, 7, 7].map(pixelOf))
    expect(notes).toEqual(['Grey: the three channels are equal.'])
  })

  test('CMYK is converted', async () => {
    const red = raw(
      Uint8Array.from({ length: 16 * 16 * 3 }, (_, i) => [200, 50, 50][i % 3]!),
      16,
      16,
      3,
    )
    const { image, notes } = await read(red.toColourspace('cmyk').jpeg().toBuffer(), 'jpg')
    const [r, g, b] = pixels(image) as [number, number, number]
    expect(r).toBeGreaterThan(0.4)
    expect(Math.max(g, b)).toBeLessThan(-0.4)
    expect(notes).toContain('Converted from CMYK to sRGB.')
  })

  test.each([8, 16])('a profile of %i-bit pictures is converted to sRGB', async (bits) => {
    const p3 = [100, 150, 200]
    const stored = bits === 8 ? Uint8Array.from(p3) : Uint16Array.from(p3, (value) => value * 257)
    const plain = await raw(stored, 1, 1, 3)
      .toColourspace(bits === 8 ? 'srgb' : 'rgb16')
      .png()
      .toBuffer()
    const { image, notes } = await read(Promise.resolve(withProfile(plain, await profileP3())))
    expectPixels(pixels(image), srgbOfP3(p3), bits === 8 ? colourSteps : deepStep)
    expect(notes).toContain('Converted from its colour profile to sRGB.')
  })

  test('the EXIF orientation is applied', async () => {
    const sideways = raw(Uint8Array.of(255, 0, 0, 0, 0, 255), 2, 1, 3)
      .withMetadata({ orientation: 6 })
      .png()
      .toBuffer()
    const { image, notes } = await read(sideways)
    expect(image).toEqual(tensor([3, 2, 1], [1, -1, -1, -1, -1, 1]))
    expect(notes).toEqual(['Turned upright as its EXIF orientation 6 says.'])
    expect(await measureBytes(await sideways, 'a.png')).toEqual({ height: 2, width: 1, turned: true })
  })

  test('of an animation the first frame is read', async () => {
    const frames = raw(Uint8Array.of(0, 0, 0, 255, 255, 255), 1, 2, 3)
    const animation = await sharp(await frames.raw().toBuffer(), {
      raw: { width: 1, height: 2, channels: 3, pageHeight: 1 },
    })
      .gif({ loop: 0 })
      .toBuffer()
    const { image, notes } = await readImage(await save(animation, 'gif'))
    expect(image).toEqual(tensor([3, 1, 1], [-1, -1, -1]))
    expect(notes).toContain('Read the first of 2 frames or pages.')
  })
})

describe('hostile and broken files', () => {
  const refused = async (path: string, message: RegExp) => {
    const error = await readImage(path).catch((reason) => reason)
    expect(error).toMatchObject({ code: 'bad-image', message: expect.stringMatching(message) })
    expect(error.message).toContain(path.split('/').at(-1))
    expect(error.message).not.toContain('\n')
  }

  test('offers the nearest picture of the folder for a name that is not there', async () => {
    const near = await mkdtemp(join(folder, 'near-'))
    for (const name of ['ball.png', 'photo.jpg', 'bal.txt']) await writeFile(join(near, name), '')
    for (const path of ['bal.png', 'ball.jpg'].map((name) => join(near, name))) {
      const told = { message: expect.stringContaining(`Did you mean \`${join(near, 'ball.png')}\`?`) }
      await expect(readImage(path)).rejects.toMatchObject(told)
      await expect(measureImage(path)).rejects.toMatchObject(told)
    }
    await refused(join(near, 'window.png'), /Check the path/)
    await refused(join(near, 'none', 'ball.png'), /Check the path/)
  })

  test('what is not a picture file', async () => {
    await refused(join(folder, 'none.png'), /no such file/)
    await refused(folder, /got a folder/)
    await refused('/dev/zero', /got a pipe or a device/)
    await refused(await save(''), /got an empty file/)
    await refused(await save('hello, I am text'), /text that starts with "hello, I am text"/)
    await refused(await save('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>'), /got an SVG drawing/)
    await refused(await save(Uint8Array.of(0, 1, 2, 3)), /got bytes of another kind/)
    await refused(await save(Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)), /does not decode/)
  })

  test.each(['png', 'jpeg', 'webp', 'gif', 'tiff', 'avif'] as const)('a %s that is cut short', async (format) => {
    const whole = await noise().toFormat(format).toBuffer()
    for (const part of [0.3, 0.6, 0.95]) {
      await refused(await save(whole.subarray(0, Math.floor(whole.length * part)), format), /does not decode/)
    }
  })

  test('a PNG whose data is damaged', async () => {
    const bytes = Buffer.from(await noise().png().toBuffer())
    bytes.fill(0, 1000, 1064)
    await refused(await save(bytes), /does not decode/)
  })

  test('pixel bombs are refused from their header', async () => {
    const bomb = Buffer.concat([
      pngStart(16000, 16000),
      chunk('IDAT', deflateSync(new Uint8Array(1000))),
      chunk('IEND'),
    ])
    const start = performance.now()
    await refused(
      await save(bomb),
      /at most 67108864 pixels for .*, got 16000×16000 = 256000000\. Make the picture smaller/,
    )
    // Decoding 256 megapixels takes seconds and a gigabyte.
    expect(performance.now() - start).toBeLessThan(500)
    await expect(readImage(await save(await noise().png().toBuffer()), { maximumPixels: 64 * 64 - 1 })).rejects.toThrow(
      /at most 4095/,
    )
  })

  test('a file too large for any picture is not read', async () => {
    const path = await save('x')
    await truncate(path, 2 ** 34)
    await refused(path, /at most \d+ bytes/)
  })
})

describe('writing', () => {
  const image = tensor([3, 2, 2], [-1, -0.5, 0, 0.5, 1, 2, -2, 0.1, 0.2, 0.3, 0.4, 0.7])

  test('what is written to PNG and WebP is the picture rounded to 8 bits', async () => {
    for (const ending of ['png', 'webp', 'PNG']) {
      const path = join(folder, `written.${ending}`)
      await writeImage(path, image)
      expect((await readImage(path)).image).toEqual(round8(image))
    }
  })

  test('equal pictures are equal bytes', async () => {
    expect(await encodePng(image)).toEqual(await encodePng(quantize(image)))
  })

  test('JPEG is near, grey has one channel', async () => {
    const path = join(folder, 'written.jpg')
    await writeImage(path, tensor([1, 8, 8], new Array(64).fill(0.25)))
    expect((await sharp(await readFile(path)).metadata()).channels).toBe(1)
    expectPixels(pixels((await readImage(path)).image), [0.25, 0.25, 0.25], colourSteps)
  })

  test('what is not a picture is refused', async () => {
    await expect(writeImage('out.bmp', image)).rejects.toMatchObject({
      code: 'bad-option',
      message: expect.stringMatching(/got \.bmp/),
    })
    await expect(writeImage('out', image)).rejects.toThrow(/got no ending/)
    expect(() => quantize(tensor([2, 1, 1], [0, 0]))).toThrow(expect.objectContaining({ code: 'bad-shape' }))
    expect(() => quantize(tensor([3, 1, 1], [0, Number.NaN, 0]))).toThrow(
      expect.objectContaining({ code: 'not-finite' }),
    )
  })

  test('a failure leaves no file', async () => {
    await expect(writeImage(join(folder, 'none', 'out.png'), image)).rejects.toMatchObject({ code: 'unavailable' })
    expect((await readdir(folder)).filter((name) => name.endsWith('.part'))).toEqual([])
  })
})

function chunk(type: string, data: Uint8Array = new Uint8Array(0)): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const bytes = Buffer.alloc(body.length + 8)
  bytes.writeUInt32BE(data.length)
  body.copy(bytes, 4)
  bytes.writeUInt32BE(crc32(body), body.length + 4)
  return bytes
}

/** A PNG's signature and header: 8-bit RGB. */
function pngStart(width: number, height: number): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 2, 0, 0, 0], 8)
  return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), chunk('IHDR', header)])
}

/** SMPTE EG 432-1 and IEC 61966-2-1: the same transfer curve, other primaries; the matrix is of linear light. */
function srgbOfP3(bytes: readonly number[]): number[] {
  const [r, g, b] = bytes
    .map((byte) => byte / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
  const linear = [
    1.22494 * r! - 0.22494 * g!,
    -0.04206 * r! + 1.04206 * g!,
    -0.01964 * r! - 0.07864 * g! + 1.09827 * b!,
  ]
  return linear.map((v) => 2 * (v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055) - 1)
}

/** The profile alone, without the pixels that sharp converts along with it. */
async function profileP3(): Promise<Uint8Array> {
  const { icc } = await sharp(await noise().withIccProfile('p3').png().toBuffer()).metadata()
  return icc!
}

/** The same PNG, its numbers unchanged, said to be in another colour space. */
function withProfile(png: Buffer, profile: Uint8Array): Uint8Array {
  const headerEnd = 33
  const data = Buffer.concat([Buffer.from('p3\0\0', 'latin1'), deflateSync(profile)])
  return Buffer.concat([png.subarray(0, headerEnd), chunk('iCCP', data), png.subarray(headerEnd)])
}

describe('colours that are stated otherwise', () => {
  const grey = (value: number) =>
    sharp({ create: { width: 8, height: 8, channels: 3, background: `rgb(${Array(3).fill(value)})` } })
  const picture = () => grey(128).png().toBuffer()
  const put = (png: Buffer, type: string, body: Buffer) =>
    Buffer.concat([png.subarray(0, 33), chunk(type, body), png.subarray(33)])
  const profile = (bytes: Buffer) => Buffer.concat([Buffer.from('p\0\0', 'latin1'), deflateSync(bytes)])
  const first = (image: Tensor) => Math.round(((image.data[0]! + 1) / 2) * 255)
  const gamma = (value: number) => {
    const body = Buffer.alloc(4)
    body.writeUInt32BE(value)
    return body
  }

  test.each([
    ['a damaged profile', 'iCCP', profile(Buffer.from('no profile'.repeat(20))), /profile is damaged/],
    ['the curve of light', 'gAMA', gamma(100_000), /other than sRGB \(gAMA\)/],
    ['BT.2020 with PQ', 'cICP', Buffer.from([9, 16, 0, 1]), /other than sRGB \(cICP\)/],
    ['two frames', 'acTL', Buffer.from([0, 0, 0, 2, 0, 0, 0, 0]), /first of 2 frames/],
  ])('are told: %s', async (_, type, body, message) => {
    const { image, notes } = await decodeImage(put(await picture(), type, body), 'a.png')
    expect(first(image)).toBe(128)
    expect(notes).toContainEqual(expect.stringMatching(message))
  })

  test.each([
    ['the usual gamma', 'gAMA', gamma(45_455)],
    ['sRGB', 'cICP', Buffer.from([1, 13, 0, 1])],
    ['sRGB by its chunk', 'sRGB', Buffer.from([0])],
  ])('are not told where they are the same: %s', async (_, type, body) => {
    expect((await decodeImage(put(await picture(), type, body), 'a.png')).notes).toEqual([])
  })

  test('a profile that is damaged or of other channels is not said to convert', async () => {
    const read = async (icc: Buffer) => {
      const file = join(folder, 'profile.icc')
      await writeFile(file, icc)
      const tiff = await grey(128).tiff().toBuffer()
      // sharp embeds no damaged profile: its tag is put in by hand, as the last of the directory.
      return await decodeImage(withTiffProfile(tiff, icc), 'a.tif')
    }
    const p3 = Buffer.from(await profileP3())
    expect((await read(p3)).notes).toContainEqual(expect.stringMatching(/^Converted from its colour profile/))
    for (const wrong of [
      p3.subarray(0, 200),
      Buffer.from('no profile'.repeat(20)),
      ofSpace(p3, 'Lab '),
      ofSpace(p3, 'GRAY'),
    ]) {
      const { image, notes } = await read(wrong)
      expect(first(image)).toBe(128)
      expect(notes).toEqual(['Its colour profile is damaged, or of other channels: it was passed over.'])
    }
  })

  test('grey of 16 bits is converted by the curve of its profile', async () => {
    const linear = greyProfile()
    const header = Buffer.alloc(13)
    header.writeUInt32BE(1, 0)
    header.writeUInt32BE(1, 4)
    header.set([16, 0, 0, 0, 0], 8)
    const signature = Buffer.from('89504e470d0a1a0a', 'hex')
    // 0x8080 of 0xffff: half of the light, and 187.8 of 255 in sRGB.
    const pixels = deflateSync(Buffer.from([0, 0x80, 0x80]))
    const parts = [
      chunk('IHDR', header),
      chunk('iCCP', profile(linear)),
      chunk('IDAT', pixels),
      chunk('IEND', Buffer.alloc(0)),
    ]
    const { image, notes } = await decodeImage(Buffer.concat([signature, ...parts]), 'a.png')
    expect(((image.data[0]! + 1) / 2) * 255).toBeCloseTo(187.8, 1)
    expect(notes).toContainEqual(expect.stringMatching(/^Converted from its colour profile/))
  })
})

/** A profile said to be of other colours. */
function ofSpace(icc: Buffer, space: string): Buffer {
  const changed = Buffer.from(icc)
  changed.write(space, 16, 'latin1')
  return changed
}

/** The least grey profile that is read: a white point, and a curve of no entries, which is a straight line. */
function greyProfile(): Buffer {
  const tags: readonly (readonly [string, Buffer])[] = [
    ['wtpt', Buffer.concat([Buffer.from('XYZ \0\0\0\0', 'latin1'), words(0xf6d6, 0x10000, 0xd32d)])],
    ['kTRC', Buffer.concat([Buffer.from('curv\0\0\0\0', 'latin1'), words(0)])],
  ]
  const start = 132 + 12 * tags.length
  const bodies = Buffer.concat(tags.map(([, body]) => body))
  const header = Buffer.alloc(128)
  header.writeUInt32BE(start + bodies.length, 0)
  header.writeUInt32BE(0x02100000, 8)
  header.write('mntrGRAYXYZ ', 12, 'latin1')
  header.write('acsp', 36, 'latin1')
  words(0xf6d6, 0x10000, 0xd32d).copy(header, 68)
  let at = start
  const table = tags.map(([name, body]) => {
    const entry = Buffer.concat([Buffer.from(name, 'latin1'), words(at, body.length)])
    at += body.length
    return entry
  })
  return Buffer.concat([header, words(tags.length), ...table, bodies])
}

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length)
  values.forEach((value, i) => {
    bytes.writeUInt32BE(value, 4 * i)
  })
  return bytes
}

/** A little-endian TIFF with a profile: the directory is written again at the end, with one more entry. */
function withTiffProfile(tiff: Buffer, icc: Buffer): Buffer {
  const at = tiff.readUInt32LE(4)
  const count = tiff.readUInt16LE(at)
  const entry = Buffer.alloc(12)
  entry.writeUInt16LE(34_675, 0)
  entry.writeUInt16LE(7, 2)
  entry.writeUInt32LE(icc.length, 4)
  entry.writeUInt32LE(tiff.length, 8)
  const padded = Buffer.concat([icc, Buffer.alloc(icc.length % 2)])
  const number = Buffer.alloc(2)
  number.writeUInt16LE(count + 1)
  const directory = [number, tiff.subarray(at + 2, at + 2 + 12 * count), entry, Buffer.alloc(4)]
  const head = Buffer.from(tiff)
  head.writeUInt32LE(tiff.length + padded.length, 4)
  return Buffer.concat([head, padded, ...directory])
}
