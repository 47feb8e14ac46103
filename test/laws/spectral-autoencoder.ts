/**
 * Autoencoders whose E∘D has chosen directions: good ones, weak ones that it shrinks, negative ones that it reverses, and
 * planes that it turns. What encoders do to latents that they have not made themselves, where the answer is known.
 *
 * D(z) = clip(s·Q·V·U·(z + bend·B·tanh(C·z))) with orthonormal columns Q, rotations U, B and C, and V the visibility of each
 * direction; E(x) = Uᵀ·Λ·V⁻¹·Qᵀx/s with the chosen spectrum Λ. Without bend and clip E∘D = Uᵀ·Λ·U.
 */
import type { Autoencoder } from '../../src/autoencoder/index.js'
import { map, subtract, type Tensor, tensor, torchGenerator } from '../../src/math/index.js'
import { orthonormalRows } from './problems.js'

/** The number of directions of each bad kind. The others are good, with eigenvalues from 0.7 to 1.3. */
export interface SpectralWorld {
  readonly seed: number
  /** Directions with eigenvalues from 0.02 to 0.3. */
  readonly weak: number
  /** Directions with eigenvalues from −0.5 to −0.1. */
  readonly negative: number
  /** Planes with eigenvalues a ± ib, a from −0.3 to 0.3, b from 0.2 to 0.8. */
  readonly turned: number
  /** How strongly D shows the directions that are not good: what a decoder hardly shows, an encoder hardly sees. */
  readonly visibility: number
  readonly bend: number
  /** The standard deviation of the pixels of a white latent whose directions are all visible. */
  readonly amplitude: number
  readonly clips: boolean
}

export const imageShape = [3, 8, 16]
export const latentShape = [12, 4, 4]
export const entries = 192
const pixels = 384

/** Rows of orthonormal vectors, one after the other. */
type Rows = Float64Array
const rowsOf = (seed: number, columns: number): Rows =>
  Float64Array.from(orthonormalRows(seed, entries, columns).flat())
/** The same for every world: drawing them costs more than inverting. */
const [U, C, Q, B] = [rowsOf(41, entries), rowsOf(42, entries), rowsOf(43, pixels), rowsOf(44, entries)]

/** Rows · x. */
function apply(rows: Rows, x: Float64Array): Float64Array {
  const result = new Float64Array(entries)
  for (let i = 0, at = 0; i < entries; i++) {
    let sum = 0
    for (let j = 0; j < x.length; j++) sum += rows[at++]! * x[j]!
    result[i] = sum
  }
  return result
}

/** Rowsᵀ · y. */
function applyTransposed(rows: Rows, y: Float64Array): Float64Array {
  const columns = rows.length / entries
  const result = new Float64Array(columns)
  for (let i = 0, at = 0; i < entries; i++) for (let j = 0; j < columns; j++) result[j]! += rows[at++]! * y[i]!
  return result
}

export interface SpectralAutoencoder extends Required<Omit<Autoencoder, 'profile'>> {
  /** Uᵀ·Λ·U·z: what an encoder makes of a latent. */
  shrunk(latent: Tensor): Tensor
}

export function spectralAutoencoder(world: SpectralWorld): SpectralAutoencoder {
  const { weak, negative, turned, visibility, bend, amplitude, clips } = world
  const random = torchGenerator(world.seed)
  const planes = Array.from({ length: turned }, () => [random.uniform(-0.3, 0.3), random.uniform(0.2, 0.8)] as const)
  const numbers = Array.from({ length: entries - 2 * turned }, (_, i) =>
    i < weak ? random.uniform(0.02, 0.3) : i < weak + negative ? random.uniform(-0.5, -0.1) : random.uniform(0.7, 1.3),
  )
  const bad = 2 * turned + weak + negative
  const scale = amplitude * Math.sqrt(pixels / entries)
  const visible = Float64Array.from({ length: entries }, (_, k) => scale * (k < bad ? visibility : 1))

  /** Λ in the basis U: planes first. */
  const spectrum = (y: Float64Array): Float64Array =>
    y.map((value, k) => {
      const plane = planes[k >> 1]
      if (!plane) return numbers[k - 2 * turned]! * value
      const [a, b] = plane
      return k % 2 === 0 ? a * value - b * y[k + 1]! : a * value + b * y[k - 1]!
    })
  /** z + bend·B·tanh(C·z) */
  const bent = (z: Float64Array) => {
    if (bend === 0) return z
    const moved = applyTransposed(B, apply(C, z).map(Math.tanh))
    return z.map((value, i) => value + bend * moved[i]!)
  }
  const shown = (y: Float64Array) => y.map((value, k) => visible[k]! * value)
  const raw = (z: Float64Array) => tensor(imageShape, applyTransposed(Q, shown(apply(U, bent(z)))))
  const clipped = (x: Tensor) => (clips ? map(x, (pixel) => Math.min(Math.max(pixel, -1), 1)) : x)
  const decode = (z: Tensor) => clipped(raw(z.data))
  const inU = (f: (y: Float64Array) => Float64Array, y: Float64Array) => tensor(latentShape, applyTransposed(U, f(y)))
  const encode = (x: Tensor) =>
    inU(
      spectrum,
      apply(Q, x.data).map((value, k) => value / visible[k]!),
    )
  return {
    shrunk: (latent) => inU(spectrum, apply(U, latent.data)),
    encode: async (image) => encode(image),
    decode: async (latent) => decode(latent),
    async roundTrip(latent) {
      const image = decode(latent)
      return { image, latent: encode(image) }
    },
    // J = s·Q·V·U·(1 + bend·B·diag(1 − tanh²)·C), its rows zero where the pixel is clipped.
    async pullback(latent, image) {
      const unclipped = raw(latent.data)
      const decoded = clipped(unclipped)
      const isCut = (i: number) => clips && Math.abs(unclipped.data[i]!) > 1
      const error = map(subtract(decoded, image), (value, i) => (isCut(i) ? 0 : value)).data
      const linear = applyTransposed(U, shown(apply(Q, error)))
      const slope = apply(C, latent.data).map((value) => 1 - Math.tanh(value) ** 2)
      const pulled = applyTransposed(
        C,
        apply(B, linear).map((value, i) => bend * slope[i]! * value),
      )
      return {
        image: decoded,
        gradient: tensor(
          latentShape,
          linear.map((value, i) => value + pulled[i]!),
        ),
      }
    },
  }
}
