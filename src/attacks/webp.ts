/** Compression as WebP: what web services make of uploads. */
import { define } from '../core/define.js'
import { pixelAttack } from './parts/attack.js'

/**
 * Saves the picture as a lossy WebP file and reads it again.
 *
 * x′ = decode(encode(x; quality)): blocks predicted from their neighbours, the remainder's coefficients quantised, colour
 * at half the resolution, edges of blocks smoothed. Cost: no network evaluations. Exact: the same picture gives the same
 * bytes, for one version of the library. Errors: as `attackPicture`; those of the library above 16383 pixels a side.
 * Source: RFC 9649; libwebp's scale. The papers on watermarks do not use it; web services do.
 *
 * @example const attacked = await attackPicture(image, webpAttack({ quality: 25 }), { pictures })
 */
export const webpAttack = define({
  id: 'webp',
  title: 'WebP compression',
  source: 'RFC 9649',
  fields: {
    quality: { type: 'integer', minimum: 1, maximum: 100, default: 25, description: "libwebp's: less is stronger." },
  },
  make: ({ quality }) => pixelAttack('webp', (image, { pictures }) => pictures.webp(image, quality)),
})
