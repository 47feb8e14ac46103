/** Writes a run's averaged weights as a folder, with the autoencoder and the text encoder of the bundled text-to-image model. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { vocabularyText } from 'undiffuse'
import { bundledFile, type FileContent } from 'undiffuse/node'
import { halfWeights, json, logCurves, trainedState, writeFolder } from '../folder.js'
import { sceneVocabulary } from '../scenes/captions.js'
import { tokenizerFiles } from '../text-to-image/export.js'
import { vocabulary } from '../text-to-image/recipe.js'
import { promptTokens, schedulerConfigFile, transformerConfigFile } from './recipe.js'

const modelIndex = {
  _class_name: 'ClipFlowPipeline',
  // The guidance that prompts are followed best with.
  _guidance_scale: 3,
  scheduler: ['diffusers', 'FlowMatchEulerDiscreteScheduler'],
  text_encoder: ['transformers', 'CLIPTextModel'],
  tokenizer: ['transformers', 'CLIPTokenizer'],
  transformer: ['diffusers', 'SD3Transformer2DModel'],
  vae: ['diffusers', 'AutoencoderKL'],
}

/** What the folder has of the bundled text-to-image model, bit for bit. */
const shared = [
  'text_encoder/config.json',
  'text_encoder/model.safetensors',
  'vae/config.json',
  'vae/diffusion_pytorch_model.safetensors',
  'undiffuse-profile.json',
]

export async function exportModel(run: string, folder: string, report: (line: string) => void): Promise<void> {
  const { state, step } = await trainedState(run)
  const log = join(run, 'log.jsonl')
  const files: Record<string, FileContent> = {
    'transformer/config.json': json(transformerConfigFile),
    'transformer/diffusion_pytorch_model.safetensors': halfWeights(state.average),
    'scheduler/scheduler_config.json': json(schedulerConfigFile),
    'training.svg': await logCurves(log, 'Training of the bundled flow', {
      y: 'squared error of the velocity on unseen scenes',
      series: {
        'unseenErrorTo0.25': 'noise shares up to 0.25',
        'unseenErrorTo0.5': '0.25 to 0.5',
        'unseenErrorTo0.75': '0.5 to 0.75',
        unseenErrorTo1: '0.75 to 1',
      },
    }),
    'training-log.jsonl': await readFile(log, 'utf8'),
    'model_index.json': json(modelIndex),
    'undiffuse-vocabulary.json': vocabularyText(sceneVocabulary),
  }
  for (const [name, content] of Object.entries(tokenizerFiles(vocabulary, promptTokens)))
    files[`tokenizer/${name}`] = content
  for (const name of shared) files[name] = await readFile(bundledFile('models', 'undiffuse-scenes', name))
  await writeFolder(folder, files)
  report(`wrote ${folder}: step ${step}`)
}
