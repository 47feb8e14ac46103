/** ZImageTransformer2DModel: the denoising network of Z-Image. */
import {
  predict,
  zImageTransformerConfig,
  zImageTransformerGraph,
  zImageTransformerInputs,
} from '../../nn/z-image-transformer.js'
import { fedShape, type NetworkClass } from './network-class.js'

export const zImageTransformer: NetworkClass = {
  classNames: ['ZImageTransformer2DModel'],
  role: 'transformer',
  network(file, weights) {
    const config = zImageTransformerConfig(file)
    return {
      inputs: ['x', 't', 'cap_feats', 'cap_lengths'],
      graph(shapes) {
        const sample = fedShape(shapes, 'x', ['batch', 'channels', 'height', 'width'])
        const captions = fedShape(shapes, 'cap_feats', ['batch', 'tokens', 'channels'])
        const [batch, , height, width] = sample as [number, number, number, number]
        return zImageTransformerGraph(config, weights, { batch, height, width, tokens: captions[1]! })
      },
    }
  },
  declare(b, parameters, file) {
    const config = zImageTransformerConfig(file)
    const { patchSize: side } = config
    const inputs = zImageTransformerInputs(b, config, { batch: 1, height: side, width: side, tokens: 1 })
    predict(b, parameters, config, inputs)
  },
}
