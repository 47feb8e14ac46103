/** Flux2Transformer2DModel: the denoising network of FLUX.2. */
import {
  flux2TransformerConfig,
  flux2TransformerGraph,
  flux2TransformerInputs,
  predict,
} from '../../nn/flux-2-transformer.js'
import { fedShape, type NetworkClass } from './network-class.js'
import { type NameLine, originsBy, threeIn } from './original-names.js'

const [double, single] = ['transformer_blocks.#', 'single_transformer_blocks.#']
const [theirDouble, theirSingle] = ['double_blocks.#', 'single_blocks.#']

/** One of the two streams of a double block: its attention's inputs and norms, its output, its feed-forward. */
const stream = (theirs: string, attention: readonly string[], out: string, wide: string): readonly NameLine[] => {
  const [query, key, value, queryNorm, keyNorm] = attention.map((name) => `${double}.attn.${name}`)
  return [
    ...threeIn([query!, key!, value!], `${theirDouble}.${theirs}_attn.qkv`),
    [`${queryNorm!}.weight`, `${theirDouble}.${theirs}_attn.norm.query_norm.scale`],
    [`${keyNorm!}.weight`, `${theirDouble}.${theirs}_attn.norm.key_norm.scale`],
    [`${double}.attn.${out}`, `${theirDouble}.${theirs}_attn.proj`],
    [`${double}.${wide}.linear_in`, `${theirDouble}.${theirs}_mlp.0`],
    [`${double}.${wide}.linear_out`, `${theirDouble}.${theirs}_mlp.2`],
  ]
}

/** Source: diffusers, `convert_flux2_transformer_checkpoint_to_diffusers`. */
const originalNames = () =>
  originsBy([
    ['time_guidance_embed.timestep_embedder.linear_1', 'time_in.in_layer'],
    ['time_guidance_embed.timestep_embedder.linear_2', 'time_in.out_layer'],
    ['context_embedder', 'txt_in'],
    ['x_embedder', 'img_in'],
    ...['double_stream_modulation_img', 'double_stream_modulation_txt', 'single_stream_modulation'].map(
      (name) => [`${name}.linear`, `${name}.lin`] as const,
    ),
    ...stream('img', ['to_q', 'to_k', 'to_v', 'norm_q', 'norm_k'], 'to_out.0', 'ff'),
    ...stream(
      'txt',
      ['add_q_proj', 'add_k_proj', 'add_v_proj', 'norm_added_q', 'norm_added_k'],
      'to_add_out',
      'ff_context',
    ),
    [`${single}.attn.to_qkv_mlp_proj`, `${theirSingle}.linear1`],
    [`${single}.attn.to_out`, `${theirSingle}.linear2`],
    [`${single}.attn.norm_q.weight`, `${theirSingle}.norm.query_norm.scale`],
    [`${single}.attn.norm_k.weight`, `${theirSingle}.norm.key_norm.scale`],
    // Shift and scale, where diffusers has scale and shift.
    ['norm_out.linear', 'final_layer.adaLN_modulation.1', 'halves swapped'],
    ['proj_out', 'final_layer.linear'],
  ])

export const flux2Transformer: NetworkClass = {
  classNames: ['Flux2Transformer2DModel'],
  role: 'transformer',
  originalNames,
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
