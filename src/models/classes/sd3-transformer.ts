/** SD3Transformer2DModel: the denoising network of Stable Diffusion 3 and 3.5. */
import { predict, sd3TransformerConfig, sd3TransformerGraph, sd3TransformerInputs } from '../../nn/sd3-transformer.js'
import { fedShape, type NetworkClass } from './network-class.js'

export const sd3Transformer: NetworkClass = {
  classNames: ['SD3Transformer2DModel'],
  role: 'transformer',
  network(file, weights) {
    const config = sd3TransformerConfig(file)
    return {
      inputs: ['hidden_states', 'timestep', 'encoder_hidden_states', 'pooled_projections'],
      graph(shapes) {
        const sample = fedShape(shapes, 'hidden_states', ['batch', 'channels', 'height', 'width'])
        const states = fedShape(shapes, 'encoder_hidden_states', ['batch', 'tokens', 'channels'])
        const [batch, , height, width] = sample as [number, number, number, number]
        return sd3TransformerGraph(config, weights, { batch, height, width, tokens: states[1]! })
      },
    }
  },
  declare(b, parameters, file) {
    const config = sd3TransformerConfig(file)
    const { patchSize: side } = config
    predict(b, parameters, config, sd3TransformerInputs(b, config, { batch: 1, height: side, width: side, tokens: 1 }))
  },
}
