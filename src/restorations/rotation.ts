/** A picture that was turned a little. */
import { define } from '../core/define.js'
import { rotated } from '../pictures/motions.js'
import { hasSize, type Restoration, sameSize } from './parts/restoration.js'

/**
 * Turns the picture back, by angles up to `range` on either side.
 *
 * x′(p) = x(c + R⁻¹(p − c)), c the centre of the frame, linear interpolation; what has left the frame is lost, and edge
 * pixels are repeated there. Cost: 2·⌊range/step⌋ candidates. Exact: no; an angle between two of them is up to half a step
 * wrong. Errors: none. Source: ours.
 *
 * @example const [detection] = await detectAll([{ image }], { model, keys: [{ key }], undo: [undoRotation({ range: 5 })] })
 */
export const undoRotation = define({
  id: 'rotation',
  title: 'Turned back',
  source: 'ours',
  also: {
    turn: 'rotation',
    turned: 'rotation',
    rotate: 'rotation',
    rotated: 'rotation',
    tilt: 'rotation',
    tilted: 'rotation',
    skew: 'rotation',
    straighten: 'rotation',
  },
  fields: {
    range: {
      type: 'number',
      exclusiveMinimum: 0,
      maximum: 180,
      default: 10,
      unit: 'degrees',
      description: 'The largest angle, on either side.',
    },
    step: { type: 'number', minimum: 0.1, default: 2, unit: 'degrees', description: 'Between angles.' },
  },
  make: ({ range, step }): Restoration => ({
    name: 'rotation',
    takes: sameSize,
    candidates: (image, size) =>
      hasSize(image, size)
        ? angles(range, step).map((degrees) => ({
            undone: `turned by ${degrees}°`,
            picture: () => rotated(image, degrees, 'linear'),
          }))
        : [],
  }),
})

/** step, −step, 2·step, −2·step, … up to the range. */
const angles = (range: number, step: number): number[] =>
  Array.from({ length: Math.floor(range / step + 1e-9) }, (_, i) => Number(((i + 1) * step).toPrecision(12))).flatMap(
    (angle) => [angle, -angle],
  )
