/**
 * From a folder to a text-to-image model that runs: autoencoder, tokenizers, text encoders, denoising network and schedule,
 * checked against each other. Networks are opened when they are first needed and weights stay in their files.
 */

import type { Profile } from '../autoencoder/profile.js'
import { readConfig } from '../checkpoints/config.js'
import type { Files } from '../checkpoints/files.js'
import { fingerprint } from '../checkpoints/fingerprint.js'
import { type CheckpointFolder, openFolder, type Part } from '../checkpoints/folder.js'
import { readJsonObject } from '../checkpoints/json.js'
import { expected } from '../core/errors.js'
import type { Prediction } from '../diffusion/denoiser.js'
import type { Solver } from '../diffusion/diffusion.js'
import type { Runtime } from '../graph/runtime.js'
import { scaledLayout } from '../model/layout.js'
import type { DiffusionModel } from '../model/model.js'
import { doorOf } from '../model/questions.js'
import type { AutoencoderNetworks } from './autoencoder/networks.js'
import { autoencoderAnswerers, profileAt } from './autoencoder/sessions.js'
import type { DenoisingPrecision } from './denoiser/graphs.js'
import { type DenoisingNetworks, denoisingNetworks } from './denoiser/networks.js'
import { onnxDenoisingNetworks } from './denoiser/onnx.js'
import { denoisingAnswerers } from './denoiser/sessions.js'
import { openAutoencoderNetworks } from './open.js'
import { schedulerOf } from './scheduler.js'
import { type SessionOptions, sessionPool, weightBytes } from './sessions/pool.js'
import { textEncoder, textEncoderClasses } from './text/encoders.js'
import { conditioner, type TextPart } from './text/prompts.js'
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

/** A model that runs, and what its folder says. */
export interface OpenDiffusionModel extends DiffusionModel {
  readonly prediction: Prediction
  /** `solver` as text without its steps, where the folder asks for it. */
  readonly solverText?: string
  /** The scheduler's class as the folder names it, and the solver that stands for it, on the class's own grid. */
  readonly scheduler: string
  readonly schedulerSolver: Solver
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
 * session of its own; so is each gradient. Calls run one after another.
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
  const vae = { ...found, profile: profile === 'none' ? undefined : (profile ?? found.profile) }
  const networks = await denoisingOf(files, await folder.part('unet', ['UNet2DConditionModel']))
  const texts = await textParts(files, folder, networks)
  checkTogether(path, networks, vae, texts)

  const most = { sessions: 16, bytes: room(vae, networks, texts) }
  const pool = sessionPool(runtime, name, most, { ...options, roundsHalf: precision === 16 })
  const vaePrecision = precision === 64 ? 32 : precision
  const index = folder.kind === 'pipeline' ? await indexOf(files, path) : {}
  const { downscaling, imageChannels, latentChannels } = vae
  const { multiple: latentMultiple, sampleSize: side } = networks
  let identity: Promise<string> | undefined
  return {
    name,
    identity() {
      identity ??= fingerprint(files, path)
      return identity
    },
    layout: scaledLayout({ name, imageChannels, latentChannels, downscaling, latentMultiple, side }),
    profile: profileAt(vae, vaePrecision),
    schedule: () => schedule,
    prediction,
    solver: preferred?.solver ?? solver,
    ...(preferred && { solverText: preferred.specification }),
    scheduler: className,
    schedulerSolver: solver,
    guidance: index.guidance ?? 7.5,
    condition: conditioner({ pool, texts, networks, zeroNegative: index.zeroNegative ?? false }),
    ...doorOf(name, {
      ...autoencoderAnswerers(pool, vae, vaePrecision),
      ...denoisingAnswerers({ name, networks, pool, prediction, precision, downscaling }),
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
    ...(networks.promptGraph ? [networks.promptGraph(latent)] : []),
    ...texts.map(({ encoder, tokenizer }) => encoder.graph(tokenizer.length)),
  ]
  return Math.max(smallestRoom, roomFactor * graphs.reduce((sum, graph) => sum + weightBytes(graph), 0))
}

interface PipelineIndex {
  readonly guidance?: number
  readonly zeroNegative?: boolean
}

/** What model_index.json says beside the parts. `_guidance_scale` is ours: diffusers passes names with _ over. */
async function indexOf(files: Files, path: string): Promise<PipelineIndex> {
  const index = await readJsonObject(files, files.join(path, 'model_index.json'))
  const isLarge = typeof index._class_name === 'string' && index._class_name.includes('XL')
  const { _guidance_scale: stated = isLarge ? 5 : 7.5, force_zeros_for_empty_prompt: zeros = isLarge } = index
  return { zeroNegative: zeros === true, ...(typeof stated === 'number' && { guidance: stated }) }
}
