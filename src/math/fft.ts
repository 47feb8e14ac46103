/**
 * The two-dimensional discrete Fourier transform of real and complex arrays of any size, and the shift that puts the
 * zero frequency in the middle. For latents and noise of up to a few hundred a side; not tuned beyond that.
 */
import { expected } from '../core/errors.js'
import { map, type Shape, type Tensor, zeros } from './tensor.js'

/** A complex array in two parts of one shape. */
export interface Spectrum {
  readonly real: Tensor
  readonly imaginary: Tensor
}

/** Transforms one line of a fixed length in place. */
type LineTransform = (real: Float64Array, imaginary: Float64Array) => void

/**
 * The Fourier transform over the last two axes.
 *
 * X[u, v] = Σ x[h, w]·exp(−2πi(uh/H + vw/W)); earlier axes are independent planes. O(n log n) for every size.
 * Source: as `torch.fft.fft2`; Cooley and Tukey, 1965, and Bluestein, 1970, for sizes that are no power of two.
 *
 * @example fft2(torchNoise(0, [4, 64, 64])).real.shape // [4, 64, 64]
 */
export function fft2(x: Tensor | Spectrum): Spectrum {
  const spectrum = 'real' in x ? copy(x.real, x.imaginary) : copy(x, zeros(x.shape))
  transformLastTwo(spectrum.real, spectrum.imaginary)
  return spectrum
}

/**
 * The inverse of `fft2`, with its factor 1/(H·W): inverseFft2(fft2(x)).real is x.
 *
 * Exchanging real and imaginary parts before and after turns the transform into its inverse.
 */
export function inverseFft2(x: Spectrum): Spectrum {
  const swapped = copy(x.imaginary, x.real)
  transformLastTwo(swapped.real, swapped.imaginary)
  const { height, width } = planes(x.real.shape)
  const scaled = (part: Tensor) => map(part, (value) => value / (height * width))
  return { real: scaled(swapped.imaginary), imaginary: scaled(swapped.real) }
}

/** Moves the zero frequency of the last two axes from the corner to [⌊H/2⌋, ⌊W/2⌋]. */
export const fftshift = (x: Tensor): Tensor => rotate(x, (size) => Math.floor(size / 2))

/** The inverse of `fftshift`; another map when a side is odd. */
export const inverseFftshift = (x: Tensor): Tensor => rotate(x, (size) => Math.ceil(size / 2))

const copy = (real: Tensor, imaginary: Tensor): Spectrum => ({
  real: { shape: real.shape, data: real.data.slice() },
  imaginary: { shape: imaginary.shape, data: imaginary.data.slice() },
})

function planes(shape: Shape): { readonly height: number; readonly width: number } {
  const [height, width] = shape.slice(-2)
  if (!height || !width) {
    const what = 'an array of at least two axes, none empty,'
    throw expected('bad-shape', what, 'the Fourier transform', `[${shape}]`, 'Check its shape.')
  }
  return { height, width }
}

function transformLastTwo(real: Tensor, imaginary: Tensor) {
  const { height, width } = planes(real.shape)
  const rows = stridedTransform(width)
  const columns = stridedTransform(height)
  for (let plane = 0; plane < real.data.length; plane += height * width) {
    for (let y = 0; y < height; y++) rows(real.data, imaginary.data, plane + y * width, 1)
    for (let x = 0; x < width; x++) columns(real.data, imaginary.data, plane + x, width)
  }
}

/** Transforms lines of n numbers that lie `stride` apart, one after the other. */
function stridedTransform(n: number) {
  const transform = lineTransform(n)
  const [re, im] = [new Float64Array(n), new Float64Array(n)]
  return (real: Float64Array, imaginary: Float64Array, start: number, stride: number) => {
    for (let i = 0, at = start; i < n; i++, at += stride) {
      re[i] = real[at]!
      im[i] = imaginary[at]!
    }
    transform(re, im)
    for (let i = 0, at = start; i < n; i++, at += stride) {
      real[at] = re[i]!
      imaginary[at] = im[i]!
    }
  }
}

