/**
 * What is in a scene, as words and as numbers, from one integer. Not how it is drawn: see render.ts.
 */
import { between, pick, type Random, randomFrom } from './random.js'

export const shapes = ['ball', 'cube', 'cone', 'cylinder', 'ring', 'star', 'pyramid', 'heart'] as const
export const colours = ['red', 'orange', 'yellow', 'green', 'cyan', 'blue', 'purple', 'white'] as const
export const sizes = ['small', 'large'] as const
export const places = ['left', 'right', 'top', 'bottom', 'centre'] as const
export const textures = ['plain', 'gradient', 'stripes', 'checks', 'dots', 'clouds'] as const

export type ShapeName = (typeof shapes)[number]
export type ColourName = (typeof colours)[number]
export type SizeName = (typeof sizes)[number]
export type PlaceName = (typeof places)[number]
export type TextureName = (typeof textures)[number]

/** The small variations that the caption does not mention. Signed ones lie in [−1, 1); the renderer gives them units. */
export interface Variation {
  readonly right: number
  readonly up: number
  readonly radius: number
  readonly yaw: number
  readonly tilt: number
  readonly roll: number
  readonly hue: number
  readonly brightness: number
  readonly gloss: number
  /** Where the light comes from: −1 from the left, 1 from the right; and how high. */
  readonly lightSide: number
  readonly lightHeight: number
  readonly backgroundHue: number
  readonly backgroundBrightness: number
  readonly contrast: number
  readonly period: number
  /** Direction of the texture in turns, [0, 1); its phases in periods, [0, 1). */
  readonly angle: number
  readonly phase: readonly [number, number]
}

export interface Scene {
  readonly shape: ShapeName
  readonly colour: ColourName
  readonly size: SizeName
  readonly place: PlaceName
  /** Never the colour of the shape. */
  readonly background: ColourName
  readonly texture: TextureName
  readonly variation: Variation
}

function vary(random: Random): Variation {
  const signed = () => between(random, -1, 1)
  return {
    right: signed(),
    up: signed(),
    radius: signed(),
    yaw: signed(),
    tilt: signed(),
    roll: signed(),
    hue: signed(),
    brightness: signed(),
    gloss: signed(),
    lightSide: signed(),
    lightHeight: signed(),
    backgroundHue: signed(),
    backgroundBrightness: signed(),
    contrast: signed(),
    period: signed(),
    angle: random(),
    phase: [random(), random()],
  }
}

/**
 * The scene of a seed: every attribute uniform and independent, except that shape and background differ in colour.
 *
 * @param seed an integer in [0, 2³²); see batch.ts for which seeds are for training and which are held out
 * @example caption(describeScene(7))
 */
export function describeScene(seed: number): Scene {
  const random = randomFrom(seed)
  const colour = pick(random, colours)
  return {
    shape: pick(random, shapes),
    colour,
    size: pick(random, sizes),
    place: pick(random, places),
    background: pick(
      random,
      colours.filter((name) => name !== colour),
    ),
    texture: pick(random, textures),
    variation: vary(random),
  }
}

const placeWords: Readonly<Record<PlaceName, string>> = {
  left: 'on the left',
  right: 'on the right',
  top: 'at the top',
  bottom: 'at the bottom',
  centre: 'in the centre',
}

const textureWords: Readonly<Record<TextureName, (colour: ColourName) => string>> = {
  plain: (colour) => `plain ${colour}`,
  gradient: (colour) => `${colour === 'orange' ? 'an' : 'a'} ${colour} gradient`,
  stripes: (colour) => `${colour} stripes`,
  checks: (colour) => `${colour} checks`,
  dots: (colour) => `${colour} dots`,
  clouds: (colour) => `${colour} clouds`,
}

/** The scene in words: `a large red ball on the left, on blue stripes`. One caption per choice of attributes. */
export const caption = (scene: Scene): string =>
  `a ${scene.size} ${scene.colour} ${scene.shape} ${placeWords[scene.place]}, on ${textureWords[scene.texture](scene.background)}`
