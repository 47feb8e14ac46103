/** How far networks in 16 bits are from the same ones in 32: encode, decode and gradient. Not what inversion makes of it. */
import { type Autoencoder, isUndiffuseError, mean, psnrDb } from 'undiffuse'
import { decibels, nmse } from '../shared/accuracy.js'
import type { KnownPicture } from './pictures.js'

/** `finite: false` where a network overflows in 16 bits. */
export type HalfPrecision =
  | { readonly finite: false }
  | {
      readonly finite: true
      /** ‖E₁₆(x) − E₃₂(x)‖² / ‖E₃₂(x)‖², mean of dB. */
      readonly latentDb: number
      /** PSNR of D₁₆(z) against D₃₂(z), mean. */
      readonly imagePsnrDb: number
    }

/**
 * Compares `half`, an autoencoder in 16 bits, with `exact`, the same one in 32, at known latents. Errors: those of the
 * runtime; an overflow is a result.
 */
export async function halfPrecisionOf(
  half: Autoencoder,
  exact: Autoencoder,
  problems: readonly KnownPicture[],
): Promise<HalfPrecision> {
  const latents: number[] = []
  const images: number[] = []
  try {
    for (const { image, latent } of problems) {
      const encoded = await exact.encode(image)
      latents.push(decibels(nmse(await half.encode(image), encoded)))
      images.push(psnrDb(await half.decode(latent), await exact.decode(latent)))
    }
    return { finite: true, latentDb: mean(latents), imagePsnrDb: mean(images) }
  } catch (error) {
    if (isUndiffuseError(error) && error.code === 'not-finite') return { finite: false }
    throw error
  }
}

/**
 * The error of gradients in 16 bits: ‖g₁₆ − g₃₂‖² / ‖g₃₂‖² at a latent for each picture, mean of dB, with the loss times
 * `scale`. NaN where a gradient overflows.
 */
export async function halfGradientDb(
  half: Autoencoder,
  exact: Autoencoder,
  problems: readonly KnownPicture[],
  scale: number,
): Promise<number> {
  const errors: number[] = []
  for (const { image, latent } of problems) {
    const { gradient } = await exact.pullback!(latent, image)
    errors.push(decibels(nmse((await half.pullback!(latent, image, scale)).gradient, gradient)))
  }
  return mean(errors)
}
