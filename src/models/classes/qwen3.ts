/** The language model of Qwen3, with or without its head. */

import type { ConfigReader } from '../../nn/parameters.js'
import {
  hiddenStates,
  qwen3Classes,
  qwen3Config,
  qwen3Roots,
  qwenTextGraph,
  qwenTextInputs,
} from '../../nn/qwen-text.js'
import { fedShape, type NetworkClass } from './network-class.js'

/** What weights are called before `layers`, by the class that the configuration names. */
export const qwen3Root = (file: ConfigReader): string =>
  file.strings('architectures', []).includes('Qwen3ForCausalLM') ? qwen3Roots.Qwen3ForCausalLM : qwen3Roots.Qwen3Model

export const qwen3: NetworkClass = {
  classNames: qwen3Classes,
  role: 'text_encoder',
  network(file, weights) {
    const root = qwen3Root(file)
    const config = qwen3Config(file)
    return {
      inputs: ['input_ids', 'attention_mask'],
      graph(shapes) {
        const [batch, tokens] = fedShape(shapes, 'input_ids', ['batch', 'tokens']) as [number, number]
        return qwenTextGraph(config, weights, { batch, tokens }, { root, numbers: [config.layers] })
      },
    }
  },
  declare(b, parameters, file) {
    const root = qwen3Root(file)
    const config = qwen3Config(file)
    hiddenStates(b, parameters, config, qwenTextInputs(b, { batch: 1, tokens: 1 }), { root, numbers: [config.layers] })
  },
}
