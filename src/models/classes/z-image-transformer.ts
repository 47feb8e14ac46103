/** ZImageTransformer2DModel: the denoising network of Z-Image. */
import {
  predict,
  zImageTransformerConfig,
  zImageTransformerGraph,
  zImageTransformerInputs,
} from '../../nn/z-image-transformer.js'
import { fedPicture, fedStates, type NetworkClass } from './network-class.js'
import { asOurs, type NameLine, originsBy, threeIn } from './original-names.js'

const layers = ['layers.#', 'noise_refiner.#', 'context_refiner.#']

const ofLayer = (layer: string): readonly NameLine[] => [
  ...threeIn(
    ['to_q', 'to_k', 'to_v'].map((name) => `${layer}.attention.${name}`),
    `${layer}.attention.qkv`,
  ),
  [`${layer}.attention.norm_q`, `${layer}.attention.q_norm`],
  [`${layer}.attention.norm_k`, `${layer}.attention.k_norm`],
  [`${layer}.attention.to_out.0`, `${layer}.attention.out`],
  ...asOurs(
    ['adaLN_modulation.0', 'attention_norm1', 'attention_norm2', 'ffn_norm1', 'ffn_norm2']
      .concat(['w1', 'w2', 'w3'].map((name) => `feed_forward.${name}`))
      .map((name) => `${layer}.${name}`),
  ),
]

/** A norm that original files have and no network reads. */
export const unreadName = 'norm_final.weight'

/** Source: diffusers, `convert_z_image_transformer_checkpoint_to_diffusers`. */
const originalNames = () =>
  originsBy([
    ...layers.flatMap(ofLayer),
    ['all_x_embedder.2-1', 'x_embedder'],
    ['all_final_layer.2-1.linear', 'final_layer.linear'],
    ['all_final_layer.2-1.adaLN_modulation.1', 'final_layer.adaLN_modulation.1'],
    ...asOurs(['t_embedder.mlp.#', 'cap_embedder.#', 'x_pad_token', 'cap_pad_token']),
  ])

export const zImageTransformer: NetworkClass = {
  classNames: ['ZImageTransformer2DModel'],
  role: 'transformer',
  originalNames,
  network(file, weights) {
    const config = zImageTransformerConfig(file)
    return {
      inputs: ['x', 't', 'cap_feats', 'cap_lengths'],
      graph(shapes) {
        const { batch, height, width } = fedPicture(shapes, 'x')
        const { tokens } = fedStates(shapes, 'cap_feats')
        return zImageTransformerGraph(config, weights, { batch, height, width, tokens })
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
