/** SD3Transformer2DModel: the denoising network of Stable Diffusion 3 and 3.5. */
import type { OriginalNames } from '../../checkpoints/gguf-weights.js'
import { predict, sd3TransformerConfig, sd3TransformerGraph, sd3TransformerInputs } from '../../nn/sd3-transformer.js'
import { fedPicture, fedStates, type NetworkClass } from './network-class.js'
import { type NameLine, originsBy, threeIn } from './original-names.js'

/** One of the two streams of a block: its layers, and its attention's inputs and norms. */
const stream = (theirs: string, ours: { readonly attention: readonly string[]; readonly out: string }) => {
  const { attention, out } = ours
  const [query, key, value, queryNorm, keyNorm] = attention.map((name) => `transformer_blocks.#.attn.${name}`)
  return [
    ...threeIn([query!, key!, value!], `joint_blocks.#.${theirs}.attn.qkv`),
    [queryNorm!, `joint_blocks.#.${theirs}.attn.ln_q`],
    [keyNorm!, `joint_blocks.#.${theirs}.attn.ln_k`],
    [`transformer_blocks.#.attn.${out}`, `joint_blocks.#.${theirs}.attn.proj`],
  ] as const satisfies readonly NameLine[]
}

const own = 'transformer_blocks.#.attn2'

/** Source: diffusers, `convert_sd3_transformer_checkpoint_to_diffusers`. */
const originalNames: OriginalNames = (names) => {
  const blocks = names.flatMap((name) => /^joint_blocks\.(\d+)\./.exec(name)?.[1] ?? []).map(Number)
  const last = Math.max(...blocks)
  return originsBy([
    ['pos_embed.pos_embed', 'pos_embed'],
    ['pos_embed.proj', 'x_embedder.proj'],
    ['time_text_embed.timestep_embedder.linear_1', 't_embedder.mlp.0'],
    ['time_text_embed.timestep_embedder.linear_2', 't_embedder.mlp.2'],
    ['time_text_embed.text_embedder.linear_1', 'y_embedder.mlp.0'],
    ['time_text_embed.text_embedder.linear_2', 'y_embedder.mlp.2'],
    ['context_embedder', 'context_embedder'],
    ...stream('x_block', { attention: ['to_q', 'to_k', 'to_v', 'norm_q', 'norm_k'], out: 'to_out.0' }),
    ...stream('context_block', {
      attention: ['add_q_proj', 'add_k_proj', 'add_v_proj', 'norm_added_q', 'norm_added_k'],
      out: 'to_add_out',
    }),
    ...threeIn([`${own}.to_q`, `${own}.to_k`, `${own}.to_v`], 'joint_blocks.#.x_block.attn2.qkv'),
    [`${own}.norm_q`, 'joint_blocks.#.x_block.attn2.ln_q'],
    [`${own}.norm_k`, 'joint_blocks.#.x_block.attn2.ln_k'],
    [`${own}.to_out.0`, 'joint_blocks.#.x_block.attn2.proj'],
    ['transformer_blocks.#.norm1.linear', 'joint_blocks.#.x_block.adaLN_modulation.1'],
    ['transformer_blocks.#.norm1_context.linear', 'joint_blocks.#.context_block.adaLN_modulation.1'],
    ['transformer_blocks.#.ff.net.0.proj', 'joint_blocks.#.x_block.mlp.fc1'],
    ['transformer_blocks.#.ff.net.2', 'joint_blocks.#.x_block.mlp.fc2'],
    ['transformer_blocks.#.ff_context.net.0.proj', 'joint_blocks.#.context_block.mlp.fc1'],
    ['transformer_blocks.#.ff_context.net.2', 'joint_blocks.#.context_block.mlp.fc2'],
    // Shift and scale, where diffusers has scale and shift.
    [
      `transformer_blocks.${last}.norm1_context.linear`,
      `joint_blocks.${last}.context_block.adaLN_modulation.1`,
      'halves swapped',
    ],
    ['norm_out.linear', 'final_layer.adaLN_modulation.1', 'halves swapped'],
    ['proj_out', 'final_layer.linear'],
  ])
}

export const sd3Transformer: NetworkClass = {
  classNames: ['SD3Transformer2DModel'],
  role: 'transformer',
  originalNames,
  network(file, weights) {
    const config = sd3TransformerConfig(file)
    return {
      inputs: ['hidden_states', 'timestep', 'encoder_hidden_states', 'pooled_projections'],
      graph(shapes) {
        const { batch, height, width } = fedPicture(shapes, 'hidden_states')
        const { tokens } = fedStates(shapes, 'encoder_hidden_states')
        return sd3TransformerGraph(config, weights, { batch, height, width, tokens })
      },
    }
  },
  declare(b, parameters, file) {
    const config = sd3TransformerConfig(file)
    const { patchSize: side } = config
    predict(b, parameters, config, sd3TransformerInputs(b, config, { batch: 1, height: side, width: side, tokens: 1 }))
  },
}
