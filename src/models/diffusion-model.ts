/**
 * From a folder to a text-to-image model that runs: autoencoder, tokenizers, text encoders, denoising network and schedule,
 * checked against each other. Networks are opened when they are first needed and weights stay in their files.
 */

import type { Profile } from '../autoencoder/profile.js'
import { readConfig } from '../checkpoints/config.js'
import type { Files } from '../checkpoints/files.js'
import { type CheckpointFolder, openFolder, type Part } from '../checkpoints/folder.js'
import { expected } from '../core/errors.js'
import type { Signal } from '../core/progress.js'
import type { Conditioning } from '../diffusion/conditioning.js'
import type { Prediction } from '../diffusion/denoiser.js'
import type { Solver } from '../diffusion/diffusion.js'
import type { EmbeddedDenoiser } from '../diffusion/guided-editing/parts/guided-editing.js'
import type { Schedule } from '../diffusion/level.js'
import type { Runtime } from '../graph/runtime.js'
import { formatShape, type Shape, type Tensor } from '../math/tensor.js'
import { type AutoencoderNetworks, imageShapeOf, latentShapeOf } from './autoencoder/networks.js'
import { autoencoderIn, type OpenAutoencoder } from './autoencoder/sessions.js'
import { embeddedDenoiser } from './denoiser/embedded-denoiser.js'
import type { DenoisingPrecision } from './denoiser/graphs.js'
import { type DenoisingNetworks, denoisingNetworks } from './denoiser/networks.js'
import { onnxDenoisingNetworks } from './denoiser/onnx.js'
import { type Branches, type Denoisings, denoisings } from './denoiser/sessions.js'
import { openAutoencoderNetworks } from './open.js'
import { schedulerOf } from './scheduler.js'
import { type SessionOptions, sessionPool, weightBytes } from './sessions/pool.js'
import { textEncoder, textEncoderClasses } from './text/encoders.js'
import { promptEncoder, type TextPart } from './text/prompts.js'
import { openTokenizer } from './text/tokenizer.js'

export interface DiffusionModelOptions extends SessionOptions {
  /**
   * Bits of the numbers that networks compute with: 32 (default), 16, or 64 for the denoising network, where the
   * rounding of 32 bits is what limits an inversion (about five times the time). Text encoders always take 32.
   */
  readonly precision?: DenoisingPrecision
  /** What was measured of the autoencoder. Default: the profile beside the model, where there is one. */
  readonly profile?: Profile | 'none' | undefined
  /** Of the solvers that the folder names. Default 50. */
  readonly steps?: number
}

/** A model that runs: what the verbs take (`DiffusionModel`), and what the folder says. */
export interface OpenDiffusionModel extends Denoisings {
  readonly name: string
  readonly autoencoder: OpenAutoencoder
  readonly schedule: Schedule
  readonly prediction: Prediction
  /** The solver that the folder asks for (`_solver`, a field of ours), otherwise that of its scheduler. */
  readonly solver: Solver
  /** `solver` as text without its steps, where the folder asks for it. */
  readonly solverText?: string
  /** The scheduler's class as the folder names it, and the solver that stands for it, on the class's own grid. */
  readonly scheduler: string
  readonly schedulerSolver: Solver
  /** The guidance that models of this family are used with. */
  readonly guidance: number
  /** Sides of pictures are multiples of this. */
  readonly pixelMultiple: number
  latentShape(size?: { readonly height: number; readonly width: number }): Shape
  /** The size in pixels of the picture of a latent of this shape: the inverse of `latentShape`. */
  pictureSize(latentShape: Shape): { readonly height: number; readonly width: number }
  checkLatent(shape: Shape): void
  prompt(text: string, negative?: string, signal?: Signal): Promise<Conditioning>
  /** The tokens of each word of a prompt, as `looks` counts them. */
  places(prompt: string): readonly (readonly number[])[]
  /** A prompt's states, tokens × width, and the denoiser that is told them: for null-text optimisation. */
  readonly embedded: EmbeddedDenoiser & { states(text: string, signal?: Signal): Promise<Tensor> }
  close(): Promise<void>
}

/** Sessions of small models: nobody counts their memory, and opening takes longer than running. */
const smallestRoom = 2 ** 29
/** What may stay open, relative to the model's weights. */
const roomFactor = 1.2

const nameOf = (path: string): string => path.split(/[\\/]/).findLast((part) => part !== '') ?? path

/**
 * A model of Stable Diffusion's kind from a diffusers or Optimum folder.
 *
 * Reads configurations and where weights lie, a few ms. Sessions open when they are first used: text encoder, keys and
 * values of cross-attention (once per prompt), denoising network, decoder, encoder; those used last stay open while
 * their weights are within 1.2 times the model's, with `lean` only the one in use. Each latent size and batch is a
 * session of its own; so is the gradient (`pullback`). Calls run one after another.
 *
 * Errors: `bad-model` for folders that are not what their configurations say, naming the file; `unsupported` for other
 * tasks and layouts; later those of the runtime.
 *
 * @example
 * const model = await openDiffusionModel(nodeFiles, 'models/stable-diffusion-2-1', ortNode())
 * const { image } = await generate({ model, prompt: 'a red circle', seed: 7 })
 * await model.close()
 */
