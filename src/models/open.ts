/** From a path to networks: what lies there, and which of its networks is meant. Nothing is run here. */
import type { Files } from '../checkpoints/files.js'
import type { CheckpointFolder, NetworkPart, OnnxPart } from '../checkpoints/folder.js'
import { insideOf } from '../checkpoints/inside.js'
import { expected } from '../core/errors.js'
import type { Graph } from '../graph/graph.js'
import type { Layout } from '../model/layout.js'
import { autoencoderClassNames, autoencoderNetworks } from './autoencoder/checkpoint.js'
import { type AutoencoderNetworks, graphSizeOf } from './autoencoder/networks.js'
import { onnxAutoencoderNetworks } from './autoencoder/onnx.js'
import { networkClasses } from './classes/index.js'
import { entryOf, type FedShapes, fedShape, type Network } from './classes/network-class.js'
import { nameOf, openModelFolder } from './folder.js'
import { openOnnxModel } from './onnx/graph.js'
import { profileBeside } from './profile-file.js'

async function onnxPart(folder: CheckpointFolder, name: string): Promise<OnnxPart> {
  const part = await folder.part(name)
  if (part.kind === 'onnx') return part
  const remedy = 'Export this part to ONNX.'
  throw expected('unsupported', 'an ONNX file', `\`${part.folder}\``, part.className, remedy)
}

/** The two files of an Optimum folder, or of a pipeline that has no `vae` of its own. */
const isTwoFiles = (folder: CheckpointFolder) =>
  !folder.has('vae') && (folder.has('vae_encoder') || folder.has('vae_decoder'))

/**
 * The networks of the autoencoder at `path`: a diffusers pipeline (its `vae`), an autoencoder's own folder, or a folder
 * of vae_encoder/model.onnx and vae_decoder/model.onnx (or encoder.onnx and decoder.onnx); with the profile that lies beside
 * them, `undiffuse-profile.json`; one of other weights is not used. Reads configurations and where weights lie; the weights
 * only where there is a profile.
 *
 * Errors: `bad-model` for anything else (another network's folder, one ONNX file, missing or damaged files), saying
 * what was found; `unsupported` for layouts that no published autoencoder of Stable Diffusion has.
 *
 * @example const networks = await openAutoencoderNetworks(nodeFiles, 'models/stable-diffusion-2-1')
 */
export async function openAutoencoderNetworks(files: Files, path: string): Promise<AutoencoderNetworks> {
  const inside = insideOf(files, path)
  const networks = await networksIn(inside, path)
  return { ...networks, ...(await profileBeside(inside, path)) }
}

async function networksIn(files: Files, path: string): Promise<AutoencoderNetworks> {
  const folder = await openModelFolder(files, path)
  const name = nameOf(path)
  if (isTwoFiles(folder)) {
    const encoder = await onnxPart(folder, 'vae_encoder')
    const decoder = await onnxPart(folder, 'vae_decoder')
    return await onnxAutoencoderNetworks(files, { encoder, decoder }, name, folder.pipelineClass)
  }
  const networks = await autoencoderNetworks(await folder.part('vae', autoencoderClassNames), name)
  return isFrameByFrame(folder) ? (networks.frameByFrame?.() ?? networks) : networks
}

/** Pipelines that make clips with an autoencoder of pictures. */
export const frameByFramePipelines = ['VideoGenPipeline']

const isFrameByFrame = ({ pipelineClass = '' }: CheckpointFolder) => frameByFramePipelines.includes(pipelineClass)

async function onnxNetwork(files: Files, part: OnnxPart): Promise<Network> {
  const model = await openOnnxModel(files, part.file)
  const inputs = model.inputs.map(({ name }) => name)
  return {
    inputs,
    graph: (shapes) =>
      model.graph(Object.fromEntries(Object.entries(shapes).filter(([name]) => inputs.includes(name)))),
  }
}

/** Networks that are run by themselves, by their classes. */
const runnable = networkClasses.flatMap(({ network, ...rest }) => (network ? [{ ...rest, network }] : []))

/** The parts of a pipeline that are run by themselves, by the names of their folders. */
const networkParts = ['unet', 'transformer', 'text_encoder', 'text_encoder_2', 'text_encoder_3'] as const

/** Builds a part by its class; throws `unsupported` for one that is not known, and what its configuration throws. */
async function networkOf({ className, config, folder, openWeights }: NetworkPart): Promise<Network> {
  const { network } = entryOf(runnable, className, `\`${folder}\``, 'Export this part to ONNX.')
  return network(config, await openWeights())
}

/** The batch and the rest of the shape that is fed as `name`. */
function fedPictures(shapes: FedShapes, name: string, { axes }: Layout): [batch: number, rest: readonly number[]] {
  const [batch, ...rest] = fedShape(shapes, name, ['batch', ...axes])
  return [batch!, rest]
}

/** The two halves as diffusers defines them. */
function halvesOf({ raw, ...networks }: AutoencoderNetworks): Readonly<Record<'encoder' | 'decoder', Network>> {
  const layout = raw.layout ?? networks.layout
  return {
    encoder: {
      inputs: ['image'],
      graph(shapes) {
        const [batch, image] = fedPictures(shapes, 'image', layout)
        layout.latentShape(image)
        return raw.encoder(graphSizeOf(layout, image, batch))
      },
    },
    decoder: {
      inputs: ['latent'],
      graph(shapes) {
        const [batch, latent] = fedPictures(shapes, 'latent', layout)
        return raw.decoder(graphSizeOf(layout, layout.pictureShape(latent), batch))
      },
    },
  }
}

