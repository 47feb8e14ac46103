/** The part of a picture that crops keep and erasing removes: how large, of which form, where. */
import type { TorchGenerator } from '../../math/noise.js'
import { map, type Shape, type Tensor } from '../../math/tensor.js'
import type { Window } from '../../pictures/pixels.js'
import { planesOf } from '../../pictures/planes.js'

export const windowFields = {
  share: { type: 'number', minimum: 0, maximum: 1, unit: 'of the area', description: 'How large the part is.' },
  ratio: {
    type: 'number',
    minimum: 0.1,
    maximum: 10,
    default: 1,
    description: "The part's width over its height, over the same of the picture.",
  },
  position: {
    type: 'choice',
    choices: ['random', 'centre'],
    default: 'random',
    description: 'Any place within the picture, all equally likely, or its middle.',
  },
} as const

export interface WindowOptions {
  readonly share: number
  readonly ratio: number
  readonly position: 'random' | 'centre'
}

/** height = H·√(share/ratio), width = W·√(share·ratio), rounded and at most H and W; at share 1 and ratio 1 all of it. */
export function windowOf(shape: Shape, { share, ratio, position }: WindowOptions, random: TorchGenerator): Window {
  const { height: fullHeight, width: fullWidth } = planesOf(shape)
  const height = Math.min(fullHeight, Math.round(fullHeight * Math.sqrt(share / ratio)))
  const width = Math.min(fullWidth, Math.round(fullWidth * Math.sqrt(share * ratio)))
  const place = (room: number) => (position === 'centre' ? Math.floor(room / 2) : random.integer(room + 1))
  return { top: place(fullHeight - height), left: place(fullWidth - width), height, width }
}

/** A picture that is `inside` in the window and `outside` elsewhere. */
export function pasted(inside: Tensor, outside: Tensor, { top, left, height, width }: Window): Tensor {
  const { height: fullHeight, width: fullWidth } = planesOf(inside.shape)
  return map(outside, (value, i) => {
    const y = Math.floor(i / fullWidth) % fullHeight
    const x = i % fullWidth
    return y >= top && y < top + height && x >= left && x < left + width ? inside.data[i]! : value
  })
}

export const fillField = {
  type: 'choice',
  choices: ['black', 'mean'],
  default: 'black',
  description: "What takes the place of lost pixels: black, or the picture's mean colour.",
} as const

/** A picture of this shape in one colour. */
export function filled(image: Tensor, fill: 'black' | 'mean'): Tensor {
  const channels = image.shape[0]!
  const area = image.data.length / channels
  const means = Array.from({ length: channels }, (_, channel) => {
    const values = image.data.subarray(channel * area, (channel + 1) * area)
    return values.reduce((sum, value) => sum + value, 0) / area
  })
  return map(image, (_, i) => (fill === 'black' ? -1 : means[Math.floor(i / area)]!))
}
