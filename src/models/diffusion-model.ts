/**
 * From a folder to a text-to-image model that runs: autoencoder, tokenizers, text encoders, denoising network and schedule,
 * checked against each other. Networks are opened when they are first needed and weights stay in their files.
 */

import type { Profile } from '../autoencoder/profile.js'
import { type BlockBits, inBlocks } from '../checkpoints/blocks.js'
import { checkFiles, type Files } from '../checkpoints/files.js'
import { fingerprint } from '../checkpoints/fingerprint.js'
import { insideOf } from '../checkpoints/inside.js'
import { type MadeWeights, madeWeights } from '../checkpoints/made-weights.js'
import { checkValue } from '../core/fields.js'
import { checkOptionNames, type OptionNames } from '../core/option-names.js'
import { checkText } from '../core/text.js'
import type { Prediction } from '../diffusion/denoiser.js'
import type { Solver } from '../diffusion/diffusion.js'
import { weightBytes } from '../graph/peak.js'
import type { Runtime } from '../graph/runtime.js'
import { pictureOf } from '../model/layout.js'
import type { DiffusionModel } from '../model/model.js'
import { doorOf } from '../model/questions.js'
import type { Vocabulary } from '../model/vocabulary.js'
import { graphSizeOf } from './autoencoder/networks.js'
import { autoencoderAnswerers, autoencoderGraphs, profileAt } from './autoencoder/sessions.js'
import type { DenoisingPrecision } from './denoiser/graphs.js'
import { denoisingAnswerers, denoisingGraphs } from './denoiser/sessions.js'
import { familyOf } from './families/index.js'
import type { Pipeline } from './family.js'
import { nameOf, openModelFolder, withWeights } from './folder.js'
import { memoryOf } from './sessions/memory.js'
import { checkOneOf, checkSessionOptions } from './sessions/options.js'
import { type SessionOptions, sessionPool } from './sessions/pool.js'
import { vocabularyBeside } from './vocabulary-file.js'

export interface DiffusionModelOptions extends SessionOptions {
  /**
   * Bits of the numbers that networks compute with: 32 (default), 16, or 64 for the denoising network, where the
   * rounding of 32 bits is what limits an inversion (about five times the time). Text encoders always take 32.
   */
  readonly precision?: DenoisingPrecision
  /**
   * Bits of the weights of linear layers, which are made in a temporary file when a network is first opened; the autoencoder
   * keeps its own. Default: all weights as they are stored.
   */
  readonly weights?: BlockBits | undefined
  /** What was measured of the autoencoder. Default: the profile beside the model, where there is one. */
  readonly profile?: Profile | 'none' | undefined
  /** Of the solvers that the folder names. Default 50. */
  readonly steps?: number
  /** The id of the family, where the folder's class does not say it: `instaflow`. */
  readonly family?: string | undefined
}

const names: OptionNames<DiffusionModelOptions> = {
  precision: true,
  weights: true,
  profile: true,
  steps: true,
  family: true,
  device: true,
  lean: true,
}

/** A model that runs, and what its folder says. */
export interface OpenDiffusionModel extends DiffusionModel {
  readonly prediction: Prediction
  /** `solver` as text without its steps, where the folder asks for it. */
  readonly solverText?: string
  /** Steps of `solver` where nothing is said; absent where they are those of every solver. */
  readonly defaultSteps?: number
  /** The scheduler's class as the folder names it, and the solver that stands for it, on the class's own grid. */
  readonly scheduler: string
  readonly schedulerSolver: Solver
  /** The words that it was trained on, where a file beside it says so. */
  readonly vocabulary?: Vocabulary
  /** What there is to say about its folder, in sentences. */
  readonly notes?: readonly string[]
}

/** Weights of fewer bits are other weights. */
export const identityWith = (identity: string, weights: BlockBits | undefined): string =>
  weights ? `${identity}-${weights}` : identity

/** Sessions of small models: nobody counts their memory, and opening takes longer than running. */
const smallestRoom = 2 ** 29
/** What may stay open, relative to the model's weights. */
const roomFactor = 1.2

