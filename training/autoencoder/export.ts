/** Writes a run's averaged weights as a diffusers folder: config.json and fp16 safetensors. */
import { join } from 'node:path'
import type { Tensor } from 'undiffuse'
import { ortNode } from 'undiffuse/node'
import { halfWeights, json, logCurves, trainedState, writeFolder } from '../folder.js'
import { evaluateWeights } from './evaluate.js'
import { autoencoder } from './recipe.js'

/** Scenes over which the scale of latents is measured. */
const measured = 64

export async function exportModel(run: string, folder: string, report: (line: string) => void): Promise<void> {
  const { state, step } = await trainedState(run)
  const weights = state.average
  const runtime = ortNode()
  const { psnrDb, latentVariance } = await evaluateWeights(runtime, weights, { count: measured })
  await runtime.close()
  const scalingFactor = Number((1 / Math.sqrt(latentVariance)).toFixed(5))
  await writeAutoencoder(folder, weights, scalingFactor)
  const curves = await logCurves(join(run, 'log.jsonl'), 'Training of the bundled autoencoder', {
    y: 'PSNR (dB)',
    series: { psnrDb: 'training crops', unseenScenesPsnrDb: 'unseen scenes' },
  })
  await writeFolder(folder, { 'training.svg': curves })
  report(
    `wrote ${folder}: step ${step}, ${psnrDb.toFixed(2)} dB on ${measured} unseen scenes, scaling_factor ${scalingFactor}`,
  )
}

/** The files of a diffusers folder with an autoencoder of this recipe's shape in `vae`; weights are rounded to fp16. */
export async function writeAutoencoder(
  folder: string,
  weights: ReadonlyMap<string, Tensor>,
  scalingFactor: number,
): Promise<void> {
  const index = { _class_name: 'DiffusionPipeline', _diffusers_version: '0.27.2', vae: ['diffusers', 'AutoencoderKL'] }
  await writeFolder(folder, {
    'vae/diffusion_pytorch_model.safetensors': halfWeights(weights),
    'vae/config.json': json(configOf(scalingFactor)),
    'model_index.json': json(index),
  })
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
