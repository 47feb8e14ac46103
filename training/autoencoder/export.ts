/** Writes a run's averaged weights as a diffusers folder: config.json and fp16 safetensors. */
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeSafetensors, safetensor, type Tensor } from 'undiffuse'
import { ortNode, scatterPlot, writeFileAtomically } from 'undiffuse/node'
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
  await writeAutoencoder(folder, weights, scalingFactor)
  await writeFileAtomically(join(folder, 'training.svg'), await curves(join(run, 'log.jsonl')))
  report(
    `wrote ${folder}: step ${found.step}, ${psnrDb.toFixed(2)} dB on ${measured} unseen scenes, scaling_factor ${scalingFactor}`,
  )
}

/** The files of a diffusers folder with an autoencoder of this recipe's shape in `vae`; weights are rounded to fp16. */
export async function writeAutoencoder(
  folder: string,
  weights: ReadonlyMap<string, Tensor>,
  scalingFactor: number,
): Promise<void> {
  const vae = join(folder, 'vae')
  await mkdir(vae, { recursive: true })
  const tensors = [...weights].map(([name, tensor]) => [name, safetensor(tensor, 'float16')] as const)
  await writeFileAtomically(
    join(vae, 'diffusion_pytorch_model.safetensors'),
    encodeSafetensors(Object.fromEntries(tensors), { format: 'pt' }),
  )
  await writeFileAtomically(join(vae, 'config.json'), `${JSON.stringify(configOf(scalingFactor), undefined, 2)}\n`)
  const index = { _class_name: 'DiffusionPipeline', _diffusers_version: '0.27.2', vae: ['diffusers', 'AutoencoderKL'] }
  await writeFileAtomically(join(folder, 'model_index.json'), `${JSON.stringify(index, undefined, 2)}\n`)
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

interface LogLine {
  readonly step: number
  readonly psnrDb?: number
  readonly unseenScenesPsnrDb?: number
}

/** The run's log as a picture; a stretch that was trained twice, because a run was killed, is drawn twice. */
async function curves(log: string): Promise<string> {
  const lines = (await readFile(log, 'utf8')).trim().split('\n')
  const entries = lines.map((line) => JSON.parse(line) as LogLine)
  const points = (key: 'psnrDb' | 'unseenScenesPsnrDb') =>
    entries.flatMap((entry) => (entry[key] === undefined ? [] : [{ x: entry.step, y: entry[key] }]))
  return await scatterPlot({
    title: 'Training of the bundled autoencoder',
    x: { title: 'steps' },
    y: { title: 'PSNR (dB)' },
    series: [
      { name: 'training crops', points: points('psnrDb'), line: true },
      { name: 'unseen scenes', points: points('unseenScenesPsnrDb'), line: true },
    ],
  })
}
