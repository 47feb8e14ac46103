/** Flux2Transformer2DModel: the denoising network of FLUX.2. */
import {
  flux2TransformerConfig,
  flux2TransformerGraph,
  flux2TransformerInputs,
  predict,
} from '../../nn/flux-2-transformer.js'
import { fedShape, type NetworkClass } from './network-class.js'

export const flux2Transformer: NetworkClass = {
  classNames: ['Flux2Transformer2DModel'],
  role: 'transformer',
  network(file, weights) {
    const config = flux2TransformerConfig(file)
    return {
      inputs: ['hidden_states', 'timestep', 'encoder_hidden_states', 'txt_ids', 'img_ids'],
      graph(shapes) {
        const [batch, places] = fedShape(shapes, 'hidden_states', ['batch', 'tokens', 'channels'])
        const [, tokens] = fedShape(shapes, 'encoder_hidden_states', ['batch', 'tokens', 'channels'])
        return flux2TransformerGraph(config, weights, { batch: batch!, places: places!, tokens: tokens! })
      },
    }
  },
  declare(b, parameters, file) {
    const config = flux2TransformerConfig(file)
    predict(b, parameters, config, flux2TransformerInputs(b, config, { batch: 1, places: 1, tokens: 1 }))
  },
}
