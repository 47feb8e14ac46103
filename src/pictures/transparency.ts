/** Pictures with a fourth channel of opacity: laid on a colour for who takes three, and what shows through taken off again. */
import { type Tensor, zeros } from '../math/tensor.js'

export type Background = 'white' | 'black'

const colours = 3

/** Of a place: 0 transparent, 1 opaque. */
const opacityAt = ({ data }: Tensor, area: number, place: number): number => (data[colours * area + place]! + 1) / 2

const hasOpacity = ({ shape }: Tensor): boolean => shape[0] === colours + 1

/** Whether anything shows through: a channel of opacity alone says nothing. */
export function isTransparent(picture: Tensor): boolean {
  const [, height, width] = picture.shape as [number, number, number]
  return hasOpacity(picture) && picture.data.subarray(colours * height * width).some((value) => value < 1)
}

function colouring(picture: Tensor, colour: (opacity: number, i: number) => number): Tensor {
  const [, height, width] = picture.shape as [number, number, number]
  const area = height * width
  const image = zeros([colours, height, width])
  for (let place = 0; place < area; place++) {
    const opacity = opacityAt(picture, area, place)
    for (let i = place; i < colours * area; i += area) image.data[i] = colour(opacity, i)
  }
  return image
}

/**
 * What is seen of a picture on a background: α·x + (1 − α)·b, b = 1 of white and −1 of black. A picture of 4 × H × W in
 * [−1, 1], whose last channel is 2·α − 1, becomes 3 × H × W; any other comes back as it is.
 */
export function laidOn(picture: Tensor, background: Background): Tensor {
  if (!hasOpacity(picture)) return picture
  const behind = background === 'white' ? 1 : -1
  return colouring(picture, (opacity, i) => opacity * picture.data[i]! + (1 - opacity) * behind)
}

/**
 * The picture that is seen as `seen` on white and has the opacity of `like`: (x − 1)/α + 1, clamped to [−1, 1], and the
 * colours of `like` where nothing is seen of them. `seen` itself, where `like` has no opacity. 3 × H × W → as `like`.
 */
export function lifted(seen: Tensor, like: Tensor): Tensor {
  if (!hasOpacity(like)) return seen
  const { data } = colouring(like, (opacity, i) =>
    opacity === 0 ? like.data[i]! : Math.min(1, Math.max(-1, (seen.data[i]! - 1) / opacity + 1)),
  )
  const whole = Float64Array.from(like.data)
  whole.set(data)
  return { shape: like.shape, data: whole }
}
