/** WanTransformer3DModel: the denoising network of Wan 2.1. */
import { predict, wanTransformerConfig, wanTransformerGraph, wanTransformerInputs } from '../../nn/wan-transformer.js'
import { fedClip, fedStates, type NetworkClass } from './network-class.js'
import { asOurs, type NameLine, originsBy } from './original-names.js'

const attention = (ours: string, theirs: string): readonly NameLine[] => [
  ...['q', 'k', 'v'].map((name) => [`blocks.#.${ours}.to_${name}`, `blocks.#.${theirs}.${name}`] as const),
  ...['norm_q', 'norm_k'].map((name) => [`blocks.#.${ours}.${name}`, `blocks.#.${theirs}.${name}`] as const),
  [`blocks.#.${ours}.to_out.0`, `blocks.#.${theirs}.o`],
]

/** Source: diffusers, `convert_wan_transformer_to_diffusers`. */
const originalNames = () =>
  originsBy([
    ['condition_embedder.time_embedder.linear_1', 'time_embedding.0'],
    ['condition_embedder.time_embedder.linear_2', 'time_embedding.2'],
    ['condition_embedder.text_embedder.linear_1', 'text_embedding.0'],
    ['condition_embedder.text_embedder.linear_2', 'text_embedding.2'],
    ['condition_embedder.time_proj', 'time_projection.1'],
    ...asOurs(['patch_embedding']),
    ...attention('attn1', 'self_attn'),
    ...attention('attn2', 'cross_attn'),
    ['blocks.#.norm2', 'blocks.#.norm3'],
    ['blocks.#.ffn.net.0.proj', 'blocks.#.ffn.0'],
    ['blocks.#.ffn.net.2', 'blocks.#.ffn.2'],
    ['blocks.#.scale_shift_table', 'blocks.#.modulation'],
    ['scale_shift_table', 'head.modulation'],
    ['proj_out', 'head.head'],
  ])

export const wanTransformer: NetworkClass = {
  classNames: ['WanTransformer3DModel'],
  role: 'transformer',
  originalNames,
  network(file, weights) {
    const config = wanTransformerConfig(file)
    return {
      inputs: ['hidden_states', 'timestep', 'encoder_hidden_states'],
      graph(shapes) {
        const { batch, frames, height, width } = fedClip(shapes, 'hidden_states')
        const { tokens } = fedStates(shapes, 'encoder_hidden_states')
        return wanTransformerGraph(config, weights, { batch, sides: [frames, height, width], tokens })
      },
    }
  },
  declare(b, parameters, file) {
    const config = wanTransformerConfig(file)
    predict(b, parameters, config, wanTransformerInputs(b, config, { batch: 1, sides: config.patch, tokens: 1 }))
  },
}
