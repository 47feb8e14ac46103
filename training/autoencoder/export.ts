/** Writes a run's averaged weights as a diffusers folder: config.json and fp16 safetensors. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeSafetensors, safetensor } from 'undiffuse'
import { ortNode, writeFileAtomically } from 'undiffuse/node'
import { loadCheckpoint } from '../checkpoint.js'
import { evaluateWeights } from './evaluate.js'
import { autoencoder } from './recipe.js'

/** Scenes over which the scale of latents is measured. */
const measured = 64

export async function exportModel(run: string, folder: string, report: (line: string) => void): Promise<void> {
  const found = await loadCheckpoint(join(run, 'checkpoint.safetensors'))
  if (!found) throw new Error(`Expected a checkpoint in \`${run}\`, got none. Train first.`)
  const weights = found.state.average
  const runtime = ortNode()
  const { psnrDb, latentVariance } = await evaluateWeights(runtime, weights, { count: measured })
  await runtime.close()
  const scalingFactor = Number((1 / Math.sqrt(latentVariance)).toFixed(5))
  const vae = join(folder, 'vae')
  await mkdir(vae, { recursive: true })
  const tensors = [...weights].map(([name, tensor]) => [name, safetensor(tensor, 'float16')] as const)
  await writeFileAtomically(
    join(vae, 'diffusion_pytorch_model.safetensors'),
    encodeSafetensors(Object.fromEntries(tensors), { format: 'pt' }),
  )
  await writeFileAtomically(join(vae, 'config.json'), `${JSON.stringify(configOf(scalingFactor), undefined, 2)}\n`)
  report(
    `wrote ${vae}: step ${found.step}, ${psnrDb.toFixed(2)} dB on ${measured} unseen scenes, scaling_factor ${scalingFactor}`,
  )
}

const configOf = (scalingFactor: number) => ({
  _class_name: 'AutoencoderKL',
  _diffusers_version: '0.27.2',
  act_fn: 'silu',
  block_out_channels: autoencoder.blockOutChannels,
  down_block_types: autoencoder.blockOutChannels.map(() => 'DownEncoderBlock2D'),
  force_upcast: false,
  in_channels: autoencoder.inChannels,
  latent_channels: autoencoder.latentChannels,
  layers_per_block: autoencoder.layersPerBlock,
  norm_num_groups: autoencoder.normNumGroups,
  out_channels: autoencoder.outChannels,
  sample_size: 128,
  scaling_factor: scalingFactor,
  up_block_types: autoencoder.blockOutChannels.map(() => 'UpDecoderBlock2D'),
})
