/** The encoder alone: where every decoder inversion starts, and what it is measured against. */
import { define } from '../core/define.js'
import { solve } from '../iterations/parts/solve.js'
import { picard } from '../iterations/picard.js'
import { subtract, type Tensor } from '../math/tensor.js'
import type { DecoderInverter } from './autoencoder.js'

/**
 * Takes the posterior mean of the encoder for the latent.
 *
 * z = E(x). Shapes: picture 3 × H × W, latent channels × H/f × W/f. Cost: one encode, and one decode to say how far off
 * it is. Exact: no. The outcome is `converged` only if D(E(x)) = x. Errors: `bad-shape`, `not-finite` when E(x) is not finite.
 * Source: the baseline of Hong et al., NeurIPS 2024.
 *
 * @example const { value } = await new Task(encoderOnly().invert(image, autoencoder))
 */
export const encoderOnly = define({
  id: 'encoder-only',
  title: 'Encoder only',
  source: 'Hong et al., NeurIPS 2024 (baseline)',
  fields: {},
  make: (): DecoderInverter => ({
    name: 'encoder-only',
    async *invert(image, autoencoder) {
      const problem = {
        start: await autoencoder.encode(image),
        evaluate: async (latent: Tensor) => ({ residual: subtract(await autoencoder.decode(latent), image) }),
      }
      // A budget of one evaluation: the start is judged, and nothing moves it.
      return yield* solve(problem, picard(), { iterations: 1, stage: 'encoder-only' })
    },
  }),
})
