/**
 * Decoder inversion by the true gradient of the pixel error: the baseline. More accurate with a large budget; needs a
 * backward pass, with its time and several times the memory.
 */
import { define } from '../core/define.js'
import { adam } from '../iterations/adam.js'
import { lbfgs } from '../iterations/lbfgs.js'
import { constantSchedule, cosineSchedule } from '../iterations/parts/schedules.js'
import { solve } from '../iterations/parts/solve.js'
import type { DecoderInverter } from './autoencoder.js'
import { pixelProblem } from './parts/pixel-problem.js'

/** The paper's baselines: a peak of 0.1 under the schedule, or 0.01 fixed. */
const usualRates = { cosine: 0.1, constant: 0.01 }

/**
 * Minimises ‖D(z) − x‖² from z⁰ = E(x) and returns the evaluated point with the smallest ‖D(z) − x‖.
 *
 * ∇ = 2·J_D(z)ᵀ(D(z) − x); moves by Adam or L-BFGS. Shapes: picture 3 × H × W, latent channels × H/f × W/f. Cost: one
 * encode, then one pullback (decoder, forward and backward: about twice a decode and three to five times its memory)
 * for each of `iterations`. Exact: no; a minimum with residual zero is exact given the picture. Networks in 16 bits
 * lose the small numbers of the backward pass. With `lossScale` s it computes J_D(z)ᵀ·s(D(z) − x), divided by s in full
 * precision, and s is halved, at the cost of another pullback, whenever that overflows (mixed-precision training's
 * dynamic scaling). Errors: `unsupported` where no gradient graph can be opened, `bad-option`, `bad-shape`,
 * `not-finite`. Source: the baseline of Hong et al., NeurIPS 2024 (Adam on the sum of squares); L-BFGS ours; loss
 * scaling: Micikevicius et al., "Mixed Precision Training", ICLR 2018.
 *
 * @example
 * const inverter = gradient({ optimizer: 'lbfgs', iterations: 30 })
 * const { value } = await new Task(inverter.invert(image, autoencoder))
 */
export const gradient = define({
  id: 'gradient',
  title: 'Gradient-based decoder inversion',
  source: 'Hong et al., NeurIPS 2024 (baseline)',
  fields: {
    optimizer: { type: 'choice', choices: ['adam', 'lbfgs'], default: 'adam', description: 'How to move.' },
    iterations: { type: 'integer', minimum: 1, default: 50, unit: 'pullbacks', description: 'Budget.' },
    schedule: {
      type: 'choice',
      choices: ['cosine', 'constant'],
      default: 'cosine',
      description: "Adam's learning rates: cosine with warm-up from zero, or constant.",
    },
    rate: {
      type: 'number',
      exclusiveMinimum: 0,
      description: "Adam's learning rate. Default 0.1 with the cosine schedule, 0.01 constant.",
    },
    window: { type: 'integer', minimum: 1, maximum: 50, default: 10, description: 'Differences that lbfgs remembers.' },
    precision: {
      type: 'choice',
      choices: ['32', '16'],
      default: '32',
      description:
        "Bits of Adam's own arithmetic, whatever the networks compute with. 16 rounds it as the authors' half path does, with an epsilon of 1e-4.",
    },
    lossScale: {
      type: 'number',
      minimum: 1,
      default: 1,
      description:
        'The error is multiplied by this before the backward pass and the gradient divided after: for networks in 16 bits, 65536 for instance. Halved, down to 1, whenever the gradient overflows.',
    },
  },
  make: ({
    optimizer,
    iterations,
    schedule,
    rate = usualRates[schedule],
    window,
    precision,
    lossScale,
  }): DecoderInverter => {
    const rates = (schedule === 'cosine' ? cosineSchedule : constantSchedule)(rate, iterations)
    return {
      name: 'gradient',
      async *invert(image, autoencoder) {
        const move =
          optimizer === 'lbfgs' ? lbfgs({ window }) : adam({ rate: rates, precision: precision === '16' ? 16 : 32 })
        const problem = pixelProblem(await autoencoder.encode(image), image, autoencoder, lossScale)
        return yield* solve(problem, move, { iterations, stage: `gradient ${optimizer}` })
      },
    }
  },
})
