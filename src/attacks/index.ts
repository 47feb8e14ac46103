/** What is done to pictures on their way to a detector: one file for each attack, written out. Not a registry. */
import { parseAll } from '../core/define.js'
import { blurAttack } from './blur.js'
import { brightnessAttack } from './brightness.js'
import { contrastAttack } from './contrast.js'
import { cropAttack } from './crop.js'
import { cropResizeAttack } from './crop-resize.js'
import { eraseAttack } from './erase.js'
import { flipAttack } from './flip.js'
import { jpegAttack } from './jpeg.js'
import { noiseAttack } from './noise.js'
import { noAttack } from './none.js'
import type { Attack } from './parts/attack.js'
import { composeAttacks } from './parts/compose.js'
import { regenerateAttack } from './regenerate.js'
import { resizeAttack } from './resize.js'
import { rotationAttack } from './rotation.js'
import { saturationAttack } from './saturation.js'
import { vaeAttack } from './vae.js'
import { webpAttack } from './webp.js'

export {
  type Attack,
  type AttackContext,
  type AttackOptions,
  attackPicture,
  type PictureTools,
} from './parts/attack.js'
export {
  blurAttack,
  brightnessAttack,
  composeAttacks,
  contrastAttack,
  cropAttack,
  cropResizeAttack,
  eraseAttack,
  flipAttack,
  jpegAttack,
  noAttack,
  noiseAttack,
  regenerateAttack,
  resizeAttack,
  rotationAttack,
  saturationAttack,
  vaeAttack,
  webpAttack,
}

/** Attacks; the first is the default. */
export const attacks = [
  noAttack,
  jpegAttack,
  webpAttack,
  resizeAttack,
  blurAttack,
  noiseAttack,
  brightnessAttack,
  contrastAttack,
  saturationAttack,
  cropAttack,
  cropResizeAttack,
  eraseAttack,
  rotationAttack,
  flipAttack,
  vaeAttack,
  regenerateAttack,
] as const

/**
 * An attack from text: `id`, `id:name=value,name=value`, or several of them joined by `+`, the first of which comes first.
 *
 * Errors: `bad-option` as `parse`, for an unknown attack or option or a value that does not fit.
 *
 * @example const attack = parseAttacks('jpeg:quality=50+crop:share=0.75')
 */
export const parseAttacks = (text: string): Attack => composeAttacks(parseAll(attacks, text))
