/** Writing tensors as picture files on Node, by sharp: 8 bits a channel, rounded as src/pictures/pixels.ts says. */
import { basename, extname } from 'node:path'
import sharp, { type Sharp } from 'sharp'
import { expected, gotText } from '../core/errors.js'
import { formatShape, isFinite as isFiniteTensor, type Tensor } from '../math/tensor.js'
import { byteOf } from '../pictures/pixels.js'
import { checkPicturePath } from './picture-path.js'
import { withText } from './png-text.js'
import { writeFileAtomically } from './write.js'

/** Bytes row by row, channels interleaved, as codecs want them. */
export interface Picture {
  readonly width: number
  readonly height: number
  readonly channels: 1 | 3 | 4
  readonly data: Uint8Array
}

/**
 * The bytes of a picture of 1, 3 or 4 × height × width: clamp((x + 1)/2)·255, halves to even (as round8 in src/math). The
 * fourth channel is opacity.
 *
 * Throws `bad-shape` for another shape, `not-finite` when a pixel is NaN or infinite.
 */
export function quantize(image: Tensor): Picture {
  const [channels, height, width] = image.shape
  if (image.shape.length !== 3 || (channels !== 1 && channels !== 3 && channels !== 4) || height! * width! === 0) {
    throw expected(
      'bad-shape',
      'a picture of shape 3×height×width, or of 1 or 4 channels',
      'writing',
      formatShape(image.shape),
      'Pass one decoded picture.',
    )
  }
  if (!isFiniteTensor(image)) {
    throw expected(
      'not-finite',
      'finite pixels',
      'writing a picture',
      'NaN or infinity',
      'The computation that made it went wrong; use float32.',
    )
  }
  const area = height! * width!
  const data = new Uint8Array(area * channels)
  for (let channel = 0; channel < channels; channel++) {
    for (let pixel = 0; pixel < area; pixel++)
      data[pixel * channels + channel] = byteOf(image.data[channel * area + pixel]!)
  }
  return { width: width!, height: height!, channels, data }
}

const toSharp = (image: Tensor | Picture): Sharp => {
  // A program without types may pass anything.
  const isPicture = typeof image === 'object' && image !== null && 'data' in image
  if (!isPicture) {
    const remedy = 'Pass what `generate` or `readImage` returns.'
    throw expected('bad-option', 'a picture as a tensor', '`image`', gotText(image), remedy)
  }
  const { data, width, height, channels } = 'shape' in image ? quantize(image) : image
  return sharp(data, { raw: { width, height, channels } }).toColourspace(channels === 1 ? 'b-w' : 'srgb')
}

/** An 8-bit PNG of a picture, with texts by their keywords; equal pictures give equal bytes. Throws as `quantize` does. */
export const encodePng = async (
  image: Tensor | Picture,
  texts: Readonly<Record<string, string>> = {},
): Promise<Uint8Array> => withText(await toSharp(image).png({ compressionLevel: 9 }).toBuffer(), texts)

const encoders: Readonly<Record<string, (picture: Sharp) => Sharp>> = {
  '.png': (picture) => picture.png({ compressionLevel: 9 }),
  '.webp': (picture) => picture.webp({ lossless: true }),
  '.jpg': (picture) => picture.jpeg({ quality: 95, chromaSubsampling: '4:4:4' }),
}

/** An animation of frames of one size, each for so many milliseconds: .webp (lossless) or .gif. */
export async function animation(frames: readonly Picture[], ending: string, delay: number): Promise<Uint8Array> {
  const [{ width, height, channels }] = frames as readonly [Picture]
  const raw = { width, height: height * frames.length, channels, pageHeight: height }
  const all = sharp(Buffer.concat(frames.map(({ data }) => data)), { raw }).toColourspace('srgb')
  const each = { loop: 0, delay: frames.map(() => Math.round(delay)) }
  return await (ending === '.gif' ? all.gif({ ...each, effort: 7 }) : all.webp({ ...each, lossless: true })).toBuffer()
}

/**
 * Writes a picture, whole or not at all; the name's ending chooses the format: .png and .webp (lossless), .jpg (quality
 * 95). Throws `bad-option` for another ending, as `quantize` does, and as `writeFileAtomically` does.
 *
 * @example await writeImage('reconstruction.png', await autoencoder.decode(latent))
 */
export async function writeImage(path: string, image: Tensor | Picture): Promise<void> {
  checkPicturePath(path)
  const ending = extname(path).toLowerCase()
  const encode = encoders[ending === '.jpeg' ? '.jpg' : ending]
  if (!encode) {
    throw expected(
      'bad-option',
      'a name that ends in .png, .webp or .jpg',
      `\`${basename(path)}\``,
      ending || 'no ending',
      'Change the name of the output.',
    )
  }
  await writeFileAtomically(path, await encode(toSharp(image)).toBuffer())
}
