/**
 * Reading picture files on Node, by sharp. Pictures are untrusted: what cannot be decoded whole is an error, never half
 * a picture. Whether a size suits a model is decided elsewhere (src/pictures/fit.ts).
 */

import { readdir, readFile, stat } from 'node:fs/promises'
import { join, parse } from 'node:path'
import sharp, { type Metadata } from 'sharp'
import { expected, gotText, UndiffuseError } from '../core/errors.js'
import { fileNature, isReadPicture } from '../core/file-nature.js'
import { nearest } from '../core/nearest.js'
import { checkOptionNames, type OptionNames } from '../core/option-names.js'
import { plural } from '../core/plural.js'
import { type Tensor, zeros } from '../math/tensor.js'
import { isPictureFile } from '../operations/files/paths.js'
import type { ClipSize, MeasuredSize, ReadPicture, ReadPictureOptions } from '../operations/host.js'
import { isTransparent, laidOn } from '../pictures/transparency.js'
import { creditsIn } from './exif-credits.js'
import { codeOf, reasonOf } from './failures.js'
import { greyCurve, isProfileOf, isSrgbProfile, srgbOfLight } from './icc-profile.js'
import { checkPicturePath } from './picture-path.js'
import { chunkOf, hasChunk } from './png-text.js'

type Background = NonNullable<ReadPictureOptions['background']>

export interface ReadOptions extends ReadPictureOptions {
  readonly maximumPixels?: number
}

export const defaultMaximumPixels = 64 * 2 ** 20
const names: OptionNames<ReadOptions> = { maximumPixels: true, background: true }

/** Throws `bad-option`: a limit that is not a number would be none. */
function checkMaximum(maximumPixels: unknown): void {
  if (typeof maximumPixels === 'number' && maximumPixels > 0) return
  const remedy = 'Leave it out for the default, 64 times 2^20 pixels.'
  throw expected('bad-option', 'a number above 0', '`maximumPixels`', gotText(maximumPixels), remedy)
}

function checkBytes(file: unknown): void {
  if (ArrayBuffer.isView(file)) return
  const [got, remedy] =
    typeof file === 'string'
      ? ['text', '`readImage` takes the path of a file.']
      : [gotText(file), 'Pass what `readFile` or a request gives.']
  throw expected('bad-option', 'the bytes of a picture file', '`file`', got, remedy)
}

/** The formats that are read, for people. */
const readFormats = 'a PNG, JPEG, WebP, GIF, TIFF or AVIF picture'

const saveOtherwise = 'Save it as PNG or JPEG.'

/** Throws `bad-image` for what is not read, named as what it is. */
function checkNature(bytes: Buffer, path: string): void {
  if (isReadPicture(bytes)) return
  const found = fileNature(bytes)
  throw badImage(readFormats, path, found?.name ?? otherNature(bytes), found?.isPicture ? saveOtherwise : undefined)
}

/** What a file of no known format seems to be. */
function otherNature(bytes: Buffer): string {
  if (bytes.length === 0) return 'an empty file'
  const start = bytes.subarray(0, 200).toString('utf8')
  const isText = /^[\t\n\r\x20-\x7e\u00a0-\ufffc]*$/.test(start.slice(0, -1))
  return isText ? `text that starts with ${JSON.stringify(start.slice(0, 24))}` : 'bytes of another kind'
}

/**
 * Reads a picture file as a tensor of 3 × height × width, sRGB in [−1, 1]: 2·value/255 − 1, or 2·value/65535 − 1.
 *
 * The EXIF orientation is applied; an embedded profile, CMYK and grey are converted to sRGB; transparency is composited
 * onto white, α·x + (1 − α), or black, α·x − (1 − α), or `kept` as a fourth channel, 2·α − 1 (`background`); 16-bit pictures keep their precision; of
 * several frames or pages the first is read. `notes` says which of these happened. Above `maximumPixels` (default 64·2²⁰) a picture is refused from its header.
 *
 * Throws `bad-image` when the file is missing, empty, damaged, truncated, too large or not a picture.
 *
 * @example const { image, notes } = await readImage('photo.jpg')
 */
