/** What attacks ask of a picture library, by sharp: codecs and blur. */
import sharp, { type Sharp } from 'sharp'
import type { PictureTools } from '../attacks/index.js'
import { type Tensor, zeros } from '../math/tensor.js'
import { pixelOf } from '../pictures/pixels.js'
import { quantize } from './write-image.js'

const opened = (image: Tensor): Sharp => {
  const { data, width, height, channels } = quantize(image)
  return sharp(data, { raw: { width, height, channels } })
}

/** The picture that comes out, as a tensor of its 8-bit values. */
async function result(picture: Sharp): Promise<Tensor> {
  const { data, info } = await picture.toColourspace('srgb').raw().toBuffer({ resolveWithObject: true })
  const { width, height, channels } = info
  const image = zeros([3, height, width])
  const area = width * height
  for (let i = 0; i < image.data.length; i++) {
    image.data[i] = pixelOf(data[(i % area) * channels + Math.floor(i / area)]!)
  }
  return image
}

/** Below this share of its peak the Gaussian is cut off; sharp's own default cuts at a fifth, which blurs visibly less. */
const minAmplitude = 0.001

/**
 * The picture tools of Node.
 *
 * @example const attacked = await attackPicture(image, jpegAttack({ quality: 25 }), { pictures: pictureTools })
 */
export const pictureTools: PictureTools = {
  jpeg: async (image, quality, chromaSubsampling) =>
    result(sharp(await opened(image).jpeg({ quality, chromaSubsampling }).toBuffer())),
  webp: async (image, quality) => result(sharp(await opened(image).webp({ quality }).toBuffer())),
  blur: (image, sigma) => result(opened(image).blur({ sigma, precision: 'float', minAmplitude })),
}
