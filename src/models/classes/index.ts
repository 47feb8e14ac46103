/** The classes of networks that are built here, written out. A new one is a file beside this and a line in it. */
import { autoencoderKl } from './autoencoder-kl.js'
import { autoencoderKlFlux2 } from './autoencoder-kl-flux-2.js'
import { autoencoderKlQwenImage } from './autoencoder-kl-qwen-image.js'
import { autoencoderKlTemporalDecoder } from './autoencoder-kl-temporal-decoder.js'
import { autoencoderKlWan } from './autoencoder-kl-wan.js'
import { autoencoderTiny } from './autoencoder-tiny.js'
import { clipText } from './clip-text.js'
import { flux2Transformer } from './flux-2-transformer.js'
import { fluxTransformer } from './flux-transformer.js'
import type { NetworkClass } from './network-class.js'
import { qwenImageTransformer } from './qwen-image-transformer.js'
import { qwen25Vl } from './qwen2-5-vl.js'
import { qwen3 } from './qwen3.js'
import { sd3Transformer } from './sd3-transformer.js'
import { t5Encoder } from './t5-encoder.js'
import { unet2dCondition } from './unet-2d-condition.js'
import { unet3dCondition } from './unet-3d-condition.js'

import { wanTransformer } from './wan-transformer.js'

import { zImageTransformer } from './z-image-transformer.js'

export const networkClasses: readonly NetworkClass[] = [
  autoencoderKl,
  autoencoderTiny,
  autoencoderKlWan,
  autoencoderKlQwenImage,
  autoencoderKlFlux2,
  autoencoderKlTemporalDecoder,
  unet2dCondition,
  unet3dCondition,
  sd3Transformer,
  wanTransformer,
  zImageTransformer,
  fluxTransformer,
  flux2Transformer,
  qwenImageTransformer,
  clipText,
  t5Encoder,
  qwen3,
  qwen25Vl,
]

export const autoencoderClasses = [
  autoencoderKl,
  autoencoderTiny,
  autoencoderKlWan,
  autoencoderKlQwenImage,
  autoencoderKlFlux2,
  autoencoderKlTemporalDecoder,
] as const