export async function readImage(path: string, options: ReadOptions = {}): Promise<ReadPicture> {
  checkOptionNames(options, names, 'readImage')
  return await decodeImage(await readPictureFile(path, options.maximumPixels ?? defaultMaximumPixels), path, options)
}

/**
 * The picture in the bytes of a file, called `path` in messages. As `readImage`.
 *
 * @example const { image } = await decodeImage(await encodePng(picture), 'picture.png')
 */
export async function decodeImage(file: Uint8Array, path: string, options: ReadOptions = {}): Promise<ReadPicture> {
  checkOptionNames(options, names, 'decodeImage')
  const { maximumPixels = defaultMaximumPixels, background = 'white' } = options
  checkMaximum(maximumPixels)
  checkBytes(file)
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength)
  checkNature(bytes, path)
  return await named(path, async () => {
    const header = await headerOf(bytes, path, maximumPixels)
    const texts = Object.fromEntries((header.comments ?? []).map(({ keyword, text }) => [keyword, text]))
    const metadata = metadataIn(header)
    const { Author, Copyright } = texts
    const own = { ...(Author !== undefined && { Author }), ...(Copyright !== undefined && { Copyright }) }
    const credits = { ...own, ...(header.exif && creditsIn(header.exif)) }
    const read = await decode(bytes, header)
    return {
      image: background === 'kept' ? read : laidOn(read, background),
      notes: notesOn(header, bytes, background, isTransparent(read)),
      texts,
      ...(isDeep(header) && { bits: 16 as const }),
      ...(metadata.length > 0 && { metadata }),
      ...(Object.keys(credits).length > 0 && { credits }),
    }
  })
}

/**
 * Height and width that `readImage` would give, from the file's header: no pixel is decoded. Throws `bad-image` as
 * `readImage` does, but for pixels that do not decode.
 *
 * @example const { height, width } = await measureImage('photo.jpg')
 */
export async function measureImage(
  path: string,
  { maximumPixels = defaultMaximumPixels }: Pick<ReadOptions, 'maximumPixels'> = {},
): Promise<MeasuredSize> {
  // By its path, sharp would answer from its cache for a file that was replaced.
  return await measureBytes(await readPictureFile(path, maximumPixels), path, { maximumPixels })
}

/** The same for the bytes of a file, called `path` in messages. */
export async function measureBytes(
  file: Uint8Array,
  path: string,
  { maximumPixels = defaultMaximumPixels }: Pick<ReadOptions, 'maximumPixels'> = {},
): Promise<MeasuredSize> {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength)
  checkNature(bytes, path)
  const { autoOrient, orientation = 1 } = await named(path, () => headerOf(bytes, path, maximumPixels))
  return { height: autoOrient.height, width: autoOrient.width, ...(orientation > 1 && { turned: true as const }) }
}

/** The size and the number of frames that `decodeFrames` would give, from the file's header. */
export async function measureFrames(path: string): Promise<ClipSize> {
  const bytes = await readPictureFile(path, defaultMaximumPixels)
  checkNature(bytes, path)
  const { pages = 1, autoOrient } = await named(path, () => headerOf(bytes, path, defaultMaximumPixels))
  return { frames: pages, height: autoOrient.height, width: autoOrient.width }
}

/** All frames of a file as 3 × frames × height × width; otherwise as `readImage`. */
export async function decodeFrames(path: string): Promise<ReadPicture> {
  const bytes = await readPictureFile(path, defaultMaximumPixels)
  checkNature(bytes, path)
  return await named(path, async () => {
    const { pages, ...header } = await headerOf(bytes, path, defaultMaximumPixels)
    const { height, width } = header.autoOrient
    checkPixels(width, height * (pages ?? 1), path, defaultMaximumPixels)
    const read = await decode(bytes, header, pages)
    const tall = laidOn(read, 'white')
    // The frames lie one above the other.
    const image = { shape: [3, pages ?? 1, height, width], data: tall.data }
    return { image, notes: notesOn(header, bytes, 'white', isTransparent(read)) }
  })
}

