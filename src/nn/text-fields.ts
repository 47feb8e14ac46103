/** Fields that transformers writes into every text encoder's configuration and that change nothing of its states. */

const training = 'acts in training alone'
const words = 'words become numbers in the tokenizer, which says it'
const generation = 'belongs to models that write text'
const form = 'says in which form the library answers'

export const commonTextHarmless: Readonly<Record<string, string>> = {
  initializer_factor: training,
  initializer_range: training,
  gradient_checkpointing: training,
  bos_token_id: words,
  pad_token_id: words,
  sep_token_id: words,
  tokenizer_class: words,
  dtype: 'weights say their own type',
  torch_dtype: 'weights say their own type',
  model_type: 'repeats the class',
  transformers_version: 'the version that wrote the file',
  return_dict: form,
  output_attentions: form,
  output_hidden_states: form,
  torchscript: form,
  use_bfloat16: form,
  use_return_dict: form,
  tie_word_embeddings: generation,
  is_encoder_decoder: generation,
  is_decoder: generation,
  use_cache: generation,
}
