/** The language model of Qwen2.5-VL. Pipelines read nothing else, so the half that looks at pictures is not built. */
import { configOf } from '../../checkpoints/config.js'
import { isJsonObject } from '../../checkpoints/json.js'
import type { ConfigReader, WeightSource } from '../../nn/parameters.js'
import {
  hiddenStates,
  type QwenTextConfig,
  qwen3Harmless,
  qwen25VlConfig,
  qwen25VlHarmless,
  qwenTextGraph,
  qwenTextInputs,
} from '../../nn/qwen-text.js'
import { fedWords, type NetworkClass } from './network-class.js'

const again = 'repeats text_config'

/** What files say beside a `text_config`. */
const besideText: Readonly<Record<string, string>> = {
  ...qwen3Harmless,
  ...qwen25VlHarmless,
  ...Object.fromEntries(
    [
      'hidden_act',
      'hidden_size',
      'intermediate_size',
      'layer_types',
      'max_position_embeddings',
      'num_attention_heads',
      'num_hidden_layers',
      'num_key_value_heads',
      'rms_norm_eps',
      'rope_parameters',
      'rope_scaling',
      'rope_theta',
      'use_sliding_window',
      'vocab_size',
    ].map((field) => [field, again]),
  ),
}

/** What the file says of the language model: in `text_config`, or, in older ones, beside all the rest. */
export function qwen25VlTextConfig(file: ConfigReader): QwenTextConfig {
  const text = file.value('text_config')
  if (!isJsonObject(text)) return qwen25VlConfig(file)
  file.strings('architectures', [])
  file.done(besideText)
  return qwen25VlConfig(configOf(`${file.file}, text_config`, text))
}

/** What weights are called before `layers`: transformers 4.52 to 4.57 may put the language model in a room of its own. */
export const qwen25VlRoot = ({ has }: Pick<WeightSource, 'has'>): string =>
  has('model.language_model.embed_tokens.weight') && !has('model.embed_tokens.weight')
    ? 'model.language_model.'
    : 'model.'

export const qwen25Vl: NetworkClass = {
  classNames: ['Qwen2_5_VLForConditionalGeneration'],
  role: 'text_encoder',
  network(file, weights) {
    const config = qwen25VlTextConfig(file)
    return {
      inputs: ['input_ids', 'attention_mask'],
      graph(shapes) {
        const { batch, tokens } = fedWords(shapes)
        const read = { root: qwen25VlRoot(weights), numbers: [config.layers] }
        return qwenTextGraph(config, weights, { batch, tokens }, read)
      },
    }
  },
  declare(b, parameters, file) {
    const config = qwen25VlTextConfig(file)
    const read = { root: 'model.', numbers: [config.layers] }
    hiddenStates(b, parameters, config, qwenTextInputs(b, { batch: 1, tokens: 1 }), read)
  },
}
