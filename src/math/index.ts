/** Numbers on the host; not a word of diffusion. */
export {
  binomialInterval,
  binomialTail,
  chiSquareCdf,
  kolmogorovSmirnov,
  noncentralChiSquareCdf,
  normalCdf,
  normalQuantile,
  scaledDistanceCdf,
} from './distributions.js'
export { type Eigen, symmetricEigen } from './eigen.js'
export { fft2, fftshift, inverseFft2, inverseFftshift, type Spectrum } from './fft.js'
export { fromBfloat16Bits, fromHalfBits, roundHalf, toBfloat16Bits, toHalfBits } from './half.js'
export { nmseDb } from './nmse.js'
export { type TorchGenerator, torchGenerator, torchNoise } from './noise.js'
export { once } from './once.js'
export {
  confidenceInterval,
  fitLine,
  type Interval,
  type Line,
  mean,
  median,
  quantile,
  studentTCdf,
  studentTQuantile,
  variance,
  wilsonInterval,
} from './statistics.js'
export * from './tensor.js'
