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

/** How long transformers are; as published where nothing is said. */
export interface Lengths {
  /** Of the denoising network. */
  readonly layers?: number | undefined
  /** Of each text encoder. */
  readonly textLayers?: number | undefined
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
 * A pipeline's files with random weights: one of `pipelineShapes`, such as `stable-diffusion-2-1` or `tiny`, as published or
 * shorter. Equal seeds give equal files.
 *
 * Throws `bad-option` for a shape that is not known, and for layers of a network that is not made of equal ones.
 *
 * @example const { parts, texts } = randomPipeline('stable-diffusion-3-5-medium', 0, { layers: 2, textLayers: 2 })
 */
export function randomPipeline(id: string, seed = 0, lengths: Lengths = {}): RandomPipeline {
  const shape = Object.hasOwn(pipelineShapes, id) ? pipelineShapes[id] : undefined
  if (shape) return pipelineOf(shortened(id, shape, lengths), seed)
  const known = Object.keys(pipelineShapes).join(', ')
  throw expected('bad-option', `one of ${known}`, 'the shape of a model', `\`${id}\``, 'Name one of these.')
}

/** How many equal layers a transformer has, by the names of diffusers' and transformers' configurations. */
const counts = ['num_layers', 'num_single_layers', 'num_hidden_layers', 'n_layers']
/** What is said of each layer, or of some by their numbers. */
const perLayer = ['dual_attention_layers', 'layer_types']

function shorter(config: ConfigFields, layers: number | undefined, fail: () => Error): ConfigFields {
  if (layers === undefined) return config
  if (!counts.some((field) => Object.hasOwn(config, field))) throw fail()
  const changed = Object.entries(config).map(([field, value]) => {
    if (counts.includes(field)) return [field, Math.min(value as number, layers)]
    if (!perLayer.includes(field)) return [field, value]
    return [field, (value as readonly unknown[]).filter((each, i) => (typeof each === 'number' ? each : i) < layers)]
  })
  return Object.fromEntries(changed)
}

function shortened(id: string, shape: PipelineShape, { layers, textLayers }: Lengths): PipelineShape {
  const fail = () =>
    expected('bad-option', 'a network of equal layers', '`layers`', `${id}, whose network has levels`, 'Leave it out.')
  return {
    ...shape,
    denoiser: { ...shape.denoiser, config: shorter(shape.denoiser.config, layers, fail) },
    textEncoders: shape.textEncoders.map((each) => ({ ...each, config: shorter(each.config, textLayers, fail) })),
  }
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