/** The networks that a caller may mean, each with how to open it. */
type Choices = Readonly<Record<string, () => Promise<Network>>>

const halfNames = ['encoder', 'decoder'] as const

/** What inputs may imply: parts that cost little to look at. */
const guessable: readonly string[] = [...halfNames, ...networkParts]

async function choicesOf(files: Files, folder: CheckpointFolder): Promise<Choices> {
  const open = (name: string) => async () => {
    const part = await folder.part(name)
    return part.kind === 'onnx' ? await onnxNetwork(files, part) : await networkOf(part)
  }
  if (folder.kind === 'onnx-file') return Object.fromEntries(folder.partNames.map((name) => [name, open(name)]))
  const choices: Record<string, () => Promise<Network>> = {}
  const networks = networkParts.filter((name) => folder.has(name))
  if (folder.has('vae') || (networks.length === 0 && !isTwoFiles(folder))) {
    for (const half of halfNames) {
      choices[half] = async () => halvesOf(await openAutoencoderNetworks(files, folder.path))[half]
    }
  }
  for (const name of networks) choices[name] = open(name)
  for (const name of folder.partNames) {
    if (folder.isOnnx(name)) choices[name.replace(/^vae_/, '')] ??= open(name)
  }
  return choices
}

/** The only choice, or the only one of those that can be guessed whose inputs are all fed. */
async function impliedBy(shapes: FedShapes, choices: Choices, path: string): Promise<Network> {
  const names = Object.keys(choices)
  const candidates = names.length === 1 ? names : names.filter((name) => guessable.includes(name))
  const opened = await Promise.all(candidates.map(async (name) => ({ name, network: await choices[name]!() })))
  const isFed = ({ inputs }: Network) => inputs.every((name) => Object.hasOwn(shapes, name))
  const [implied, ...more] = opened.length === 1 ? opened : opened.filter(({ network }) => isFed(network))
  if (implied && more.length === 0) return implied.network
  const what = opened.map(({ name, network }) => `${network.inputs.join(' and ')} of the ${name}`).join(', or ')
  const got = Object.keys(shapes).join(', ') || 'nothing'
  throw expected('bad-option', `the inputs ${what},`, `\`${path}\``, got, `Say which part: ${names.join(' or ')}.`)
}

export interface OpenNetworkOptions {
  /**
   * `encoder` or `decoder` of an autoencoder, `unet`, `transformer`, `text_encoder`, `text_encoder_2`, `text_encoder_3`, or the
   * name of a part that is an ONNX file.
   * Default: the one whose inputs are all fed, where that is one.
   */
  readonly part?: string
  /** Shapes of the inputs, batch included, by their names; other names are ignored. */
  readonly shapes: FedShapes
}

/**
 * One network of a checkpoint as its own tools define it, unscaled: an AutoencoderKL's encoder `image` → `mean`,
 * `logvar` and decoder `latent` → `decoded`; an AutoencoderTiny's `image` → `encoded` and `latent` → `decoded`; a
 * UNet2DConditionModel's `sample`, `timestep`, `encoder_hidden_states` (XL: `text_embeds`, `time_ids`) → `out`, as LaVie's
 * UNet3DConditionModel with a `sample` of frames; an
 * SD3Transformer2DModel's `hidden_states`, `timestep`, `encoder_hidden_states`, `pooled_projections` → `out`; a
 * FluxTransformer2DModel's packed `hidden_states`, `timestep` from 0 to 1, `encoder_hidden_states`, `pooled_projections`, `img_ids`,
 * `txt_ids`, `guidance` → `out`; a QwenImageTransformer2DModel's `sample` (a latent), `timestep` from 0 to 1000,
 * `encoder_hidden_states`, `encoder_hidden_states_length` → `out`; a
 * CLIPTextModel's `input_ids` → `last_hidden_state`, `penultimate_hidden_state`, `pooled`; a T5EncoderModel's `input_ids` →
 * `last_hidden_state`; an ONNX file as it is.
 *
 * Errors: `bad-option` when it is not clear which network is meant, naming the choices; `bad-shape` for shapes that the
 * network cannot have; otherwise as openAutoencoderNetworks.
 *
 * @example const decoder = await openNetwork(nodeFiles, 'models/sd21', { shapes: { latent: [1, 4, 64, 64] } })
 */
export async function openNetwork(files: Files, path: string, { part, shapes }: OpenNetworkOptions): Promise<Graph> {
  const choices = await choicesOf(files, await openModelFolder(files, path))
  if (part === undefined) return (await impliedBy(shapes, choices, path)).graph(shapes)
  const open = Object.hasOwn(choices, part) ? choices[part] : undefined
  if (open) return (await open()).graph(shapes)
  const names = Object.keys(choices).join(' or ')
  throw expected('bad-option', names, `the part of \`${path}\``, `\`${part}\``, 'Name a network that it has.')
}
