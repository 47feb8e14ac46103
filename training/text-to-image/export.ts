/** Writes a run's averaged weights as a diffusers folder, beside the autoencoder that is there. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { vocabularyText } from 'undiffuse'
import type { FileContent } from 'undiffuse/node'
import { halfWeights, json, logCurves, trainedState, writeFolder } from '../folder.js'
import { sceneVocabulary } from '../scenes/captions.js'
import { endToken, startToken, type Vocabulary } from '../text/vocabulary.js'
import { isText } from './loss.js'
import { promptTokens, schedulerConfigFile, textConfigFile, unetConfigFile, vocabulary } from './recipe.js'

const modelIndex = {
  _class_name: 'StableDiffusionPipeline',
  _diffusers_version: '0.27.2',
  // Ours: the guidance that prompts are followed best with. diffusers ignores it.
  _guidance_scale: 3,
  feature_extractor: [null, null],
  requires_safety_checker: false,
  safety_checker: [null, null],
  scheduler: ['diffusers', 'DDIMScheduler'],
  text_encoder: ['transformers', 'CLIPTextModel'],
  tokenizer: ['transformers', 'CLIPTokenizer'],
  unet: ['diffusers', 'UNet2DConditionModel'],
  vae: ['diffusers', 'AutoencoderKL'],
}

/** The files of CLIPTokenizer; texts end after `length` tokens. */
export function tokenizerFiles({ tokens, merges }: Vocabulary, length: number): Readonly<Record<string, string>> {
  const special = { bos_token: startToken, eos_token: endToken, pad_token: endToken, unk_token: endToken }
  return {
    'vocab.json': `${JSON.stringify(Object.fromEntries(tokens))}\n`,
    'merges.txt': `#version: 0.2\n${merges.map((pair) => `${pair.join(' ')}\n`).join('')}`,
    'special_tokens_map.json': json(special),
    'tokenizer_config.json': json({
      ...special,
      add_prefix_space: false,
      do_lower_case: true,
      errors: 'replace',
      model_max_length: length,
      tokenizer_class: 'CLIPTokenizer',
    }),
  }
}

/** Curves and log are of the training from fresh weights, or of the refinement: both stay beside the model. */
export async function exportModel(
  run: string,
  folder: string,
  stage: 'training' | 'refinement',
  report: (line: string) => void,
): Promise<void> {
  const { state, step } = await trainedState(run)
  const weights = [...state.average]
  const files: Record<string, FileContent> = {
    'unet/config.json': json(unetConfigFile),
    'unet/diffusion_pytorch_model.safetensors': halfWeights(weights.filter(([name]) => !isText(name))),
    'text_encoder/config.json': json(textConfigFile),
    'text_encoder/model.safetensors': halfWeights(weights.filter(([name]) => isText(name))),
    'scheduler/scheduler_config.json': json(schedulerConfigFile),
    [`text-to-image-${stage}.svg`]: await logCurves(
      join(run, 'log.jsonl'),
      'Training of the bundled text-to-image model',
      {
        y: 'weighted error of the predicted noise',
        series: { loss: 'training scenes', unseenLoss: 'unseen scenes' },
      },
    ),
    [`text-to-image-${stage}-log.jsonl`]: await readFile(join(run, 'log.jsonl'), 'utf8'),
    'model_index.json': json(modelIndex),
    'undiffuse-vocabulary.json': vocabularyText(sceneVocabulary),
  }
  for (const [name, content] of Object.entries(tokenizerFiles(vocabulary, promptTokens)))
    files[`tokenizer/${name}`] = content
  await writeFolder(folder, files)
  report(`wrote ${folder}: step ${step}`)
}
