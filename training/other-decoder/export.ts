/** Writes the bundled encoder and a run's averaged decoder as a diffusers folder. */
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openAutoencoderNetworks } from 'undiffuse'
import { bundledFile, nodeFiles } from 'undiffuse/node'
import { writeAutoencoder } from '../autoencoder/export.js'
import { trainedState } from '../folder.js'
import { bundledEncoder } from './bundled-encoder.js'

export async function exportModel(run: string, folder: string, report: (line: string) => void): Promise<void> {
  const { state, step } = await trainedState(run)
  // The scale of latents is the encoder's alone.
  const { latentScale } = await openAutoencoderNetworks(nodeFiles, bundledFile('models', 'undiffuse-scenes'))
  await writeAutoencoder(folder, new Map([...(await bundledEncoder()), ...state.average]), latentScale)
  await copyFile(join(run, 'log.jsonl'), join(folder, 'training-log.jsonl'))
  report(`wrote ${folder}: step ${step}`)
}
