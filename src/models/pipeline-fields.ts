/** The fields of model_index.json that name a pipeline's parts. Their own readers open them. */
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