export async function openDiffusionModel(
  files: Files,
  path: string,
  runtime: Runtime,
  { precision = 32, steps, profile, ...options }: DiffusionModelOptions = {},
): Promise<OpenDiffusionModel> {
  const name = nameOf(path)
  const folder = await openFolder(files, path)
  checkParts(folder)
  const { schedule, prediction, solver, preferred, className } = schedulerOf(
    await readConfig(files, files.join(path, 'scheduler', 'scheduler_config.json')),
    { steps },
  )
  const found = await openAutoencoderNetworks(files, path)
  const autoencoderOfFolder = { ...found, profile: profile === 'none' ? undefined : (profile ?? found.profile) }
  const networks = await denoisingOf(files, await folder.part('unet', ['UNet2DConditionModel']))
  const texts = await textParts(files, folder, networks)
  checkTogether(path, networks, autoencoderOfFolder, texts)

  const most = { sessions: 16, bytes: room(autoencoderOfFolder, networks, texts) }
  const pool = sessionPool(runtime, name, most, { ...options, roundsHalf: precision === 16 })
  const autoencoder = autoencoderIn(pool, autoencoderOfFolder, precision === 64 ? 32 : precision)
  const index = folder.kind === 'pipeline' ? await indexOf(files, path) : {}
  const prompts = promptEncoder({ pool, texts, networks, precision, zeroNegative: index.zeroNegative ?? false })
  const prepared = new WeakMap<Conditioning, Branches>()
  const tokens = texts[0]!.tokenizer.length
  const { downscaling } = autoencoderOfFolder
  const pixelMultiple = networks.multiple * downscaling

  const latentShape = (size?: { readonly height: number; readonly width: number }): Shape => {
    if (!size) return [networks.channels, networks.sampleSize, networks.sampleSize]
    const shape = latentShapeOf(autoencoderOfFolder, [autoencoderOfFolder.imageChannels, size.height, size.width])
    checkLatent(shape)
    return shape
  }
  const checkLatent = (shape: Shape): void => {
    const [channels, ...sides] = shape
    const { multiple } = networks
    const fits = (side: number) => Number.isInteger(side) && side > 0 && side % multiple === 0
    if (shape.length === 3 && channels === networks.channels && sides.every(fits)) return
    throw expected(
      'bad-shape',
      `a latent of ${networks.channels} channels and sides that are multiples of ${multiple}`,
      `\`${name}\``,
      formatShape(shape),
      `Pictures have sides that are multiples of ${pixelMultiple}; noise and latents belong to the model that made them.`,
    )
  }

  return {
    name,
    autoencoder,
    schedule,
    prediction,
    solver: preferred?.solver ?? solver,
    ...(preferred && { solverText: preferred.specification }),
    scheduler: className,
    schedulerSolver: solver,
    guidance: index.guidance ?? 7.5,
    pixelMultiple,
    latentShape,
    pictureSize(latentShape) {
      const [, height, width] = imageShapeOf(autoencoderOfFolder, latentShape)
      return { height, width }
    },
    checkLatent,
    async prompt(text: string, negative?: string, signal?: Signal): Promise<Conditioning> {
      const conditioning: Conditioning = { prompt: text, negativePrompt: negative }
      prepared.set(conditioning, await prompts.branches(text, negative, signal))
      return conditioning
    },
    places: texts[0]!.tokenizer.places,
    embedded: { ...embeddedDenoiser({ name, networks, pool, prediction, tokens }), states: prompts.states },
    ...denoisings({
      networks,
      pool,
      prediction,
      precision,
      tokens,
      downscaling,
      branches({ conditioning }) {
        const found = prepared.get(conditioning)
        if (found) return found
        const how = 'Conditionings are made by `prompt` of the model that is asked.'
        throw expected('bad-option', 'a conditioning of this model', `\`${name}\``, 'one of another', how)
      },
    }),
    close: () => pool.close(),
  }
}

/** Says what is missing or meant otherwise before anything is opened. */
function checkParts({ path, has, partNames }: CheckpointFolder): void {
  const got = partNames.join(', ') || 'no parts'
  if (has('transformer')) {
    const remedy = 'Diffusion transformers (Stable Diffusion 3, Flux) are not built here; use a model with a UNet.'
    throw expected('unsupported', 'a unet', `\`${path}\``, got, remedy)
  }
  for (const part of ['unet', 'text_encoder']) {
    if (has(part)) continue
    const remedy = 'Pass a text-to-image pipeline; models without a text encoder are not supported.'
    throw expected(has('unet') ? 'unsupported' : 'bad-model', `a ${part}`, `\`${path}\``, got, remedy)
  }
}

