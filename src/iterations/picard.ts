/** Picard's fixed-point iteration: for problems whose residual is x − G(x). */
import { forwardStep } from './forward-step.js'
import type { Iteration } from './parts/solve.js'

/**
 * Takes the whole residual off: xᵏ⁺¹ = xᵏ − residual(xᵏ) = G(xᵏ) where residual(x) = x − G(x).
 *
 * Converges when G is a contraction. Memory: none. The forward step with rho = 1.
 * Source: Picard, 1890; as used for implicit diffusion steps by AIDI (Pan et al., ICCV 2023).
 *
 * @example solve({ start, evaluate: async (x) => ({ residual: subtract(x, await g(x)) }) }, picard(), { iterations: 20 })
 */
export const picard = (): Iteration => ({ ...forwardStep({ rho: 1 }), name: 'picard' })
