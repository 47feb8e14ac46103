/** FluxTransformer2DModel: the denoising network of FLUX.1. */
import {
  fluxTransformerConfig,
  fluxTransformerGraph,
  fluxTransformerInputs,
  predict,
} from '../../nn/flux-transformer.js'
import { fedShape, type NetworkClass } from './network-class.js'
import { type NameLine, originsBy, threeIn } from './original-names.js'

const [double, single] = ['transformer_blocks.#', 'single_transformer_blocks.#']
const [theirDouble, theirSingle] = ['double_blocks.#', 'single_blocks.#']

/** One of the two streams of a double block: its attention's inputs and norms, its output, its other layers. */
const stream = (theirs: string, attention: readonly string[], out: string, norm: string, wide: string) => {
  const [query, key, value, queryNorm, keyNorm] = attention.map((name) => `${double}.attn.${name}`)
  return [
    ...threeIn([query!, key!, value!], `${theirDouble}.${theirs}_attn.qkv`),
    [`${queryNorm!}.weight`, `${theirDouble}.${theirs}_attn.norm.query_norm.scale`],
    [`${keyNorm!}.weight`, `${theirDouble}.${theirs}_attn.norm.key_norm.scale`],
    [`${double}.attn.${out}`, `${theirDouble}.${theirs}_attn.proj`],
    [`${double}.${norm}.linear`, `${theirDouble}.${theirs}_mod.lin`],
    [`${double}.${wide}.net.0.proj`, `${theirDouble}.${theirs}_mlp.0`],
    [`${double}.${wide}.net.2`, `${theirDouble}.${theirs}_mlp.2`],
  ] as const satisfies readonly NameLine[]
}

const embedders = [
  ['timestep', 'time_in'],
  ['text', 'vector_in'],
  ['guidance', 'guidance_in'],
].flatMap(([ours, theirs]): NameLine[] => [
  [`time_text_embed.${ours}_embedder.linear_1`, `${theirs}.in_layer`],
  [`time_text_embed.${ours}_embedder.linear_2`, `${theirs}.out_layer`],
])

/** Source: diffusers, `convert_flux_transformer_checkpoint_to_diffusers`. */
const originalNames = () =>
  originsBy([
    ...embedders,
    ['context_embedder', 'txt_in'],
    ['x_embedder', 'img_in'],
    ...stream('img', ['to_q', 'to_k', 'to_v', 'norm_q', 'norm_k'], 'to_out.0', 'norm1', 'ff'),
    ...stream(
      'txt',
      ['add_q_proj', 'add_k_proj', 'add_v_proj', 'norm_added_q', 'norm_added_k'],
      'to_add_out',
      'norm1_context',
      'ff_context',
    ),
    [`${single}.norm.linear`, `${theirSingle}.modulation.lin`],
    ...threeIn([`${single}.attn.to_q`, `${single}.attn.to_k`, `${single}.attn.to_v`], `${theirSingle}.linear1`),
    [`${single}.proj_mlp`, `${theirSingle}.linear1`, 'last'],
    [`${single}.proj_out`, `${theirSingle}.linear2`],
    [`${single}.attn.norm_q.weight`, `${theirSingle}.norm.query_norm.scale`],
    [`${single}.attn.norm_k.weight`, `${theirSingle}.norm.key_norm.scale`],
    // Shift and scale, where diffusers has scale and shift.
    ['norm_out.linear', 'final_layer.adaLN_modulation.1', 'halves swapped'],
    ['proj_out', 'final_layer.linear'],
  ])

export const fluxTransformer: NetworkClass = {
  classNames: ['FluxTransformer2DModel'],
  role: 'transformer',
  originalNames,
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
