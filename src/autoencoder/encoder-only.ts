/** The encoder alone: where every decoder inversion starts, and what it is measured against. */
import { define } from '../core/define.js'
import { norm, subtract } from '../math/tensor.js'
import type { DecoderInverter } from './autoencoder.js'

/**
 * Takes the posterior mean of the encoder for the latent.
 *
 * z = E(x). Shapes: picture 3 × H × W, latent channels × H/f × W/f. Cost: one encode, and one decode to say how far off
 * it is. Exact: no. The outcome is `converged` only if D(E(x)) = x. Errors: `bad-shape`.
 * Source: the baseline of Hong et al., NeurIPS 2024, section 4.1.
 *
 * @example const { value } = await new Task(encoderOnly().invert(image, autoencoder))
 */
export const encoderOnly = define({
  id: 'encoder-only',
  title: 'Encoder only',
  source: 'Hong et al., NeurIPS 2024, section 4.1 (baseline)',
  fields: {},
  make: (): DecoderInverter => ({
    name: 'encoder-only',
    async *invert(image, autoencoder, signal) {
      const value = await autoencoder.encode(image, signal)
      const residual = norm(subtract(await autoencoder.decode(value, signal), image))
      yield { stage: 'encoder-only', done: 1, total: 1, residual, latent: value }
      const outcome = residual === 0 ? 'converged' : Number.isFinite(residual) ? 'exhausted' : 'diverged'
      return { value, residual, iterations: 0, evaluations: 1, outcome, history: [residual] }
    },
  }),
})