/** What sharp says of a header. Throws `bad-image` for what is not decoded here. */
async function headerOf(bytes: Buffer, path: string, maximumPixels: number): Promise<Metadata> {
  const header = await sharp(bytes, { limitInputPixels: false }).metadata()
  const { width, height, depth } = header
  checkPixels(width, height, path, maximumPixels)
  if (header.space === 'lab' || header.space === 'labs' || header.space === 'labq') throw inLab(path)
  if (depth !== 'uchar' && depth !== 'ushort') {
    throw badImage('8 or 16 bits a channel', path, `${depth} numbers`, 'Save the picture as an 8-bit or 16-bit PNG.')
  }
  return header
}

function checkPixels(width: number, height: number, path: string, most: number): void {
  if (width * height <= most) return
  const got = `${width}×${height} = ${width * height}`
  throw badImage(`at most ${most} pixels`, path, got, 'Make the picture smaller.')
}

const inLab = (path: string): UndiffuseError =>
  badImage('a picture in RGB, CMYK or grey', path, 'one in CIELab', saveOtherwise)

/** Does something with a picture by sharp, whose errors become ours. */
async function named<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof UndiffuseError) throw error
    const reason = String(error instanceof Error ? error.message : error)
      .split('\n')
      .at(-1)!
      .trim()
    if (/\blabq?\b/i.test(reason)) throw inLab(path)
    throw badImage(
      'a complete picture',
      path,
      `one that does not decode (${reason})`,
      'The file is damaged or cut short; fetch it again.',
    )
  }
}

const badImage = (what: string, path: string, got: string, remedy = 'Pass a picture file.'): UndiffuseError =>
  expected('bad-image', what, `\`${path}\``, got, remedy)

async function readPictureFile(path: string, maximumPixels: number): Promise<Buffer> {
  checkPicturePath(path)
  // 16 bits of four channels without compression, and a megabyte of metadata.
  const limit = maximumPixels * 8 + 2 ** 20
  try {
    // Opening a pipe would wait for somebody who writes.
    const found = await stat(path)
    if (!found.isFile()) throw badImage('a picture file', path, found.isDirectory() ? 'a folder' : 'a pipe or a device')
    if (found.size > limit)
      throw badImage(`at most ${plural(limit, 'byte')}`, path, `${found.size}`, 'Make the picture smaller.')
    return await readFile(path)
  } catch (error) {
    if (error instanceof UndiffuseError) throw error
    const [got, remedy] = reasonOf(error)
    const near = codeOf(error) === 'ENOENT' ? await nearName(path) : undefined
    throw badImage('a picture file', path, got, near === undefined ? remedy : `Did you mean \`${near}\`?`)
  }
}

/** The path of the picture in the same folder whose name is nearest to one that is not there. */
async function nearName(path: string | URL): Promise<string | undefined> {
  if (typeof path !== 'string') return undefined
  const { dir, name, base } = parse(path)
  const pictures = (await readdir(dir || '.').catch(() => [])).filter(isPictureFile)
  // The same ending would make all names alike.
  const byStem = new Map(pictures.map((file) => [parse(file).name, file]))
  const near = byStem.get(name) ?? byStem.get(nearest(name, [...byStem.keys()]) ?? '')
  return near === undefined || near === base ? undefined : join(dir, near)
}

const isDeep = ({ space }: Metadata): boolean => space === 'rgb16' || space === 'grey16'

/** Channels of colour; sharp tells grey in 16 bits by a space of its own. */
const channelsOf = ({ space }: Metadata): 1 | 3 | 4 =>
  space === 'cmyk' ? 4 : space === 'b-w' || space === 'grey16' ? 1 : 3

/** Whether colours must be converted by a profile; most pictures state sRGB itself, whose numbers are kept as they are. */
const hasOtherProfile = (header: Metadata): boolean =>
  header.icc !== undefined && isProfileOf(header.icc, channelsOf(header)) && !isSrgbProfile(header.icc)

/** Whether there is a profile by which nothing can be converted: it is damaged, or for other channels. */
const hasUselessProfile = (header: Metadata, bytes: Buffer): boolean =>
  header.icc === undefined ? hasChunk(bytes, 'iCCP') : !isProfileOf(header.icc, channelsOf(header))

