/** A mask from where two prompts disagree about a picture. Needs no attention; for changes of a whole background too. */
import type { Steps } from '../../core/progress.js'
import { map, subtract, type Tensor, zeros } from '../../math/tensor.js'
import { otsuThreshold } from '../../pictures/otsu.js'
import { promptedDenoiser } from '../../verbs/sampling.js'
import type { EditProblem, LatentEdit } from '../parts/edit-method.js'
import { watchedLevels } from '../parts/watched-levels.js'

/**
 * Where the estimates under source and target differ, along the source's trajectory: 1 × h × w, 1 inside.
 *
 * d = mean over `count` levels of ‖D(x; target) − D(x; source)‖ over channels, each level relative to its own mean; the mask
 * is d > Otsu's threshold. Zero everywhere where the prompts agree. Cost: `count` evaluations for each prompt. Source:
 * Couairon et al., DiffEdit, ICLR 2023. Deviation: on the recovered trajectory instead of random noise, so one sample a
 * level; the threshold is not fixed.
 */
export async function* differenceMask(
  { trajectory, grid }: Pick<LatentEdit, 'trajectory' | 'grid'>,
  { model, from, to, signal }: EditProblem,
  count: number,
): Steps<Tensor> {
  const [source, target] = [
    await promptedDenoiser(model, { prompt: from, guidance: 1 }, signal),
    await promptedDenoiser(model, { prompt: to, guidance: 1 }, signal),
  ]
  const levels = watchedLevels(grid, count)
  const sides = trajectory[0]!.x.shape.slice(1)
  const apart = zeros([1, ...sides])
  const area = apart.data.length
  for (const [k, i] of levels.entries()) {
    const { x } = trajectory[i]!
    const [ours, theirs] = await Promise.all([target.denoise(x, grid[i]!), source.denoise(x, grid[i]!)])
    const squares = new Float64Array(area)
    subtract(ours, theirs).data.forEach((value, entry) => {
      squares[entry % area]! += value ** 2
    })
    const lengths = squares.map(Math.sqrt)
    const mean = lengths.reduce((sum, length) => sum + length, 0) / area
    if (mean > 0) for (let entry = 0; entry < area; entry++) apart.data[entry]! += lengths[entry]! / mean
    yield { stage: 'difference', done: k + 1, total: levels.length }
  }
  const threshold = otsuThreshold(apart.data)
  return map(apart, (value) => (value > threshold ? 1 : 0))
}
