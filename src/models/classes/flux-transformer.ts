/** FluxTransformer2DModel: the denoising network of FLUX.1. */
import {
  fluxTransformerConfig,
  fluxTransformerGraph,
  fluxTransformerInputs,
  predict,
} from '../../nn/flux-transformer.js'
import { commonLines, double, single, streamAttention, streams, theirDouble, theirSingle } from './flux-names.js'
import { fedStates, type NetworkClass } from './network-class.js'
import { type NameLine, originsBy, threeIn } from './original-names.js'

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
    ...commonLines,
    ...embedders,
    ...streams.flatMap((stream): readonly NameLine[] => [
      ...streamAttention(stream),
      [`${double}.${stream.norm}.linear`, `${theirDouble}.${stream.theirs}_mod.lin`],
      [`${double}.${stream.wide}.net.0.proj`, `${theirDouble}.${stream.theirs}_mlp.0`],
      [`${double}.${stream.wide}.net.2`, `${theirDouble}.${stream.theirs}_mlp.2`],
    ]),
    [`${single}.norm.linear`, `${theirSingle}.modulation.lin`],
    ...threeIn([`${single}.attn.to_q`, `${single}.attn.to_k`, `${single}.attn.to_v`], `${theirSingle}.linear1`),
    [`${single}.proj_mlp`, `${theirSingle}.linear1`, 'last'],
    [`${single}.proj_out`, `${theirSingle}.linear2`],
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
        const { batch, tokens: places } = fedStates(shapes, 'hidden_states')
        const { tokens } = fedStates(shapes, 'encoder_hidden_states')
        return fluxTransformerGraph(config, weights, { batch, places, tokens })
      },
    }
  },
  declare(b, parameters, file) {
    const config = fluxTransformerConfig(file)
    predict(b, parameters, config, fluxTransformerInputs(b, config, { batch: 1, places: 1, tokens: 1 }))
  },
}
