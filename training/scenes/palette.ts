/** The eight colours as numbers, and the two tones of a background. Not photographs' colours: see photograph.ts. */
import { blend, type Colour, clamp } from './image.js'
import type { ColourName, Scene } from './scene.js'

const palette: Readonly<Record<ColourName, Colour>> = {
  red: [0.87, 0.13, 0.13],
  orange: [0.98, 0.52, 0.07],
  yellow: [0.97, 0.86, 0.12],
  green: [0.17, 0.66, 0.22],
  cyan: [0.12, 0.76, 0.8],
  blue: [0.14, 0.32, 0.86],
  purple: [0.52, 0.2, 0.74],
  white: [0.94, 0.94, 0.93],
}

const white: Colour = [1, 1, 1]
const shade: Colour = [0.12, 0.12, 0.16]
const largestHueTurn = 0.05

/** Turns the hue about the grey axis by a small angle (first order) and scales the brightness. */
function jitter([red, green, blue]: Colour, hue: number, brightness: number): Colour {
  const turn = hue * largestHueTurn
  const value = (channel: number, change: number) => clamp((channel + turn * change) * (1 + brightness), 0, 1)
  return [value(red, blue - green), value(green, red - blue), value(blue, green - red)]
}

/** The colour of the shape's surface. */
export const surfaceColour = (scene: Scene): Colour =>
  jitter(palette[scene.colour], scene.variation.hue, 0.06 * scene.variation.brightness)

/** The light and the deep tone that the texture mixes. */
export function backgroundTones(scene: Scene): { readonly light: Colour; readonly deep: Colour } {
  const { backgroundHue, backgroundBrightness, contrast } = scene.variation
  const colour = jitter(palette[scene.background], backgroundHue, 0.06 * backgroundBrightness)
  const spread = 1 + 0.25 * contrast
  return { light: blend(colour, white, 0.36 * spread), deep: blend(colour, shade, 0.14 * spread) }
}
