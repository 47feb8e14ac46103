/** The text half of CLIP, with or without its projection. */
import { clipTextConfig, clipTextGraph, encodeText } from '../../nn/clip-text.js'
import { fedWords, type NetworkClass } from './network-class.js'

export const clipText: NetworkClass = {
  classNames: ['CLIPTextModel', 'CLIPTextModelWithProjection'],
  role: 'text_encoder',
  network(file, weights) {
    const config = clipTextConfig(file)
    return {
      inputs: ['input_ids'],
      graph(shapes) {
        const { batch, tokens } = fedWords(shapes)
        return clipTextGraph(config, weights, { batch, tokens })
      },
    }
  },
  declare(b, parameters, file) {
    encodeText(b, parameters, clipTextConfig(file), b.input('input_ids', 'int64', [1, 1]))
  },
}