/** Colours that a PNG states without a profile, and that are not those of sRGB; the pixels are taken as sRGB all the same. */
function statedColours(bytes: Buffer): string | undefined {
  if (hasChunk(bytes, 'iCCP') || hasChunk(bytes, 'sRGB')) return undefined
  const cicp = chunkOf(bytes, 'cICP')
  // BT.709's primaries with the curve of sRGB.
  if (cicp && !(cicp[0] === 1 && cicp[1] === 13)) return 'cICP'
  const gamma = chunkOf(bytes, 'gAMA')
  return gamma && gamma.length === 4 && Math.abs(gamma.readUInt32BE(0) - usualGamma) > gammaTolerance
    ? 'gAMA'
    : undefined
}

/** 1/2.2 in hundred-thousandths, and how far programs write another for the same. */
const [usualGamma, gammaTolerance] = [45_455, 2_000]

/** All channels of a picture, opacity among them. */
async function decode(bytes: Buffer, header: Metadata, pages = 1): Promise<Tensor> {
  const deep = isDeep(header)
  const convert = hasOtherProfile(header)
  // sharp leaves grey of 16 bits as it is.
  const lightOf = convert && header.space === 'grey16' ? greyCurve(header.icc!) : undefined
  const reading = { failOn: 'error', limitInputPixels: false, ignoreIcc: !convert, sequentialRead: true } as const
  // A file of several frames has no orientation.
  const input = pages > 1 ? sharp(bytes, { ...reading, pages }) : sharp(bytes, reading).autoOrient()
  let pipeline = input.toColourspace(deep ? 'rgb16' : 'srgb')
  // sharp takes 16-bit pictures with a profile to Display P3 and leaves them there.
  if (deep && convert) pipeline = pipeline.withIccProfile('srgb')
  const { data, info } = await pipeline.raw({ depth: deep ? 'ushort' : 'uchar' }).toBuffer({ resolveWithObject: true })
  const values = deep ? new Uint16Array(data.buffer, data.byteOffset, data.length / 2) : data
  const highest = deep ? 65535 : 255
  const { width, height, channels } = info
  const image = zeros([channels, height, width])
  const area = width * height
  const shown = (share: number, channel: number) => (lightOf && channel < 3 ? srgbOfLight(lightOf(share)) : share)
  for (let pixel = 0; pixel < area; pixel++) {
    for (let channel = 0; channel < channels; channel++) {
      image.data[channel * area + pixel] = shown(values[pixel * channels + channel]! / highest, channel) * 2 - 1
    }
  }
  return image
}

const metadataIn = ({ exif, xmp, iptc }: Metadata): readonly string[] =>
  Object.entries({ EXIF: exif, XMP: xmp, IPTC: iptc }).flatMap(([kind, bytes]) => (bytes === undefined ? [] : [kind]))

function notesOn(header: Metadata, bytes: Buffer, background: Background, isSeenThrough: boolean): string[] {
  const { orientation = 1, pages = 1, space } = header
  const frames = pages > 1 ? pages : (chunkOf(bytes, 'acTL')?.readUInt32BE(0) ?? 1)
  const stated = statedColours(bytes)
  const notes: [applies: boolean, note: string][] = [
    [frames > 1, `Read the first of ${frames} frames or pages.`],
    [orientation > 1, `Turned upright as its EXIF orientation ${orientation} says.`],
    [hasOtherProfile(header), 'Converted from its colour profile to sRGB.'],
    [hasUselessProfile(header, bytes), 'Its colour profile is damaged, or of other channels: it was passed over.'],
    [stated !== undefined, `Its colours are other than sRGB (${stated}): its numbers are taken as sRGB.`],
    [space === 'cmyk', 'Converted from CMYK to sRGB.'],
    [space === 'b-w' || space === 'grey16', 'Grey: the three channels are equal.'],
    [
      isSeenThrough,
      background === 'kept'
        ? 'Its transparency is kept; the model sees it on white.'
        : `Laid its transparent parts on ${background}.`,
    ],
    [isDeep(header), 'Read with the precision of 16 bits a channel.'],
  ]
  return notes.flatMap(([applies, note]) => (applies ? [note] : []))
}
