/** EDICT: DDIM on two coupled copies, each moved by the other's noise. Two evaluations a step; `o-belm` needs one. */
import { define } from '../../core/define.js'
import { combine, type Tensor } from '../../math/tensor.js'
import type { Diffusion, Solver, State } from '../diffusion.js'
import { gridFields } from '../grid-fields.js'
import { gridOf } from '../grids.js'
import { noImage } from '../level.js'
import { interval, noMemory, noStepBefore } from '../multistep.js'

/**
 * Affine coupling of x and its twin y, then mixing.
 *
 * x₁ = a·x + b·ε(y), y₁ = a·y + b·ε(x₁), a = α′/α, b = σ′ − a·σ, both ε asked at the level that is left; x′ = p·x₁ + (1
 * − p)·y₁, y′ = p·y₁ + (1 − p)·x′. Odd steps begin with y. Order 1, two evaluations a step; memory: the twin, which
 * starts as x. Inverts in closed form, exact given both. Given the latent alone `recall` takes the twin to be the same,
 * and the noise is another one that leads back to the image. Errors: `bad-option`; `unsupported` at alpha = 0. Source:
 * Wallace, Gokul and Naik, CVPR 2023; p from its code (0.90 to 0.97), with float64 states.
 *
 * @example const solver = edict({ steps: 50 })
 */
export const edict = define({
  id: 'edict',
  title: 'EDICT',
  source: 'Wallace et al., CVPR 2023',
  fields: {
    ...gridFields,
    p: {
      type: 'number',
      exclusiveMinimum: 0,
      maximum: 1,
      default: 0.93,
      description: 'Share of its own value that each copy keeps when mixed; rounding grows like p^−2 a step.',
    },
  },
  make: ({ p, ...options }): Solver => ({
    name: 'edict',
    order: 1,
    evaluationsPerStep: 2,
    grid: (schedule) => gridOf(schedule, options),
    start: (x) => ({ index: 0, x, memory: [x] }),
    recall: async (x, { grid }) => ({ index: grid.length - 1, x, memory: [x] }),
    async step(state, diffusion) {
      const [x, y] = pair(state)
      const { scale, noise } = coupling(diffusion, state.index)
      const [first, second] = inOrder(state.index, x, y)
      const firstMoved = combine([scale, first], ...(await noise(second)))
      const secondMoved = combine([scale, second], ...(await noise(firstMoved)))
      const [moved, twin] = inOrder(state.index, firstMoved, secondMoved)
      const mixed = combine([p, moved], [1 - p, twin])
      return { index: state.index + 1, x: mixed, memory: [combine([p, twin], [1 - p, mixed])] }
    },
    async unstep(state, diffusion) {
      if (state.index === 0) throw noStepBefore()
      const index = state.index - 1
      const [mixed, mixedTwin] = pair(state)
      const { scale, noise } = coupling(diffusion, index)
      const twin = combine([1 / p, mixedTwin], [-(1 - p) / p, mixed])
      const moved = combine([1 / p, mixed], [-(1 - p) / p, twin])
      const [firstMoved, secondMoved] = inOrder(index, moved, twin)
      const second = undo(secondMoved, scale, await noise(firstMoved))
      const first = undo(firstMoved, scale, await noise(second))
      const [x, y] = inOrder(index, first, second)
      return { index, x, memory: [y] }
    },
  }),
})

/** The copy that moves first, then the other: x on even steps, its twin on odd ones. Its own inverse. */
const inOrder = (index: number, x: Tensor, y: Tensor): readonly [Tensor, Tensor] => (index % 2 === 0 ? [x, y] : [y, x])

function pair({ index, x, memory: [twin] }: State): readonly [Tensor, Tensor] {
  if (twin === undefined) throw noMemory(index)
  return [x, twin]
}

type Terms = readonly (readonly [coefficient: number, x: Tensor])[]

/** a, and b·ε as terms: ε(y) = (y − α·D(y))/σ at the level that is left. */
function coupling({ grid, denoise }: Diffusion, index: number) {
  const { from, to } = interval(grid, index)
  if (from.alpha === 0) throw noImage('a step of EDICT', from)
  const scale = to.alpha / from.alpha
  const share = to.sigma / from.sigma - scale
  const noise = async (y: Tensor): Promise<Terms> => [
    [share, y],
    [-share * from.alpha, await denoise(y, from)],
  ]
  return { scale, noise }
}

const undo = (moved: Tensor, scale: number, noise: Terms): Tensor =>
  combine([1 / scale, moved], ...noise.map(([weight, y]) => [-weight / scale, y] as const))