const lineTransform = (n: number): LineTransform => ((n & (n - 1)) === 0 ? powerOfTwo(n) : bluestein(n))

/** exp(−πi·index/n) for indices 0 … count − 1. */
function roots(n: number, count: number, power: (index: number) => number) {
  const angle = (index: number) => (Math.PI * power(index)) / n
  return {
    cosine: Float64Array.from({ length: count }, (_, i) => Math.cos(angle(i))),
    sine: Float64Array.from({ length: count }, (_, i) => -Math.sin(angle(i))),
  }
}

/** Decimation in time, with the input in bit-reversed order. */
function powerOfTwo(n: number): LineTransform {
  const { cosine, sine } = roots(n, n / 2, (i) => 2 * i)
  const reversed = new Uint32Array(n)
  for (let i = 1; i < n; i++) reversed[i] = (reversed[i >> 1]! >> 1) | (i & 1 ? n >> 1 : 0)
  return (real, imaginary) => {
    for (const part of [real, imaginary]) {
      for (let i = 0; i < n; i++) {
        const j = reversed[i]!
        if (i >= j) continue
        const moved = part[i]!
        part[i] = part[j]!
        part[j] = moved
      }
    }
    for (let half = 1; half < n; half *= 2) {
      const stride = n / (2 * half)
      for (let start = 0; start < n; start += 2 * half) {
        for (let k = 0; k < half; k++) {
          const low = start + k
          const high = low + half
          const c = cosine[k * stride]!
          const s = sine[k * stride]!
          const re = real[high]! * c - imaginary[high]! * s
          const im = real[high]! * s + imaginary[high]! * c
          real[high] = real[low]! - re
          imaginary[high] = imaginary[low]! - im
          real[low]! += re
          imaginary[low]! += im
        }
      }
    }
  }
}

/** Any length as a convolution with a chirp, X[k] = c[k]·Σ (x[j]·c[j])·c̄[k−j] with c[k] = exp(−πi k²/n). */
function bluestein(n: number): LineTransform {
  let size = 1
  while (size < 2 * n - 1) size *= 2
  const inner = powerOfTwo(size)
  // k² is reduced modulo 2n, the chirp's period, since angles of large k² would lose digits.
  const { cosine, sine } = roots(n, n, (k) => (k * k) % (2 * n))
  const chirpReal = new Float64Array(size)
  const chirpImaginary = new Float64Array(size)
  for (let k = 0; k < n; k++) {
    chirpReal[k] = chirpReal[(size - k) % size] = cosine[k]!
    chirpImaginary[k] = chirpImaginary[(size - k) % size] = -sine[k]!
  }
  inner(chirpReal, chirpImaginary)
  const [re, im] = [new Float64Array(size), new Float64Array(size)]
  return (real, imaginary) => {
    re.fill(0, n)
    im.fill(0, n)
    for (let k = 0; k < n; k++) {
      re[k] = real[k]! * cosine[k]! - imaginary[k]! * sine[k]!
      im[k] = real[k]! * sine[k]! + imaginary[k]! * cosine[k]!
    }
    inner(re, im)
    for (let k = 0; k < size; k++) {
      const product = re[k]! * chirpReal[k]! - im[k]! * chirpImaginary[k]!
      im[k] = re[k]! * chirpImaginary[k]! + im[k]! * chirpReal[k]!
      re[k] = product
    }
    // Exchanged parts make the forward transform an inverse one.
    inner(im, re)
    for (let k = 0; k < n; k++) {
      real[k] = (re[k]! * cosine[k]! - im[k]! * sine[k]!) / size
      imaginary[k] = (re[k]! * sine[k]! + im[k]! * cosine[k]!) / size
    }
  }
}

function rotate(x: Tensor, by: (size: number) => number): Tensor {
  const { height, width } = planes(x.shape)
  const data = new Float64Array(x.data.length)
  for (let i = 0; i < data.length; i++) {
    const plane = i - (i % (height * width))
    const row = (Math.floor((i - plane) / width) + by(height)) % height
    const column = ((i % width) + by(width)) % width
    data[plane + row * width + column] = x.data[i]!
  }
  return { shape: x.shape, data }
}
