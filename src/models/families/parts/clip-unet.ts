/** What the families of CLIP's text encoders and a UNet share: Stable Diffusion 1, 2 and XL, InstaFlow, LaVie. */
import { readConfig } from '../../../checkpoints/config.js'
import type { CheckpointFolder } from '../../../checkpoints/folder.js'
import { expected } from '../../../core/errors.js'
import { zeros } from '../../../math/tensor.js'
import type { Condition } from '../../../model/condition.js'
import { clipLayout, scaledLayout } from '../../../model/layout.js'
import type { AutoencoderNetworks } from '../../autoencoder/networks.js'
import { unet2dCondition } from '../../classes/unet-2d-condition.js'
import type { DenoisingNetworks, DenoisingPart } from '../../denoiser/networks.js'
import { onnxUnetPart } from '../../denoiser/onnx.js'
import { pooledName, statesName, unetPart } from '../../denoiser/unet.js'
import type { Pipeline, PipelineSource } from '../../family.js'
import { openAutoencoderNetworks } from '../../open.js'
import { readPipelineFields } from '../../pipeline-fields.js'
import { type Scheduler, schedulerOf } from '../../scheduler.js'
import type { StatesKind } from '../../text/encoders.js'
import { conditioner, type EncodedText, sideBySide, type TextPart } from '../../text/prompts.js'
import { clipTexts } from './clip-texts.js'
import { type ClipExtent, clipExtent, pipelineIndex } from './pipeline-index.js'

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
  /** The network. Default: UNet2DConditionModel, or an ONNX export of it. */
  unet?(source: PipelineSource): Promise<DenoisingPart>
  /** Of clips: what they are where model_index.json does not say. */
  readonly clip?: ClipExtent
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
  const part = await (kind.unet ?? unetOfPictures)(source)
  const texts = await clipTexts(files, folder, kind.textSuffixes, kind.states)
  checkTogether(folder.path, part, vae, texts, kind)
  const index = await pipelineIndex(source)
  const clip = kind.clip && clipExtent(index, kind.clip)
  const { guidance, zeroNegative } = readPipelineFields(index, {
    guidance: kind.defaultGuidance,
    zeroNegative: kind.zeroNegative,
  })
  const shapeFeeds = kind.shapeFeeds?.(vae)
  const denoiser: DenoisingNetworks = { ...part.networks, ...(shapeFeeds && { shapeFeeds }) }
  const { imageChannels, latentChannels, downscaling, frameDownscaling = 1 } = vae
  const scaled = { name, imageChannels, latentChannels, downscaling, latentMultiple: part.multiple }
  const tokens = texts[0]!.tokenizer.length
  return {
    vae,
    denoiser,
    layout: clip
      ? clipLayout({ ...scaled, frameDownscaling, frames: clip[0], side: latentSides(clip, downscaling) })
      : scaledLayout({ ...scaled, side: part.side }),
    scheduler,
    schedule: () => scheduler.schedule,
    guidance,
    conditioner: (pool) =>
      conditioner({ pool, texts, told: toldOf(part), nothing: zeroNegative ? nothing(part, tokens) : undefined }),
    tokens,
    textGraphs: texts.map(({ encoder, tokenizer }) => encoder.graph(tokenizer.length)),
  }
}

const latentSides = ([, height, width]: ClipExtent, downscaling: number) => ({
  height: height / downscaling,
  width: width / downscaling,
})

async function unetOfPictures({ files, folder }: PipelineSource): Promise<DenoisingPart> {
  const unet = await folder.part('unet', unet2dCondition.classNames)
  return unet.kind === 'onnx' ? await onnxUnetPart(files, unet) : await unetPart(unet)
}

/** The states of all encoders side by side and, where the network takes it, the pooled text of the last. */
const toldOf =
  ({ networks: { values } }: DenoisingPart) =>
  (encoded: readonly EncodedText[]): Condition['values'] => {
    const pooled = values[pooledName] && encoded.at(-1)!.pooled
    return { [statesName]: sideBySide(encoded.map(({ states }) => states)), ...(pooled && { [pooledName]: pooled }) }
  }

/** Zeros in the place of all that is told. */
const nothing = ({ networks: { values } }: DenoisingPart, tokens: number): Condition['values'] =>
  Object.fromEntries(
    Object.entries(values).map(([name, { width, perToken }]) => [name, zeros(perToken ? [tokens, width] : [width])]),
  )

/** Says what is missing before anything is opened. */
function checkParts({ path, has, partNames }: CheckpointFolder): void {
  const got = partNames.join(', ') || 'no parts'
  for (const part of ['unet', 'text_encoder']) {
    if (has(part)) continue
    const remedy = 'Pass a text-to-image pipeline; models without a text encoder are not supported.'
    throw expected(has('unet') ? 'unsupported' : 'bad-model', `a ${part}`, `\`${path}\``, got, remedy)
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
