/** Compression as JPEG: what happens to most pictures on their way. */
import { define } from '../core/define.js'
import { chromaSubsamplings, pixelAttack } from './parts/attack.js'

/**
 * Saves the picture as a JPEG file and reads it again.
 *
 * x′ = decode(encode(x; quality)): blocks of 8 × 8, their cosine coefficients rounded to multiples of a table that
 * `quality` scales, colour at half the resolution (4:2:0). Cost: no network evaluations. Exact: the same picture gives
 * the same bytes, for one version of the library. Errors: as `attackPicture`.
 * Source: ISO/IEC 10918-1; tables and scale of libjpeg. Tree-Ring uses quality 25, WAVES 90 to 10, both with 4:2:0, as
 * Pillow has it below quality 100.
 *
 * @example const attacked = await attackPicture(image, jpegAttack({ quality: 25 }), { pictures })
 */
export const jpegAttack = define({
  id: 'jpeg',
  title: 'JPEG compression',
  source: 'ISO/IEC 10918-1; Wen et al., NeurIPS 2023 (quality 25)',
  fields: {
    quality: { type: 'integer', minimum: 1, maximum: 100, default: 25, description: "libjpeg's: less is stronger." },
    subsampling: {
      type: 'choice',
      choices: chromaSubsamplings,
      default: '4:2:0',
      description: 'Colour at half the resolution in both directions, or at full resolution.',
    },
  },
  make: ({ quality, subsampling }) =>
    pixelAttack('jpeg', (image, { pictures }) => pictures.jpeg(image, quality, subsampling)),
})
