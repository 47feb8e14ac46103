/** Numbers on the host; not a word of diffusion. */
export { fromBfloat16Bits, fromHalfBits, roundHalf, toBfloat16Bits, toHalfBits } from './half.js'
export { type TorchGenerator, torchGenerator, torchNoise } from './noise.js'
export {
  combine,
  dot,
  formatShape,
  isFinite,
  map,
  norm,
  type Shape,
  sameShape,
  sizeOf,
  subtract,
  type Tensor,
  tensor,
  zeros,
} from './tensor.js'
