/** How far an estimate of a latent is from the truth, in numbers that papers print. Not statistics over pictures. */
import { norm, subtract, type Tensor } from 'undiffuse'

/** ‖ẑ − z*‖² / ‖z*‖². Source: Hong et al., NeurIPS 2024, section 4.1. */
export const nmse = (estimate: Tensor, truth: Tensor): number => (norm(subtract(estimate, truth)) / norm(truth)) ** 2

/** 10·log₁₀ of a ratio of powers. */
export const decibels = (ratio: number): number => 10 * Math.log10(ratio)
