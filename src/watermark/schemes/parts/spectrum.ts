/**
 * The spectrum of one plane of noise as independent real numbers. A real plane has a conjugate-symmetric spectrum,
 * F(−u) = F̄(u): half of its bins say everything, and of white noise of unit deviation every number here is a standard
 * normal one, independent of the others.
 */
import { fft2, fftshift, inverseFft2, type Spectrum } from '../../../math/fft.js'
import { map, type Tensor } from '../../../math/tensor.js'
import { planesOf } from '../../../pictures/planes.js'

/** A bin of the upper half of the spectrum, by its frequency; the opposite one is its conjugate. */
export interface Bin {
  readonly row: number
  readonly column: number
  /** |u|, in cycles across the plane. */
  readonly radius: number
}

/** One plane of a noise: a channel, or a frame of one. */
export function planeOf({ shape, data }: Tensor, plane: number): Tensor {
  const { height, width } = planesOf(shape)
  const area = height * width
  return { shape: [height, width], data: data.slice(plane * area, (plane + 1) * area) }
}

/** The noise with one plane replaced. */
export function withPlane({ shape, data }: Tensor, at: number, plane: Tensor): Tensor {
  const changed = data.slice()
  changed.set(plane.data, at * plane.data.length)
  return { shape, data: changed }
}

/** The frames of some channels as planes, channel by channel: of a picture the channels themselves. */
export const framesOfChannels = (channels: readonly number[], frames: number): readonly number[] =>
  channels.flatMap((channel) => Array.from({ length: frames }, (_, frame) => channel * frames + frame))

/**
 * The bins of 0 < |u| ≤ radius, one of each pair of opposite ones, by radius. The zero frequency, a picture's mean
 * brightness, is left out: of no picture is it chance. The radius stays below half a side, where bins are their own
 * opposites.
 *
 * @example halfDisc(1).length // 2
 */
export function halfDisc(radius: number): readonly Bin[] {
  const found: Bin[] = []
  for (let row = 0; row <= radius; row++) {
    for (let column = -radius; column <= radius; column++) {
      const distance = Math.hypot(row, column)
      const isUpper = row > 0 || column > 0
      if (isUpper && distance <= radius) found.push({ row, column, radius: distance })
    }
  }
  return found.sort((a, b) => a.radius - b.radius || a.row - b.row || a.column - b.column)
}

const indexOf = ({ row, column }: Pick<Bin, 'row' | 'column'>, [height, width]: readonly number[]): number =>
  ((row + height!) % height!) * width! + ((column + width!) % width!)

/** √(1/HW)·F of a plane, the zero frequency in the middle, [⌊H/2⌋, ⌊W/2⌋]. */
export function shiftedSpectrum(plane: Tensor): Spectrum {
  const { real, imaginary } = fft2(plane)
  const scale = 1 / Math.sqrt(plane.data.length)
  const scaled = (part: Tensor) => map(fftshift(part), (value) => scale * value)
  return { real: scaled(real), imaginary: scaled(imaginary) }
}

/** Where bins and their opposites are in the shifted spectrum: row·width + column. */
export function placesOf(bins: readonly Bin[], height: number, width: number): readonly number[] {
  const [row, column] = [Math.floor(height / 2), Math.floor(width / 2)]
  return bins.flatMap((bin) => [1, -1].map((side) => (row + side * bin.row) * width + column + side * bin.column))
}

/**
 * |F| of one plane of a noise, a channel or a frame of one, height × width: F the orthonormal Fourier transform, the zero frequency in the middle. Of
 * white noise of unit deviation the square is 1 on average, everywhere. It comes from the noise alone.
 *
 * @example spectrumMagnitude(torchNoise(0, [4, 16, 16]), 3).shape // [16, 16]
 */
export function spectrumMagnitude(noise: Tensor, plane: number): Tensor {
  const { real, imaginary } = shiftedSpectrum(planeOf(noise, plane))
  return map(real, (value, i) => Math.hypot(value, imaginary.data[i]!))
}

/** √(2/HW)·(Re F(u), Im F(u)) for each bin: an isometry of planes whose other bins are 0. */
export function coordinatesOf(plane: Tensor, bins: readonly Bin[]): Float64Array {
  const { real, imaginary } = fft2(plane)
  const scale = Math.sqrt(2 / plane.data.length)
  const coordinates = new Float64Array(2 * bins.length)
  bins.forEach((bin, i) => {
    const at = indexOf(bin, plane.shape)
    coordinates[2 * i] = scale * real.data[at]!
    coordinates[2 * i + 1] = scale * imaginary.data[at]!
  })
  return coordinates
}

/** The plane with these numbers in place of its own; what `coordinatesOf` reads from it, all others as they were. */
export function withCoordinates(plane: Tensor, bins: readonly Bin[], coordinates: ArrayLike<number>): Tensor {
  const spectrum: Spectrum = fft2(plane)
  const scale = 1 / Math.sqrt(2 / plane.data.length)
  bins.forEach((bin, i) => {
    const opposite = { row: -bin.row, column: -bin.column }
    for (const [at, sign] of [
      [indexOf(bin, plane.shape), 1],
      [indexOf(opposite, plane.shape), -1],
    ] as const) {
      spectrum.real.data[at] = scale * coordinates[2 * i]!
      spectrum.imaginary.data[at] = sign * scale * coordinates[2 * i + 1]!
    }
  })
  return inverseFft2(spectrum).real
}

/** Σ of the squares of all numbers but the means' and these bins': what is outside a mask of some planes, and how many there are. */
export function energyOutside(planes: readonly Tensor[], inside: ArrayLike<number>): { energy: number; count: number } {
  const within = Array.from(inside).reduce((squares, x) => squares + x * x, 0)
  let [energy, count] = [-within, -inside.length]
  for (const { data } of planes) {
    const [total, sum] = data.reduce(([squares, values], x) => [squares + x * x, values + x], [0, 0])
    energy += total! - sum! ** 2 / data.length
    count += data.length - 1
  }
  // Differences of sums may fall below zero by rounding.
  return { energy: Math.max(0, energy), count }
}
