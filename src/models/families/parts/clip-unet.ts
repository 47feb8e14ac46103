/** What the families of CLIP's text encoders and a UNet share: Stable Diffusion 1, 2 and XL. */
import { readConfig } from '../../../checkpoints/config.js'
import type { Files } from '../../../checkpoints/files.js'
import type { CheckpointFolder } from '../../../checkpoints/folder.js'
import { expected } from '../../../core/errors.js'
import { scaledLayout } from '../../../model/layout.js'
import type { AutoencoderNetworks } from '../../autoencoder/networks.js'
import { clipText } from '../../classes/clip-text.js'
import { unet2dCondition } from '../../classes/unet-2d-condition.js'
import type { DenoisingNetworks, DenoisingPart } from '../../denoiser/networks.js'
import { onnxUnetPart } from '../../denoiser/onnx.js'
import { pooledName, statesName, unetPart } from '../../denoiser/unet.js'
import type { Pipeline, PipelineSource } from '../../family.js'
import { openAutoencoderNetworks } from '../../open.js'
import { type PipelineFields, readPipelineFields } from '../../pipeline-fields.js'
import { type Scheduler, schedulerOf } from '../../scheduler.js'
import { type StatesKind, textEncoder } from '../../text/encoders.js'
import { conditioner, type TextPart } from '../../text/prompts.js'
import { openTokenizer } from '../../text/tokenizer.js'

/** What the families of this kind differ in. */
export interface ClipUnet {
  /** Which states of the text encoders the network attends to. */
  readonly states: StatesKind
  /** The folders of the text encoders end so. */
  readonly textSuffixes: readonly string[]
  readonly defaultGuidance: number
  /** Whether no text means states of zeros where model_index.json does not say. */
  readonly zeroNegative: boolean
  /** Whether the network takes a pooled prompt. */
  readonly pooled: boolean
  /** In place of the folder's scheduler, where the pipeline does not ask it. */
  scheduler?(source: PipelineSource): Scheduler
  /** What the network is told of the picture's size. */
  shapeFeeds?(vae: AutoencoderNetworks): DenoisingNetworks['shapeFeeds']
}

/** Reads a pipeline of this kind. Errors: as `Family.read`. */
export async function readClipUnet(source: PipelineSource, kind: ClipUnet): Promise<Pipeline> {
  const { files, folder, name, steps } = source
  checkParts(folder)
  const schedulerFile = files.join(folder.path, 'scheduler', 'scheduler_config.json')
  const scheduler = kind.scheduler?.(source) ?? schedulerOf(await readConfig(files, schedulerFile), { steps })
  const vae = await openAutoencoderNetworks(files, folder.path)
  const unet = await folder.part('unet', unet2dCondition.classNames)
  const part = unet.kind === 'onnx' ? await onnxUnetPart(files, unet) : await unetPart(unet)
  const texts = await textParts(files, folder, kind)
  checkTogether(folder.path, part, vae, texts, kind)
  const { guidance, zeroNegative } = await indexOf(source, kind)
  const shapeFeeds = kind.shapeFeeds?.(vae)
  const denoiser: DenoisingNetworks = { ...part.networks, ...(shapeFeeds && { shapeFeeds }) }
  const { imageChannels, latentChannels, downscaling } = vae
  return {
    vae,
    denoiser,
    layout: scaledLayout({
      name,
      imageChannels,
      latentChannels,
      downscaling,
      latentMultiple: part.multiple,
      side: part.side,
    }),
    scheduler,
    schedule: () => scheduler.schedule,
    guidance,
    conditioner: (pool) => conditioner({ pool, texts, networks: denoiser, zeroNegative }),
    tokens: texts[0]!.tokenizer.length,
    textGraphs: texts.map(({ encoder, tokenizer }) => encoder.graph(tokenizer.length)),
  }
}

