/** The fields of model_index.json: what it says beside its parts, and what is not read as an option. */
import type { ConfigReader } from '../nn/parameters.js'

const opened = 'a part, which is opened where it is needed'
const notAsked = 'a part that text-to-image does not ask'

/** What of model_index.json is not read as an option. */
export const pipelineHarmless: Readonly<Record<string, string>> = {
  vae: opened,
  unet: opened,
  transformer: opened,
  scheduler: opened,
  text_encoder: opened,
  text_encoder_2: opened,
  text_encoder_3: opened,
  tokenizer: opened,
  tokenizer_2: opened,
  tokenizer_3: opened,
  safety_checker: notAsked,
  feature_extractor: notAsked,
  image_encoder: notAsked,
  requires_safety_checker: notAsked,
}

export interface PipelineFields {
  /** `_guidance_scale`, ours: diffusers passes names with _ over. */
  readonly guidance: number
  /** Whether no text means states of zeros. */
  readonly zeroNegative: boolean
}

/** What model_index.json says, or the family's own. Errors: `unsupported` for a field that is not understood, with its value. */
export function readPipelineFields(index: ConfigReader, own: PipelineFields): PipelineFields {
  const said = {
    zeroNegative: index.boolean('force_zeros_for_empty_prompt', own.zeroNegative),
    guidance: index.number('_guidance_scale', own.guidance),
  }
  index.done(pipelineHarmless)
  return said
}
