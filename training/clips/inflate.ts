/**
 * The bundled text-to-image model as a model of clips in LaVie's layout, before anything of it is trained.
 *
 * Every spatial weight is the bundled one. Attention along the frames has an output of zeros, as LaVie's code starts it, so that
 * nothing passes from frame to frame but the statistics of residual blocks, which that layout takes over all frames. Frames are
 * pictures of one prompt, then, and do not move together. Source: Wang et al., LAVIE, arXiv 2309.15103; github.com/Vchitect/LaVie, base/models.
 */
import { cp, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { map, readTensors, type Tensor, zeros } from 'undiffuse'
import { bundledFile, nodeFiles } from 'undiffuse/node'
import { halfWeights, json, writeFolder } from '../folder.js'

const source = bundledFile('models', 'undiffuse-scenes')
/** What a frame and a picture have in common. */
const shared = ['vae', 'text_encoder', 'tokenizer', 'scheduler', 'undiffuse-vocabulary.json', 'undiffuse-profile.json']
const weightsFile = 'diffusion_pytorch_model.safetensors'
/** Rows of the table of distances between frames. */
const buckets = 32

type Fields = Readonly<Record<string, unknown>>
const fieldsOf = async (...path: readonly string[]) =>
  JSON.parse(await readFile(join(source, ...path), 'utf8')) as Fields

/** Attention along the frames of every transformer block: the queries, keys and values of its places, and nothing that comes out. */
function alongFrames(spatial: ReadonlyMap<string, Tensor>, heads: number): readonly (readonly [string, Tensor])[] {
  return [...spatial].flatMap(([name, weight]) => {
    const [, block, part] = /^(.*\.transformer_blocks\.\d+)\.attn1\.to_([qkv])\.weight$/.exec(name) ?? []
    if (block === undefined) return []
    const own = [`${block}.attn_temp.to_${part}.weight`, weight] as const
    if (part !== 'q') return [own]
    const [channels] = weight.shape as [number]
    return [
      own,
      [`${block}.attn_temp.to_out.0.weight`, zeros(weight.shape)],
      [`${block}.attn_temp.to_out.0.bias`, zeros([channels])],
      [`${block}.attn_temp.time_rel_pos_bias.relative_attention_bias.weight`, zeros([buckets, heads])],
      [`${block}.norm_temp.weight`, map(zeros([channels]), () => 1)],
      [`${block}.norm_temp.bias`, zeros([channels])],
    ] as const
  })
}

const inClips = (types: unknown) => (types as readonly string[]).map((type) => type.replace('2D', '3D'))

/** Writes the folder; `frames` are those of a clip where nothing is said. */
export async function inflateScenes(folder: string, frames = 4): Promise<void> {
  const index = await fieldsOf('model_index.json')
  const config = await fieldsOf('unet', 'config.json')
  const spatial = await readTensors(nodeFiles, join(source, 'unet', weightsFile))
  const side = 8 * (config.sample_size as number)
  await writeFolder(folder, {
    'model_index.json': json({
      ...index,
      _class_name: 'VideoGenPipeline',
      _clip: [frames, side, side],
      unet: ['models.unet', 'UNet3DConditionModel'],
    }),
    'unet/config.json': json({
      ...config,
      _class_name: 'UNet3DConditionModel',
      down_block_types: inClips(config.down_block_types),
      mid_block_type: 'UNetMidBlock3DCrossAttn',
      up_block_types: inClips(config.up_block_types),
      use_first_frame: false,
      use_relative_position: false,
    }),
    [`unet/${weightsFile}`]: halfWeights([...spatial, ...alongFrames(spatial, config.attention_head_dim as number)]),
  })
  for (const name of shared) await cp(join(source, name), join(folder, name), { recursive: true })
}
