/** Turned about the centre, on black: everything moves, the corners are lost. */
import { define } from '../../core/define.js'
import { map, type Tensor } from '../../math/tensor.js'
import { pixelAttack } from './attack.js'
import { filled, fillField } from './window.js'

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
    pixelAttack('rotation', (image) => rotated(image, degrees, filters[filter], filled(image, fill))),
})

/** The value of one channel at a place within the picture; pixel (0, 0) covers [0, 1) × [0, 1). */
type Filter = (channel: Float64Array, height: number, width: number, y: number, x: number) => number

const within = (position: number, size: number) => Math.min(Math.max(position, 0), size - 1)

const filters: Readonly<Record<'nearest' | 'linear', Filter>> = {
  nearest: (channel, height, width, y, x) =>
    channel[within(Math.floor(y), height) * width + within(Math.floor(x), width)]!,
  linear(channel, height, width, y, x) {
    const [top, left] = [Math.floor(y - 0.5), Math.floor(x - 0.5)]
    const [down, right] = [y - 0.5 - top, x - 0.5 - left]
    const at = (row: number, column: number) => channel[within(row, height) * width + within(column, width)]!
    const above = (1 - right) * at(top, left) + right * at(top, left + 1)
    const below = (1 - right) * at(top + 1, left) + right * at(top + 1, left + 1)
    return (1 - down) * above + down * below
  },
}

/** Sine and cosine, exact at quarter turns, so that those move pixels and blend none. */
function turn(degrees: number): { readonly sine: number; readonly cosine: number } {
  const rounded = (value: number) => Math.round(value * 1e15) / 1e15
  const angle = (degrees * Math.PI) / 180
  return { sine: rounded(Math.sin(angle)), cosine: rounded(Math.cos(angle)) }
}

function rotated(image: Tensor, degrees: number, filter: Filter, outside: Tensor): Tensor {
  const [, height, width] = image.shape as [number, number, number]
  const area = height * width
  const { sine, cosine } = turn(degrees)
  return map(outside, (fill, i) => {
    const channel = image.data.subarray(area * Math.floor(i / area), area * (Math.floor(i / area) + 1))
    const right = (i % width) + 0.5 - width / 2
    const down = (Math.floor(i / width) % height) + 0.5 - height / 2
    const x = cosine * right - sine * down + width / 2
    const y = sine * right + cosine * down + height / 2
    return x >= 0 && x < width && y >= 0 && y < height ? filter(channel, height, width, y, x) : fill
  })
}
