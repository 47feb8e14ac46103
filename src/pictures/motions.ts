/** Pictures that are moved as a whole: mirrored, turned. Tensors of channels × height × width, or clips. */
import { map, type Tensor, zeros } from '../math/tensor.js'
import { planesOf, withSides } from './planes.js'

export const directions = ['horizontal', 'vertical'] as const
export type Direction = (typeof directions)[number]

/** Left and right change places (`horizontal`: x(y, W − 1 − x)), or top and bottom (`vertical`: x(H − 1 − y, x)). */
export function mirrored(image: Tensor, direction: Direction): Tensor {
  const { height, width } = planesOf(image.shape)
  return map(image, (_, i) => {
    const x = i % width
    const y = Math.floor(i / width) % height
    return image.data[direction === 'horizontal' ? i + width - 1 - 2 * x : i + (height - 1 - 2 * y) * width]!
  })
}

/** Turned counterclockwise by so many right angles, without loss; an odd number exchanges height and width. */
export function quarterTurned(image: Tensor, quarters: 1 | 2 | 3): Tensor {
  if (quarters === 2) return mirrored(mirrored(image, 'horizontal'), 'vertical')
  const { count, height, width } = planesOf(image.shape)
  const turned = zeros(withSides(image.shape, width, height))
  let i = 0
  for (let plane = 0; plane < count; plane++) {
    for (let y = 0; y < width; y++) {
      for (let x = 0; x < height; x++) {
        const [row, column] = quarters === 1 ? [x, width - 1 - y] : [height - 1 - x, y]
        turned.data[i++] = image.data[(plane * height + row) * width + column]!
      }
    }
  }
  return turned
}

/** The value of one channel at a place; pixel (0, 0) covers [0, 1) × [0, 1), and edge pixels are repeated outwards. */
type Filter = (channel: Float64Array, height: number, width: number, y: number, x: number) => number

const within = (position: number, size: number) => Math.min(Math.max(position, 0), size - 1)

const filters = {
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
} as const satisfies Record<string, Filter>

export type RotationFilter = keyof typeof filters

/** Sine and cosine, exact at quarter turns, so that those move pixels and blend none. */
function turn(degrees: number): { readonly sine: number; readonly cosine: number } {
  const rounded = (value: number) => Math.round(value * 1e15) / 1e15
  const angle = (degrees * Math.PI) / 180
  return { sine: rounded(Math.sin(angle)), cosine: rounded(Math.cos(angle)) }
}

/**
 * Turned counterclockwise about its centre, in a frame of the same size: x′(p) = x(c + R⁻¹(p − c)). What comes from
 * outside the frame is taken from `outside`, a picture of the same shape; without one, edge pixels are repeated.
 */
export function rotated(image: Tensor, degrees: number, filter: RotationFilter, outside?: Tensor): Tensor {
  const { height, width } = planesOf(image.shape)
  const area = height * width
  const { sine, cosine } = turn(degrees)
  return map(outside ?? image, (fill, i) => {
    const channel = image.data.subarray(area * Math.floor(i / area), area * (Math.floor(i / area) + 1))
    const right = (i % width) + 0.5 - width / 2
    const down = (Math.floor(i / width) % height) + 0.5 - height / 2
    const x = cosine * right - sine * down + width / 2
    const y = sine * right + cosine * down + height / 2
    const isInside = x >= 0 && x < width && y >= 0 && y < height
    return isInside || !outside ? filters[filter](channel, height, width, y, x) : fill
  })
}
