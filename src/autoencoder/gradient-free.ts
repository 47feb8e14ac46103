/**
 * Decoder inversion without gradients, by any iteration: the method of the paper. For everyday use prefer
 * `accelerated`, which chooses the iteration and knows when to stop; this is for comparing and for reproducing.
 */
import { define } from '../core/define.js'
import { adam } from '../iterations/adam.js'
import { anderson } from '../iterations/anderson.js'
import { forwardStep } from '../iterations/forward-step.js'
import { inertialKm } from '../iterations/inertial-km.js'
import { codeSchedule, constantSchedule, paperSchedule } from '../iterations/parts/schedules.js'
import { type Iteration, solve } from '../iterations/parts/solve.js'
import { picard } from '../iterations/picard.js'
import type { DecoderInverter } from './autoencoder.js'
import { gradientFreeProblem } from './parts/gradient-free-problem.js'

const schedules = { code: codeSchedule, paper: paperSchedule, constant: constantSchedule }

/** Step sizes with which each iteration is usually run; `adam` is the paper's. */
const usualRates = { picard: 1, 'forward-step': 0.5, 'inertial-km': 0.1, adam: 0.01, anderson: 1 }

/**
 * Drives T(z) = E(D(z)) − E(x) to zero from z⁰ = E(x) and returns the evaluated point with the smallest ‖D(z) − x‖.
 *
 * Shapes: picture 3 × H × W, latent channels × H/f × W/f in model units. Cost: one encode, then one round trip (a decoder
 * and an encoder run) for each of `iterations`, all forward. Exact: no; given a picture that was not rounded, the zeros
 * of T contain every exact z (Remark 1). The rate is the forward step's and inertial KM's ρ, Adam's peak learning rate or
 * Anderson's damping; schedules apply to Adam. Errors: `bad-option`, `bad-shape`, `not-finite` when E(x) is not finite.
 * Source: Hong et al., "Gradient-free Decoder Inversion in Latent Diffusion Models", NeurIPS 2024, eqs. 8, 10, 11, and
 * its Adam; deviation: the posterior mean instead of a sample, and the best point instead of the last.
 *
 * @example
 * const inverter = gradientFree({ iteration: 'adam', iterations: 50 })
 * const { value, outcome } = await new Task(inverter.invert(image, autoencoder))
 */
export const gradientFree = define({
  id: 'gradient-free',
  title: 'Gradient-free decoder inversion',
  source: 'Hong et al., NeurIPS 2024, arXiv 2409.18442',
  fields: {
    iteration: {
      type: 'choice',
      choices: ['picard', 'forward-step', 'inertial-km', 'adam', 'anderson'],
      default: 'adam',
      description: 'How to move.',
    },
    iterations: { type: 'integer', minimum: 1, default: 50, unit: 'round trips', description: 'Budget.' },
    rate: {
      type: 'number',
      exclusiveMinimum: 0,
      description:
        'Step size or learning rate. Default 1 for picard and anderson, 0.5 forward-step, 0.1 inertial-km, 0.01 adam.',
    },
    schedule: {
      type: 'choice',
      choices: ['code', 'paper', 'constant'],
      default: 'code',
      description: "Adam's learning rates: the released code's, the paper's, or constant.",
    },
    inertia: { type: 'number', minimum: 0, exclusiveMaximum: 1, default: 0.9, description: 'Of inertial-km.' },
    window: {
      type: 'integer',
      minimum: 1,
      maximum: 50,
      default: 5,
      description: 'Differences that anderson remembers.',
    },
    precision: {
      type: 'choice',
      choices: ['32', '16'],
      default: '32',
      description:
        "Bits of Adam's own arithmetic, whatever the networks compute with. 16 rounds it as the authors' half path does, with an epsilon of 1e-4.",
    },
    tolerance: {
      type: 'number',
      minimum: 0,
      default: 0,
      description: 'Converged when ‖T(z)‖ is at most this share of ‖T(E(x))‖.',
    },
  },
  make: ({ iteration, iterations, tolerance, ...options }): DecoderInverter => {
    const rate = options.rate ?? usualRates[iteration]
    const makers: Record<typeof iteration, () => Iteration> = {
      picard: () => picard(),
      'forward-step': () => forwardStep({ rho: rate }),
      'inertial-km': () => inertialKm({ rho: rate, inertia: options.inertia }),
      adam: () =>
        adam({ rate: schedules[options.schedule](rate, iterations), precision: options.precision === '16' ? 16 : 32 }),
      anderson: () => anderson({ window: options.window, damping: rate }),
    }
    return {
      name: 'gradient-free',
      async *invert(image, autoencoder) {
        const problem = await gradientFreeProblem(image, autoencoder)
        const move = makers[iteration]()
        return yield* solve(problem, move, { iterations, tolerance, stage: `gradient-free ${iteration}` })
      },
    }
  },
})