/** Says what is missing before anything is opened. */
function checkParts({ path, has, partNames }: CheckpointFolder): void {
  const got = partNames.join(', ') || 'no parts'
  for (const part of ['unet', 'text_encoder']) {
    if (has(part)) continue
    const remedy = 'Pass a text-to-image pipeline; models without a text encoder are not supported.'
    throw expected(has('unet') ? 'unsupported' : 'bad-model', `a ${part}`, `\`${path}\``, got, remedy)
  }
}

async function textParts(
  files: Files,
  folder: CheckpointFolder,
  { states, textSuffixes }: ClipUnet,
): Promise<readonly TextPart[]> {
  return await Promise.all(
    textSuffixes.map(async (suffix) => {
      const part = await folder.part(`text_encoder${suffix}`, clipText.classNames)
      const tokenizer = await openTokenizer(files, files.join(folder.path, `tokenizer${suffix}`))
      const encoder = await textEncoder(files, part, states)
      checkTokens(part.folder, encoder, tokenizer)
      return { encoder, tokenizer }
    }),
  )
}

function checkTokens(folder: string, encoder: TextPart['encoder'], tokenizer: TextPart['tokenizer']): void {
  const { positions = Number.POSITIVE_INFINITY, vocabulary = Number.POSITIVE_INFINITY } = encoder
  const together = 'Text encoder and tokenizer do not belong together; fetch the model folder again.'
  if (tokenizer.length > positions || tokenizer.size > vocabulary) {
    const got = `one of ${tokenizer.size} and ${tokenizer.length}`
    const what = `a tokenizer of at most ${vocabulary} tokens and ${positions} places`
    throw expected('bad-model', what, `\`${folder}\``, got, together)
  }
  if (encoder.vocabulary !== undefined && tokenizer.size < encoder.vocabulary) {
    const remedy =
      'Tokens are missing, such as those of a textual inversion; fetch the tokenizer that was saved with it.'
    const got = `one of ${tokenizer.size}`
    throw expected(
      'bad-model',
      `a tokenizer of ${encoder.vocabulary} tokens (vocab_size)`,
      `\`${folder}\``,
      got,
      remedy,
    )
  }
}

/** Refuses parts that were not trained together, where their sizes tell. */
function checkTogether(
  path: string,
  { channels, networks: { values } }: DenoisingPart,
  { latentChannels }: AutoencoderNetworks,
  texts: readonly TextPart[],
  { pooled }: ClipUnet,
): void {
  const check = (what: string, wanted: number, got: number) => {
    if (wanted === got) return
    const remedy = 'Its parts do not belong together; fetch the model folder again.'
    throw expected('bad-model', `${what} of ${wanted}`, `\`${path}\``, `${got}`, remedy)
  }
  check("`latent_channels` of the autoencoder as the unet's `in_channels`", channels, latentChannels)
  const width = texts.reduce((sum, { encoder }) => sum + encoder.width, 0)
  check("`hidden_size` of the text encoders as the unet's `cross_attention_dim`", values[statesName]!.width, width)
  const pooledWidth = values[pooledName]?.width
  if (pooled !== (pooledWidth !== undefined)) {
    const [wanted, got] = pooled
      ? ['a unet that takes a pooled prompt', 'one that does not']
      : ['a unet that takes states alone', 'one that takes a pooled prompt too']
    throw expected('bad-model', wanted, `\`${path}\``, got, 'Its class in model_index.json is of another family.')
  }
  if (pooledWidth === undefined) return
  check(
    'a projection of the last text encoder as the unet adds to its times',
    pooledWidth,
    texts.at(-1)!.encoder.pooledWidth ?? 0,
  )
}

/** What model_index.json says beside the parts, where there is one. */
async function indexOf({ files, folder }: PipelineSource, kind: ClipUnet): Promise<PipelineFields> {
  const own = { guidance: kind.defaultGuidance, zeroNegative: kind.zeroNegative }
  if (folder.kind !== 'pipeline' || folder.pipelineClass === undefined) return own
  return readPipelineFields(await readConfig(files, files.join(folder.path, 'model_index.json')), own)
}