const denoisingOf = async (files: Files, part: Part): Promise<DenoisingNetworks> =>
  part.kind === 'onnx' ? await onnxDenoisingNetworks(files, part) : await denoisingNetworks(part)

async function textParts(
  files: Files,
  folder: CheckpointFolder,
  { pooledWidth }: DenoisingNetworks,
): Promise<readonly TextPart[]> {
  const kind = pooledWidth === undefined ? 'last' : 'penultimate'
  const names = folder.has('text_encoder_2') ? ['', '_2'] : ['']
  return await Promise.all(
    names.map(async (suffix) => {
      const part = await folder.part(`text_encoder${suffix}`, textEncoderClasses)
      const tokenizer = await openTokenizer(files, files.join(folder.path, `tokenizer${suffix}`))
      const encoder = await textEncoder(files, part, kind)
      checkTokens(part.folder, encoder, tokenizer)
      return { encoder, tokenizer }
    }),
  )
}

function checkTokens(folder: string, encoder: TextPart['encoder'], tokenizer: TextPart['tokenizer']): void {
  const { positions = Number.POSITIVE_INFINITY, vocabulary = Number.POSITIVE_INFINITY } = encoder
  if (tokenizer.length <= positions && tokenizer.size <= vocabulary) return
  throw expected(
    'bad-model',
    `a tokenizer of at most ${vocabulary} tokens and ${positions} places`,
    `\`${folder}\``,
    `one of ${tokenizer.size} and ${tokenizer.length}`,
    'Text encoder and tokenizer do not belong together; fetch the model folder again.',
  )
}

/** Refuses parts that were not trained together, where their sizes tell. */
function checkTogether(
  path: string,
  { channels, statesWidth, pooledWidth }: DenoisingNetworks,
  { latentChannels }: AutoencoderNetworks,
  texts: readonly TextPart[],
): void {
  const check = (what: string, wanted: number, got: number) => {
    if (wanted === got) return
    const remedy = 'Its parts do not belong together; fetch the model folder again.'
    throw expected('bad-model', `${what} of ${wanted}`, `\`${path}\``, `${got}`, remedy)
  }
  check("latent channels of the autoencoder as the unet's", channels, latentChannels)
  const width = texts.reduce((sum, { encoder }) => sum + encoder.width, 0)
  check("a hidden size of the text encoders as the unet's cross_attention_dim", statesWidth, width)
  if (pooledWidth === undefined) return
  check(
    'a projection of the last text encoder as the unet adds to its times',
    pooledWidth,
    texts.at(-1)!.encoder.pooledWidth ?? 0,
  )
}

/** Bytes of weights that may be open at the same time. */
function room(vae: AutoencoderNetworks, networks: DenoisingNetworks, texts: readonly TextPart[]): number {
  const picture = { batch: 1, height: 8 * vae.downscaling, width: 8 * vae.downscaling }
  const latent = {
    batch: 1,
    height: networks.sampleSize,
    width: networks.sampleSize,
    tokens: texts[0]!.tokenizer.length,
  }
  const graphs = [
    vae.encoder(picture),
    vae.decoder(picture),
    networks.graph(latent),
    ...(networks.promptGraph ? [networks.promptGraph(latent.tokens)] : []),
    ...texts.map(({ encoder, tokenizer }) => encoder.graph(tokenizer.length)),
  ]
  return Math.max(smallestRoom, roomFactor * graphs.reduce((sum, graph) => sum + weightBytes(graph), 0))
}

interface PipelineIndex {
  readonly guidance?: number
  readonly zeroNegative?: boolean
}

const opened = 'a part, which is opened where it is needed'
const notAsked = 'a part that text-to-image does not ask'

/** What of model_index.json is not read as an option. */
const indexHarmless: Readonly<Record<string, string>> = {
  vae: opened,
  unet: opened,
  scheduler: opened,
  text_encoder: opened,
  text_encoder_2: opened,
  tokenizer: opened,
  tokenizer_2: opened,
  safety_checker: notAsked,
  feature_extractor: notAsked,
  image_encoder: notAsked,
  requires_safety_checker: notAsked,
}

/** What model_index.json says beside the parts. `_guidance_scale` is ours: diffusers passes names with _ over. */
async function indexOf(files: Files, path: string): Promise<PipelineIndex> {
  const index = await readConfig(files, files.join(path, 'model_index.json'))
  const isLarge = index.string('_class_name', '').includes('XL')
  const zeroNegative = index.boolean('force_zeros_for_empty_prompt', isLarge)
  const guidance = index.number('_guidance_scale', isLarge ? 5 : 7.5)
  index.done(indexHarmless)
  return { zeroNegative, guidance }
}
