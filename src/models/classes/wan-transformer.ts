/** WanTransformer3DModel: the denoising network of Wan 2.1. */
import {
  predict,
  type Triple,
  wanTransformerConfig,
  wanTransformerGraph,
  wanTransformerInputs,
} from '../../nn/wan-transformer.js'
import { fedShape, type NetworkClass } from './network-class.js'

export const wanTransformer: NetworkClass = {
  classNames: ['WanTransformer3DModel'],
  role: 'transformer',
  network(file, weights) {
    const config = wanTransformerConfig(file)
    return {
      inputs: ['hidden_states', 'timestep', 'encoder_hidden_states'],
      graph(shapes) {
        const sample = fedShape(shapes, 'hidden_states', ['batch', 'channels', 'frames', 'height', 'width'])
        const states = fedShape(shapes, 'encoder_hidden_states', ['batch', 'tokens', 'channels'])
        const [batch, , ...sides] = sample as readonly [number, number, ...Triple]
        return wanTransformerGraph(config, weights, { batch, sides, tokens: states[1]! })
      },
    }
  },
  declare(b, parameters, file) {
    const config = wanTransformerConfig(file)
    predict(b, parameters, config, wanTransformerInputs(b, config, { batch: 1, sides: config.patch, tokens: 1 }))
  },
}
