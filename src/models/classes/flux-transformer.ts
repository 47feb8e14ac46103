/** FluxTransformer2DModel: the denoising network of FLUX.1. */
import {
  fluxTransformerConfig,
  fluxTransformerGraph,
  fluxTransformerInputs,
  predict,
} from '../../nn/flux-transformer.js'
import { fedShape, type NetworkClass } from './network-class.js'

export const fluxTransformer: NetworkClass = {
  classNames: ['FluxTransformer2DModel'],
  role: 'transformer',
  network(file, weights) {
    const config = fluxTransformerConfig(file)
    return {
      inputs: [
        'hidden_states',
        'timestep',
        'encoder_hidden_states',
        'pooled_projections',
        'txt_ids',
        'img_ids',
        ...(config.embedsGuidance ? ['guidance'] : []),
      ],
      graph(shapes) {
        const [batch, places] = fedShape(shapes, 'hidden_states', ['batch', 'tokens', 'channels'])
        const [, tokens] = fedShape(shapes, 'encoder_hidden_states', ['batch', 'tokens', 'channels'])
        return fluxTransformerGraph(config, weights, { batch: batch!, places: places!, tokens: tokens! })
      },
    }
  },
  declare(b, parameters, file) {
    const config = fluxTransformerConfig(file)
    predict(b, parameters, config, fluxTransformerInputs(b, config, { batch: 1, places: 1, tokens: 1 }))
  },
}
