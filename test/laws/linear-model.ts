/**
 * A text-to-image model whose every map is linear and known: data are Gaussian with a variance for each entry, so the
 * best denoiser is D(x) = alpha·v/(alpha²·v + sigma²)·x entry by entry, and a sampler multiplies each entry of the noise
 * by a known gain. What a picture tells about the noise is then known in closed form.
 */
import type { Solver } from '../../src/diffusion/diffusion.js'
import { map, type Tensor } from '../../src/math/index.js'
import type { Ask, DiffusionModel, Estimating, Kind } from '../../src/model/index.js'
import { analyticModel } from './analytic-model.js'
import { shape } from './analytic-world.js'

/** The decoder of the analytic model has orthonormal columns, divided by this. */
const contrast = 4

/** The model of data with these variances, sixteen of them. */
export function linearModel(variances: readonly number[]): DiffusionModel {
  const { model } = analyticModel()
  const gained = ({ level: { alpha, sigma } }: Pick<Estimating, 'level'>, x: Tensor) =>
    map(x, (value, i) => (value * alpha * variances[i]!) / (alpha ** 2 * variances[i]! + sigma ** 2))
  const ask: DiffusionModel['ask'] = async (kind, asks, signal) => {
    const vectors: Partial<Record<Kind, (one: never) => Tensor>> = {
      denoise: ({ x }: Ask<'denoise'>) => x,
      pullback: ({ cotangent }: Ask<'pullback'>) => cotangent,
      pushforward: ({ tangent }: Ask<'pushforward'>) => tangent,
    }
    const vector = vectors[kind]
    if (!vector) return await model.ask(kind, asks, signal)
    return (asks as readonly Estimating[]).map((one) => gained(one, vector(one as never))) as never
  }
  return { ...model, ask }
}

/** The singular values of noise → picture: each entry's gain in a first-order sampler, over the decoder's contrast. */
export function singularValues(variances: readonly number[], solver: Solver, { schedule }: DiffusionModel): number[] {
  const grid = solver.grid(schedule(shape))
  return variances.map(
    (variance) =>
      grid.slice(1).reduce((gain, to, i) => {
        const { alpha, sigma } = grid[i]!
        const estimate = (alpha * variance) / (alpha ** 2 * variance + sigma ** 2)
        const ratio = to.sigma / sigma
        return gain * (ratio + (to.alpha - alpha * ratio) * estimate)
      }, 1) / contrast,
  )
}

export { shape as linearShape }
