/** What the original names of FLUX.1 and FLUX.2 have in common: two kinds of blocks, and the end. */
import { type NameLine, threeIn } from './original-names.js'

export const [double, single] = ['transformer_blocks.#', 'single_transformer_blocks.#']
export const [theirDouble, theirSingle] = ['double_blocks.#', 'single_blocks.#']

/** The two streams of a double block: what the original and diffusers call their layers. */
export const streams = [
  {
    theirs: 'img',
    attention: ['to_q', 'to_k', 'to_v', 'norm_q', 'norm_k'],
    out: 'to_out.0',
    norm: 'norm1',
    wide: 'ff',
  },
  {
    theirs: 'txt',
    attention: ['add_q_proj', 'add_k_proj', 'add_v_proj', 'norm_added_q', 'norm_added_k'],
    out: 'to_add_out',
    norm: 'norm1_context',
    wide: 'ff_context',
  },
] as const

/** The attention of a stream: its inputs, their norms, its output. */
export function streamAttention({ theirs, attention, out }: (typeof streams)[number]): readonly NameLine[] {
  const [query, key, value, queryNorm, keyNorm] = attention.map((name) => `${double}.attn.${name}`)
  return [
    ...threeIn([query!, key!, value!], `${theirDouble}.${theirs}_attn.qkv`),
    [`${queryNorm!}.weight`, `${theirDouble}.${theirs}_attn.norm.query_norm.scale`],
    [`${keyNorm!}.weight`, `${theirDouble}.${theirs}_attn.norm.key_norm.scale`],
    [`${double}.attn.${out}`, `${theirDouble}.${theirs}_attn.proj`],
  ]
}

/** Norms of the single blocks, and what comes after all blocks. */
export const commonLines: readonly NameLine[] = [
  ['context_embedder', 'txt_in'],
  ['x_embedder', 'img_in'],
  [`${single}.attn.norm_q.weight`, `${theirSingle}.norm.query_norm.scale`],
  [`${single}.attn.norm_k.weight`, `${theirSingle}.norm.key_norm.scale`],
  // Shift and scale, where diffusers has scale and shift.
  ['norm_out.linear', 'final_layer.adaLN_modulation.1', 'halves swapped'],
  ['proj_out', 'final_layer.linear'],
]
