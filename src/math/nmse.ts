/** The measure in which inversions of latents and noise are compared. Pictures: psnrDb in src/math. */
import { distance, norm, type Tensor } from './tensor.js'

/** 10·log₁₀(‖x − reference‖² / ‖reference‖²); −Infinity when they are equal. Source: Hong et al. 2024, section 6.1. */
export const nmseDb = (x: Tensor, reference: Tensor): number =>
  20 * Math.log10(distance(x, reference) / norm(reference))
