/**
 * Tree-ring marks as the released code makes them, for comparison with published numbers. The mask is one row off the zero
 * frequency, so that keys are not conjugate-symmetric and part of them is lost when the real part is kept.
 */
import { inverseFft2, inverseFftshift, type Spectrum } from '../../../math/fft.js'
import { once } from '../../../math/once.js'
import type { Shape, Tensor } from '../../../math/tensor.js'
import { zeros } from '../../../math/tensor.js'
import { planesOf } from '../../../pictures/planes.js'
import { blocksOf, normals, type Secret } from '../../secret.js'
import { checked, type Reading, refuseMessage, type Watermark } from '../../watermark.js'
import { distancePValue, referencePValue } from './distance.js'
import { planeOf, shiftedSpectrum, withPlane } from './spectrum.js'

/** A complex number for each masked bin of the shifted spectrum, in units of the orthonormal transform. */
export interface ReleasedKey {
  readonly channel: number
  /** Places in the shifted spectrum, height × width. */
  readonly places: readonly number[]
  readonly real: Float64Array
  readonly imaginary: Float64Array
}

export interface ReleasedSettings {
  readonly pattern: 'rand' | 'ring' | 'zeros' | 'const'
  readonly channel: number
  readonly radius: number
  readonly constant: number
}

/** Where the released code's reversed y axis puts row ⌊H/2⌋: one row up for even heights, nowhere else for odd ones. */
const releasedRow = (height: number): number => height - 1 - Math.floor(height / 2)

/**
 * The bins of a disc of the shifted spectrum as the released `circle_mask` has it: (x − ⌊W/2⌋)² + (y − y₀)² ≤ r². Its y axis
 * is reversed: y₀ = H − 1 − ⌊H/2⌋, which is H/2 − 1 for even heights, one row off the zero frequency.
 */
export function releasedDisc(height: number, width: number, radius: number): readonly number[] {
  return discAround(height, width, radius, releasedRow(height))
}

/** The same disc around the zero frequency, [⌊H/2⌋, ⌊W/2⌋]. */
export function centredDisc(height: number, width: number, radius: number): readonly number[] {
  return discAround(height, width, radius, Math.floor(height / 2))
}

function discAround(height: number, width: number, radius: number, centreRow: number): readonly number[] {
  const places: number[] = []
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if ((x - Math.floor(width / 2)) ** 2 + (y - centreRow) ** 2 <= radius ** 2) places.push(y * width + x)
    }
  }
  return places
}

function planeFrom({ real, imaginary }: Spectrum): Tensor {
  const scale = Math.sqrt(real.data.length)
  const scaled = (part: Tensor) => ({
    shape: part.shape,
    data: inverseFftshift(part).data.map((value) => scale * value),
  })
  return inverseFft2({ real: scaled(real), imaginary: scaled(imaginary) }).real
}

/** Writes the key into the masked bins and keeps the real part. */
export function imprintReleased(noise: Tensor, { channel, places, real, imaginary }: ReleasedKey): Tensor {
  const spectrum = shiftedSpectrum(planeOf(noise, channel))
  places.forEach((place, i) => {
    spectrum.real.data[place] = real[i]!
    spectrum.imaginary.data[place] = imaginary[i]!
  })
  return withPlane(noise, channel, planeFrom(spectrum))
}

/** What the masked bins of a noise hold. */
export function readReleased(
  noise: Tensor,
  { channel, places }: Pick<ReleasedKey, 'channel' | 'places'>,
): Pick<ReleasedKey, 'real' | 'imaginary'> {
  const spectrum = shiftedSpectrum(planeOf(noise, channel))
  const at = (part: Tensor) => Float64Array.from(places, (place) => part.data[place]!)
  return { real: at(spectrum.real), imaginary: at(spectrum.imaginary) }
}

