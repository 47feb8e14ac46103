/** The fields of configurations that change nothing here, by the class that they are of, for documentation. */
import { everywhereHarmless } from '../checkpoints/config.js'
import { autoencoderKlHarmless } from '../nn/autoencoder-kl.js'
import { autoencoderTinyHarmless } from '../nn/autoencoder-tiny.js'
import { clipTextHarmless } from '../nn/clip-text.js'
import { t5EncoderHarmless } from '../nn/t5-encoder.js'
import { unet2dConditionHarmless } from '../nn/unet-2d-condition-config.js'
import { pipelineHarmless } from './pipeline-fields.js'

export const harmlessFields: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'every class': everywhereHarmless,
  'model_index.json': pipelineHarmless,
  UNet2DConditionModel: unet2dConditionHarmless,
  AutoencoderKL: autoencoderKlHarmless,
  AutoencoderTiny: autoencoderTinyHarmless,
  CLIPTextModel: clipTextHarmless,
  T5EncoderModel: t5EncoderHarmless,
}
