/** QwenImageTransformer2DModel: the denoising network of Qwen-Image. */
import {
  lengthsName,
  predict,
  qwenImageTransformerConfig,
  qwenImageTransformerGraph,
  qwenImageTransformerInputs,
} from '../../nn/qwen-image-transformer.js'
import { fedPicture, fedStates, type NetworkClass } from './network-class.js'

export const qwenImageTransformer: NetworkClass = {
  classNames: ['QwenImageTransformer2DModel'],
  role: 'transformer',
  // Its first publication has diffusers' names.
  originalNames: (names) => (name) => (names.includes(name) ? { tensor: name } : undefined),
  network(file, weights) {
    const config = qwenImageTransformerConfig(file)
    return {
      inputs: ['sample', 'timestep', 'encoder_hidden_states', lengthsName],
      graph(shapes) {
        const { batch, height, width } = fedPicture(shapes, 'sample')
        const { tokens } = fedStates(shapes, 'encoder_hidden_states')
        return qwenImageTransformerGraph(config, weights, { batch, height, width, tokens })
      },
    }
  },
  declare(b, parameters, file) {
    const config = qwenImageTransformerConfig(file)
    const { patchSize: side } = config
    const inputs = qwenImageTransformerInputs(b, config, { batch: 1, height: side, width: side, tokens: 1 })
    predict(b, parameters, config, inputs)
  },
}
