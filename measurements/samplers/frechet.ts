/**
 * The Fréchet distance between pictures and rendered scenes, in the features of the scene reader. Not the FID of the
 * literature: that one has Inception's features, and its numbers cannot be compared with these. The reader was trained
 * not to mind faint noise, blur and tint, so this distance tells what is shown and how, not how clean the pixels are.
 */
import { dot, mean, type Signal, symmetricEigen, type Tensor, tensor } from 'undiffuse'
import { heldOutScene } from '../../training/scenes/reader/evaluate.js'
import type { SceneReader } from '../../training/scenes/reader/reader.js'

/** A sample of vectors as a Gaussian sees it. */
export interface Moments {
  readonly count: number
  readonly mean: Float64Array
  /** Unbiased, n × n. */
  readonly covariance: Tensor
}

/** Mean and covariance of at least two vectors of one length; throws a RangeError for fewer. */
export function momentsOf(vectors: readonly Float64Array[]): Moments {
  const count = vectors.length
  if (count < 2) throw new RangeError(`Expected at least 2 vectors for a covariance, got ${count}.`)
  const n = vectors[0]!.length
  const centre = Float64Array.from({ length: n }, (_, i) => mean(vectors.map((vector) => vector[i]!)))
  const centred = vectors.map((vector) => vector.map((value, i) => value - centre[i]!))
  const covariance = new Float64Array(n * n)
  for (const vector of centred) {
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) covariance[i * n + j]! += vector[i]! * vector[j]!
  }
  return {
    count,
    mean: centre,
    covariance: tensor(
      [n, n],
      covariance.map((value) => value / (count - 1)),
    ),
  }
}

const trace = ({ shape, data }: Tensor): number => {
  let sum = 0
  for (let i = 0; i < shape[0]!; i++) sum += data[i * (shape[0]! + 1)]!
  return sum
}

/**
 * The squared Fréchet (2-Wasserstein) distance of two Gaussians, ‖μ₁ − μ₂‖² + tr(Σ₁ + Σ₂ − 2·(Σ₁Σ₂)^½).
 *
 * With Σ₁ = V·diag(λ)·Vᵀ, Σ₁Σ₂ has the eigenvalues of the symmetric matrix √λᵢ·(vᵢᵀΣ₂vⱼ)·√λⱼ; the trace of its root is
 * the sum of their roots. From finite samples it is biased upwards by about a constant over the smaller count:
 * `sceneFrechet` measures by how much. Source: Dowson and Landau, 1982; Heusel et al., 2017.
 *
 * @example frechetDistance(momentsOf(generated), momentsOf(rendered))
 */
export function frechetDistance(a: Moments, b: Moments): number {
  const n = a.mean.length
  if (b.mean.length !== n) throw new RangeError(`Expected vectors of one length, got ${n} and ${b.mean.length}.`)
  const { values, vectors } = symmetricEigen(a.covariance)
  const columns = Array.from({ length: n }, (_, k) =>
    Float64Array.from({ length: n }, (_, i) => vectors.data[i * n + k]!),
  )
  const rows = Array.from({ length: n }, (_, i) => tensor([n], b.covariance.data.slice(i * n, (i + 1) * n)))
  const images = columns.map((column) =>
    tensor(
      [n],
      rows.map((row) => dot(row, tensor([n], column))),
    ),
  )
  const scale = values.map((value) => Math.sqrt(Math.max(value, 0)))
  const product = new Float64Array(n * n)
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      const value = scale[i]! * scale[j]! * dot(tensor([n], columns[i]!), images[j]!)
      product[i * n + j] = value
      product[j * n + i] = value
    }
  }
  const roots = symmetricEigen(tensor([n, n], product)).values.map((value) => Math.sqrt(Math.max(value, 0)))
  const apart = a.mean.reduce((sum, value, i) => sum + (value - b.mean[i]!) ** 2, 0)
  return apart + trace(a.covariance) + trace(b.covariance) - 2 * roots.reduce((sum, root) => sum + root, 0)
}

/** Held-out scenes from here on are the reference: prompts and evaluations use the ones before. */
const firstReference = 100_000

/** Features of rendered held-out scenes `first` … `first + count − 1`, in 8 bits. */
export async function renderedFeatures(
  reader: SceneReader,
  first: number,
  count: number,
  signal?: Signal,
): Promise<Float64Array[]> {
  const features: Float64Array[] = []
  for (let i = 0; i < count; i++) features.push(await reader.sceneFeatures(heldOutScene(first + i).image, signal))
  return features
}

export interface SceneFrechet {
  readonly distance: number
  /** The distance of as many other rendered scenes from the same reference: no model can be expected to be below it. */
  readonly floor: number
  readonly count: number
  readonly referenceCount: number
}

/**
 * A measure of distances from rendered scenes: reads the reference once, then as many sets of pictures as wanted.
 *
 * @param referenceCount rendered scenes to compare with
 * @returns takes the features of a set of pictures, at least 2
 * @example
 * const distanceFromScenes = await sceneFrechet(reader, 2000)
 * const { distance, floor } = await distanceFromScenes(features)
 */
export async function sceneFrechet(
  reader: SceneReader,
  referenceCount: number,
  signal?: Signal,
): Promise<(features: readonly Float64Array[]) => Promise<SceneFrechet>> {
  const reference = momentsOf(await renderedFeatures(reader, firstReference, referenceCount, signal))
  const floors = new Map<number, number>()
  const floorOf = async (count: number): Promise<number> => {
    const known = floors.get(count)
    if (known !== undefined) return known
    const others = await renderedFeatures(reader, firstReference + referenceCount, count, signal)
    const floor = frechetDistance(momentsOf(others), reference)
    floors.set(count, floor)
    return floor
  }
  return async (features) => ({
    distance: frechetDistance(momentsOf(features), reference),
    floor: await floorOf(features.length),
    count: features.length,
    referenceCount,
  })
}
