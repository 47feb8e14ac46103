/** Flux2Transformer2DModel: the denoising network of FLUX.2. */
import {
  flux2TransformerConfig,
  flux2TransformerGraph,
  flux2TransformerInputs,
  predict,
} from '../../nn/flux-2-transformer.js'
import { commonLines, double, single, streamAttention, streams, theirDouble, theirSingle } from './flux-names.js'
import { fedStates, type NetworkClass } from './network-class.js'
import { type NameLine, originsBy } from './original-names.js'

/** Source: diffusers, `convert_flux2_transformer_checkpoint_to_diffusers`. */
const originalNames = () =>
  originsBy([
    ...commonLines,
    ['time_guidance_embed.timestep_embedder.linear_1', 'time_in.in_layer'],
    ['time_guidance_embed.timestep_embedder.linear_2', 'time_in.out_layer'],
    ...['double_stream_modulation_img', 'double_stream_modulation_txt', 'single_stream_modulation'].map(
      (name) => [`${name}.linear`, `${name}.lin`] as const,
    ),
    ...streams.flatMap((stream): readonly NameLine[] => [
      ...streamAttention(stream),
      [`${double}.${stream.wide}.linear_in`, `${theirDouble}.${stream.theirs}_mlp.0`],
      [`${double}.${stream.wide}.linear_out`, `${theirDouble}.${stream.theirs}_mlp.2`],
    ]),
    [`${single}.attn.to_qkv_mlp_proj`, `${theirSingle}.linear1`],
    [`${single}.attn.to_out`, `${theirSingle}.linear2`],
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
        const { batch, tokens: places } = fedStates(shapes, 'hidden_states')
        const { tokens } = fedStates(shapes, 'encoder_hidden_states')
        return flux2TransformerGraph(config, weights, { batch, places, tokens })
      },
    }
  },
  declare(b, parameters, file) {
    const config = flux2TransformerConfig(file)
    predict(b, parameters, config, flux2TransformerInputs(b, config, { batch: 1, places: 1, tokens: 1 }))
  },
}
