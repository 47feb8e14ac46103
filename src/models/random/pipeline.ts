/** Whole text-to-image folders with random weights: what opening, memory and time at full size are measured on. */
import { expected } from '../../core/errors.js'
import { qwen3Classes } from '../../nn/qwen-text.js'
import { t5EncoderClasses } from '../../nn/t5-encoder.js'
import { qwen25Vl } from '../classes/qwen2-5-vl.js'
import { pipelineShapes } from '../families/index.js'
import { type ConfigFields, endOfText, type PipelineShape } from './published-configs.js'
import { syntheticBytePairs } from './synthetic-byte-pairs.js'
import { syntheticPieces } from './synthetic-pieces.js'
import { syntheticVocabulary } from './synthetic-vocabulary.js'
import { type RandomNetwork, randomWeights } from './weights.js'

export interface RandomPart {
  readonly network: RandomNetwork
  /** Where its weights belong in its folder. */
  readonly weightsFile: string
}

/** What a diffusers folder holds. Paths use `/`. */
export interface RandomPipeline {
  /** Networks by the names of their folders. */
  readonly parts: Readonly<Record<string, RandomPart>>
  /** All other files, by their paths. */
  readonly texts: Readonly<Record<string, string>>
}

const json = (value: unknown) => `${JSON.stringify(value, undefined, 2)}\n`
const diffusersWeights = 'diffusion_pytorch_model.safetensors'

/**
 * A pipeline's files with random weights: one of `pipelineShapes`, such as `stable-diffusion-2-1` or `tiny`. Equal seeds give
 * equal files.
 *
 * Throws `bad-option` for a shape that is not known.
 *
 * @example const { parts, texts } = randomPipeline('tiny')
 */
export function randomPipeline(id: string, seed = 0): RandomPipeline {
  const shape = Object.hasOwn(pipelineShapes, id) ? pipelineShapes[id] : undefined
  if (shape) return pipelineOf(shape, seed)
  const known = Object.keys(pipelineShapes).join(', ')
  throw expected('bad-option', `one of ${known}`, 'the shape of a model', `\`${id}\``, 'Name one of these.')
}

const suffix = (index: number): string => (index === 0 ? '' : `_${index + 1}`)

/** T5 has 28 ids more than its tokenizer. */
const unusedIds = 28
/** Qwen3 and Qwen2.5-VL have that many. */
const unusedQwen3Ids = 267
const unusedQwen25VlIds = 399

/** A tokenizer with made-up words for a text encoder. */
function tokenizerOf(config: ConfigFields, padding = endOfText) {
  const {
    vocab_size: size,
    max_position_embeddings: maximumLength,
    architectures,
  } = config as unknown as {
    readonly vocab_size: number
    readonly max_position_embeddings: number
    readonly architectures: readonly string[]
  }
  if (qwen3Classes.some((name) => architectures.includes(name))) {
    return { className: 'Qwen2Tokenizer', files: syntheticBytePairs(size - unusedQwen3Ids) }
  }
  if (qwen25Vl.classNames.some((name) => architectures.includes(name))) {
    return { className: 'Qwen2Tokenizer', files: syntheticBytePairs(size - unusedQwen25VlIds) }
  }
  return t5EncoderClasses.some((name) => architectures.includes(name))
    ? { className: 'T5Tokenizer', files: syntheticPieces(size - unusedIds) }
    : { className: 'CLIPTokenizer', files: syntheticVocabulary(size, { maximumLength, padding }) }
}

export function pipelineOf(shape: PipelineShape, seed = 0): RandomPipeline {
  const parts: Record<string, RandomPart> = {}
  const index: Record<string, unknown> = { _class_name: shape.className, ...shape.more }
  const texts: Record<string, string> = {}
  const add = (name: string, library: string, config: ConfigFields, weightsFile: string) => {
    const network = randomWeights(config, 4 * seed + Object.keys(parts).length)
    parts[name] = { network, weightsFile }
    index[name] = [library, config._class_name ?? (config.architectures as string[])[0]]
    texts[`${name}/config.json`] = json(config)
  }
  add('vae', 'diffusers', shape.vae, diffusersWeights)
  add(shape.denoiser.name, 'diffusers', shape.denoiser.config, diffusersWeights)
  shape.textEncoders.forEach(({ config, padding }, i) => {
    add(`text_encoder${suffix(i)}`, 'transformers', config, 'model.safetensors')
    const { className, files } = tokenizerOf(config, padding)
    for (const [file, text] of Object.entries(files)) texts[`tokenizer${suffix(i)}/${file}`] = text
    index[`tokenizer${suffix(i)}`] = ['transformers', className]
  })
  texts['scheduler/scheduler_config.json'] = json(shape.scheduler)
  index.scheduler = ['diffusers', shape.scheduler._class_name]
  texts['model_index.json'] = json(index)
  return { parts, texts }
}