/** The released distance: the mean of |F̂ − key| over the mask. */
export function releasedDistance(noise: Tensor, key: ReleasedKey): number {
  const { real, imaginary } = readReleased(noise, key)
  const sum = real.reduce(
    (total, value, i) => total + Math.hypot(value - key.real[i]!, imaginary[i]! - key.imaginary[i]!),
    0,
  )
  return sum / key.places.length
}

function keyOf({ pattern, channel, radius, constant }: ReleasedSettings, secret: Secret, shape: Shape, member: number) {
  const { height, width } = planesOf(shape)
  const places = releasedDisc(height, width, radius)
  const own = (i: number) => (pattern === 'rand' ? i : ringOf(places[i]!, height, width))
  const factors = pattern === 'rand' ? places.length : radius + 1
  const values = normals(secret, 'released', 2 * factors, member * blocksOf(2 * factors))
  const value = (i: number, part: number) => {
    if (pattern === 'zeros') return 0
    if (pattern === 'const') return part === 0 ? constant : 0
    return values[2 * own(i) + part]! * Math.SQRT1_2
  }
  const part = (which: number) => Float64Array.from(places, (_, i) => value(i, which))
  return { channel, places, real: part(0), imaginary: part(1) }
}

/** Discs are filled from the outside in: the ring of a bin is the smallest disc that holds it. */
function ringOf(place: number, height: number, width: number): number {
  const [x, y] = [place % width, Math.floor(place / width)]
  return Math.ceil(Math.hypot(x - Math.floor(width / 2), y - releasedRow(height)))
}

/** The numbers of the mask and of its opposite bins that are independent of each other, read from a plane. */
function independent(plane: Tensor, places: readonly number[]): Float64Array {
  const [height, width] = plane.shape as [number, number]
  const { real, imaginary } = shiftedSpectrum(plane)
  // The zero frequency is at ⌊n/2⌋: the opposite of place i is 2⌊n/2⌋ − i.
  const mirrored = (i: number, n: number) => (2 * Math.floor(n / 2) - i + n) % n
  const opposite = (place: number) => {
    const [x, y] = [place % width, Math.floor(place / width)]
    return mirrored(y, height) * width + mirrored(x, width)
  }
  const seen = new Set<number>()
  const numbers: number[] = []
  for (const place of places) {
    const other = opposite(place)
    if (seen.has(place) || seen.has(other)) continue
    seen.add(place)
    if (other === place) numbers.push(real.data[place]!)
    else numbers.push(Math.SQRT2 * real.data[place]!, Math.SQRT2 * imaginary.data[place]!)
  }
  return Float64Array.from(numbers)
}

/** Tree-ring with the released mask: reads the released distance, its p-value, and one that is exact given white noise. */
export function releasedTreeRing(settings: ReleasedSettings, secret: Secret, shape: Shape, member: number): Watermark {
  const key = keyOf(settings, secret, shape, member)
  // What of the key survives the real part: the mark of no noise at all.
  const surviving = independent(planeOf(imprintReleased(zeros(shape), key), key.channel), key.places)
  return checked({
    name: 'tree-ring',
    latentShape: shape,
    messageBits: 0,
    spectralMask: { planes: [key.channel], places: key.places },
    imprint(noise, message) {
      refuseMessage(message, 'tree-ring')
      return imprintReleased(noise, key)
    },
    read(noise): Reading {
      const plane = planeOf(noise, key.channel)
      const found = independent(plane, key.places)
      const total = plane.data.reduce((sum, value) => sum + value * value, 0)
      const energy = Math.max(0, total - found.reduce((sum, value) => sum + value * value, 0))
      const pValue = distancePValue(found, surviving, { energy, count: plane.data.length - found.length })
      const meanAbsolute = releasedDistance(noise, key)
      const reference = () => {
        const { real, imaginary } = readReleased(noise, key)
        return referencePValue([...real, ...imaginary], [...key.real, ...key.imaginary])
      }
      return {
        score: -meanAbsolute,
        pValue,
        exactGiven: 'white-noise',
        distance: once(() => ({ meanAbsolute, pValue, referencePValue: reference() })),
      }
    },
  })
}
