/** The language model of Qwen3, with or without its head. */

import { hiddenStates, qwen3Classes, qwen3Config, qwenRoot, qwenTextGraph, qwenTextInputs } from '../../nn/qwen-text.js'
import { fedWords, type NetworkClass } from './network-class.js'

export const qwen3: NetworkClass = {
  classNames: qwen3Classes,
  role: 'text_encoder',
  network(file, weights) {
    const config = qwen3Config(file)
    return {
      inputs: ['input_ids', 'attention_mask'],
      graph(shapes) {
        const { batch, tokens } = fedWords(shapes)
        return qwenTextGraph(config, weights, { batch, tokens }, { root: qwenRoot(weights), numbers: [config.layers] })
      },
    }
  },
  declare(b, parameters, file) {
    const isHeaded = file.strings('architectures', []).includes('Qwen3ForCausalLM')
    const config = qwen3Config(file)
    const read = { root: isHeaded ? 'model.' : '', numbers: [config.layers] }
    hiddenStates(b, parameters, config, qwenTextInputs(b, { batch: 1, tokens: 1 }), read)
  },
}
