/** Writes a run's averaged weights as a diffusers folder, beside the autoencoder that is there. */
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeSafetensors, safetensor, type Tensor, vocabularyText } from 'undiffuse'
import { type FileContent, scatterPlot, writeFilesAtomically } from 'undiffuse/node'
import { loadCheckpoint } from '../checkpoint.js'
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

const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`

/** The files of CLIPTokenizer. */
export function tokenizerFiles({ tokens, merges }: Vocabulary): Readonly<Record<string, string>> {
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
      model_max_length: promptTokens,
      tokenizer_class: 'CLIPTokenizer',
    }),
  }
}

const weightsFile = (weights: readonly (readonly [string, Tensor])[]) =>
  encodeSafetensors(Object.fromEntries(weights.map(([name, x]) => [name, safetensor(x, 'float16')])), { format: 'pt' })

/** Curves and log are of the training from fresh weights, or of the refinement: both stay beside the model. */
export async function exportModel(
  run: string,
  folder: string,
  stage: 'training' | 'refinement',
  report: (line: string) => void,
): Promise<void> {
  const found = await loadCheckpoint(join(run, 'checkpoint.safetensors'))
  if (!found) throw new Error(`Expected a checkpoint in \`${run}\`, got none. Train first.`)
  const weights = [...found.state.average]
  const files: Record<string, FileContent> = {
    'unet/config.json': json(unetConfigFile),
    'unet/diffusion_pytorch_model.safetensors': weightsFile(weights.filter(([name]) => !isText(name))),
    'text_encoder/config.json': json(textConfigFile),
    'text_encoder/model.safetensors': weightsFile(weights.filter(([name]) => isText(name))),
    'scheduler/scheduler_config.json': json(schedulerConfigFile),
    [`text-to-image-${stage}.svg`]: await curves(join(run, 'log.jsonl')),
    [`text-to-image-${stage}-log.jsonl`]: await readFile(join(run, 'log.jsonl'), 'utf8'),
    'model_index.json': json(modelIndex),
    'undiffuse-vocabulary.json': vocabularyText(sceneVocabulary),
  }
  for (const [name, content] of Object.entries(tokenizerFiles(vocabulary))) files[`tokenizer/${name}`] = content
  for (const part of ['unet', 'text_encoder', 'tokenizer', 'scheduler'])
    await mkdir(join(folder, part), { recursive: true })
  await writeFilesAtomically(Object.entries(files).map(([name, content]) => [join(folder, name), content] as const))
  report(`wrote ${folder}: step ${found.step}`)
}

interface LogLine {
  readonly step: number
  readonly loss?: number
  readonly unseenLoss?: number
}

async function curves(log: string): Promise<string> {
  const lines = (await readFile(log, 'utf8')).trim().split('\n')
  const entries = lines.map((line) => JSON.parse(line) as LogLine)
  const points = (key: 'loss' | 'unseenLoss') =>
    entries.flatMap((entry) => (entry[key] === undefined ? [] : [{ x: entry.step, y: entry[key] }]))
  return await scatterPlot({
    title: 'Training of the bundled text-to-image model',
    x: { title: 'steps' },
    y: { title: 'weighted error of the predicted noise' },
    series: [
      { name: 'training scenes', points: points('loss'), line: true },
      { name: 'unseen scenes', points: points('unseenLoss'), line: true },
    ],
  })
}
