/**
 * Null-text optimisation: bends the unconditional branch, step by step, until guidance follows the naive trajectory.
 * A baseline of guided editing; needs gradients with respect to the embedding.
 */
import { define } from '../../core/define.js'
import { adam } from '../../iterations/adam.js'
import { type Problem, type Solution, solve } from '../../iterations/parts/solve.js'
import { combine, dot, sizeOf, type Tensor } from '../../math/tensor.js'
import { naive } from '../inverters/naive.js'
import { notImplicit, refused, strideOf, within } from '../inverters/parts/walk-back.js'
import { firstOrderStep } from '../multistep.js'
import { type GuidedInverter, promptDenoiser } from './parts/guided-editing.js'

/**
 * Finds an unconditional embedding for each step, so that guided sampling follows the naive inversion back.
 *
 * Naive inversion with the prompt alone gives x*[0 … N]. From x = x*[0], at each step i: Adam, rate 1e-2·(1 − i/100), at
 * most `iterations` runs, minimises mean (step(x; w, embedding) − x*[i+1])², stops at 1e-5 + 2e-5·i; the embedding is carried to
 * the next step and x follows it. Shapes: any. Cost: N evaluations, then for each step one and at most `iterations` of an
 * evaluation and a gradient. Exact: no, near the image as far as the embedding can bend the step. Outcomes and residuals are
 * those of the losses. Errors: `unsupported` without gradients and for steps that are not of first order; as `naive`.
 * Source: Mokady et al., CVPR 2023, constants of google/prompt-to-prompt. Deviation: the best embedding instead of the last;
 * the rate does not turn negative after 100 steps.
 *
 * @example const { states, embeddings } = await new Task(nullText({ guidance: 7.5 }).invert(clean, ddim(), diffusion))
 */
export const nullText = define({
  id: 'null-text',
  title: 'Null-text optimisation',
  source: 'Mokady et al., CVPR 2023, arXiv 2211.09794',
  fields: {
    guidance: { type: 'number', minimum: 1, default: 7.5, description: 'Weight of the prompt in sampling.' },
    iterations: { type: 'integer', minimum: 1, default: 10, unit: 'gradients', description: 'Budget of each step.' },
  },
  make: ({ guidance, iterations }): GuidedInverter => ({
    name: 'null-text',
    async *invert(clean, solver, diffusion) {
      const { grid, denoiser, prompt, empty } = diffusion
      const { pullback } = denoiser
      const reason = notImplicit(solver, grid)
      if (reason) throw refused('null-text', solver.name, reason)
      if (solver.evaluationsPerStep > 1 || strideOf(solver, grid) !== 1) {
        throw refused('null-text', solver.name, 'It is for first-order steps: use `ddim`.')
      }
      if (!pullback) {
        const remedy = 'Use `negative-prompt`, which needs none.'
        throw refused('null-text', 'a denoiser without gradients with respect to its embedding', remedy)
      }
      const alone = { grid, denoise: promptDenoiser(diffusion) }
      const { states } = yield* naive().invert(clean, solver, alone)
      const total = states.length - 1
      const embeddings: Tensor[] = []
      const solutions: Solution[] = []
      let x = states[0]!.x
      for (let i = 0; i < total; i++) {
        const [from, to, target] = [grid[i]!, grid[i + 1]!, states[i + 1]!.x]
        const rule = firstOrderStep(from, to)
        const [ofX, ofEstimate] = [rule.x[0]!, rule.denoised[0]!]
        const given = await denoiser.denoise(x, from, prompt)
        const moved = (none: Tensor) =>
          combine([ofX, x], [ofEstimate * guidance, given], [ofEstimate * (1 - guidance), none])
        const reached = new WeakMap<Tensor, Tensor>()
        const problem: Problem = {
          start: embeddings[i - 1] ?? empty,
          async evaluate(embedding) {
            const next = moved(await denoiser.denoise(x, from, embedding))
            reached.set(embedding, next)
            const apart = combine([1, next], [-1, target])
            const slope = (2 * ofEstimate * (1 - guidance)) / sizeOf(apart.shape)
            const residual = await pullback(x, from, embedding, combine([slope, apart]))
            return { residual, merit: dot(apart, apart) / sizeOf(apart.shape) }
          },
        }
        const steps = solve(problem, adam({ rate: 1e-2 * Math.max(0, 1 - i / 100) }), {
          iterations,
          sufficientMerit: 1e-5 + 2e-5 * i,
        })
        const solution = yield* within(steps, { stage: 'null-text', done: i, total })
        embeddings.push(solution.value)
        solutions.push(solution)
        x = reached.get(solution.value)!
      }
      return { states, solutions, embeddings, losses: solutions.map(({ residual }) => residual) }
    },
  }),
})
