/** The encoders of T5 1.1 and UMT5. */
import { encodeText, t5EncoderClasses, t5EncoderConfig, t5EncoderGraph } from '../../nn/t5-encoder.js'
import { fedWords, type NetworkClass } from './network-class.js'

export const t5Encoder: NetworkClass = {
  classNames: t5EncoderClasses,
  role: 'text_encoder',
  network(file, weights) {
    const config = t5EncoderConfig(file)
    return {
      inputs: ['input_ids'],
      graph(shapes) {
        const { batch, tokens } = fedWords(shapes)
        return t5EncoderGraph(config, weights, { batch, tokens })
      },
    }
  },
  declare(b, parameters, file) {
    encodeText(b, parameters, t5EncoderConfig(file), b.input('input_ids', 'int64', [1, 1]))
  },
}
