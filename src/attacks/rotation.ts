/** Turned about the centre, on black: everything moves, the corners are lost. */
import { define } from '../core/define.js'
import { rotated } from '../pictures/motions.js'
import { pixelAttack } from './parts/attack.js'
import { filled, fillField } from './parts/window.js'

/**
 * Turns the picture about its centre, counterclockwise, in a frame of the same size.
 *
 * x′(p) = x(c + R⁻¹(p − c)), c the centre of the frame; what comes from outside is the fill. Whole quarter turns of square
 * pictures move pixels without change. Cost: no network evaluations. Exact: the picture itself at 0°; otherwise corners
 * are lost. Errors: as `attackPicture`. Source: Pillow's Image.rotate with a fixed frame, both its filters (edge pixels are
 * repeated for half a pixel). Tree-Ring turns by 75° and WAVES by 0 to 45°, with torchvision, whose default is `nearest`.
 *
 * @example const attacked = await attackPicture(image, rotationAttack({ degrees: 30, filter: 'linear' }), { pictures })
 */
export const rotationAttack = define({
  id: 'rotation',
  title: 'Rotation',
  source: 'Pillow Image.rotate; Wen et al., NeurIPS 2023 (75°)',
  also: { rotate: 'rotation', rotated: 'rotation', turn: 'rotation', tilt: 'rotation' },
  fields: {
    degrees: {
      type: 'number',
      minimum: -360,
      maximum: 360,
      default: 75,
      unit: 'degrees',
      description: 'Counterclockwise; negative is clockwise.',
    },
    filter: {
      type: 'choice',
      choices: ['nearest', 'linear'],
      default: 'nearest',
      description: 'The pixel that is nearest, or a mean of the four around.',
    },
    fill: fillField,
  },
  make: ({ degrees, filter, fill }) =>
    pixelAttack('rotation', (image) => rotated(image, degrees, filter, filled(image, fill))),
})