/**
 * A text-to-image model from a diffusers or Optimum folder, of one of the families that are known.
 *
 * Reads configurations and where weights lie, a few ms. Sessions open when they are first used: text encoder, keys and
 * values of cross-attention (once per prompt), denoising network, decoder, encoder; those used last stay open while
 * their weights are within 1.2 times the model's, with `lean` only the one in use. Each latent size and batch is a
 * session of its own; so is each gradient. Calls run one after another.
 *
 * Errors: `bad-option` without a runtime, and for unknown and invalid options; `bad-model` for folders that are not what their configurations say, naming the
 * file; `unsupported` for other tasks and layouts; later those of the runtime.
 *
 * @example
 * const model = await openDiffusionModel(nodeFiles, 'models/stable-diffusion-2-1', ortNode())
 * const { image } = await generate({ model, prompt: 'a red ball', seed: 7 })
 * await model.close()
 */
export async function openDiffusionModel(
  host: Files,
  path: string,
  runtime: Runtime,
  asked: DiffusionModelOptions = {},
): Promise<OpenDiffusionModel> {
  checkOptionNames(asked, names, 'openDiffusionModel')
  const { precision = 32, weights, steps, profile, family, ...options } = asked
  checkFiles(host, path)
  checkSessionOptions(runtime, options)
  checkOneOf('precision', precision, [16, 32, 64])
  checkOneOf('weights', weights, [4, 8])
  checkText('family', family)
  if (steps !== undefined) checkValue({ type: 'integer', minimum: 1, description: '' }, steps, '`steps`')
  const name = nameOf(path)
  const files = insideOf(host, path)
  const stored = await openModelFolder(files, path, host)
  let made: Promise<MadeWeights> | undefined
  const making = () => {
    made ??= madeWeights(files)
    return made
  }
  const letGo = async () => await (await made?.catch(() => undefined))?.remove()
  const folder = withWeights(stored, making, async (all) =>
    weights ? inBlocks(files, all, await making(), weights) : all,
  )
  const pipeline = await familyOf(folder, family)
    .read({ files, folder, name, steps })
    .catch(async (error: unknown) => {
      await letGo()
      throw error
    })
  const { layout, denoiser: networks, guidance, guiding, schedule } = pipeline
  const { prediction, solver, preferred, className, defaultSteps } = pipeline.scheduler
  const vae = { ...pipeline.vae, profile: profile === 'none' ? undefined : (profile ?? pipeline.vae.profile) }
  const most = { sessions: 16, bytes: room(pipeline) }
  const pool = sessionPool(runtime, name, most, { ...options, roundsHalf: precision === 16 })
  const vaePrecision = precision === 64 ? 32 : precision
  const vocabulary = await vocabularyBeside(files, path)
  let identity: Promise<string> | undefined
  return {
    name,
    identity() {
      identity ??= fingerprint(files, path).then((id) => identityWith(id, weights))
      return identity
    },
    layout,
    profile: profileAt(vae, vaePrecision),
    schedule,
    prediction,
    solver: preferred?.solver ?? solver,
    ...(preferred && { solverText: preferred.specification }),
    ...(defaultSteps !== undefined && { defaultSteps }),
    scheduler: className,
    schedulerSolver: solver,
    ...(vocabulary && { vocabulary }),
    ...(pipeline.notes && { notes: pipeline.notes }),
    guidance,
    ...(guiding && { guiding }),
    condition: pipeline.conditioner(pool),
    ...doorOf(name, {
      ...autoencoderAnswerers(pool, vae, vaePrecision),
      ...denoisingAnswerers({ name, networks, pool, prediction, precision }),
    }),
    memoryFor: memoryOf(
      pool,
      autoencoderGraphs(vae, vaePrecision),
      denoisingGraphs(networks, precision, pipeline.tokens),
    ),
    async close() {
      await pool.close()
      await letGo()
    },
  }
}

/** Bytes of weights that may be open at the same time. */
function room({ vae, denoiser, layout, tokens, textGraphs }: Pipeline): number {
  const sides = { height: layout.multiple, width: layout.multiple }
  const smallest = pictureOf(layout, sides)
  const size = { batch: 1, latent: layout.latentShape(smallest), tokens }
  const picture = graphSizeOf(layout, smallest, 1)
  const graphs = [
    vae.encoder(picture),
    vae.decoder(picture),
    denoiser.graph(size),
    ...(denoiser.derived ? [denoiser.derived.graph(size)] : []),
    ...textGraphs,
  ]
  return Math.max(smallestRoom, roomFactor * graphs.reduce((sum, graph) => sum + weightBytes(graph), 0))
}
