/**
 * Recognises what a path holds: a diffusers pipeline, one part of it, an Optimum ONNX folder or one ONNX file, and says
 * how to reach the parts. Builds no networks and opens no weights by itself.
 */
import { expected, type UndiffuseError } from '../core/errors.js'
import { nearest } from '../core/nearest.js'
import type { ConfigReader } from '../nn/parameters.js'
import { readConfig } from './config.js'
import type { Files } from './files.js'
import { ggufWeights, type OriginalNames } from './gguf-weights.js'
import { describe, readJsonObject, shownClass } from './json.js'
import { type MadeWeights, madeWeights } from './made-weights.js'
import { hasWeights, openWeights, type Weights } from './weights.js'

/** A part with config.json and safetensors, to be built by src/nn. */
export interface NetworkPart {
  readonly kind: 'network'
  readonly name: string
  readonly folder: string
  readonly className: string
  readonly config: ConfigReader
  /** Weights that are made of others are held by `making`; by default by a file that stays until the process ends. */
  openWeights(making?: () => Promise<MadeWeights>): Promise<Weights>
}

/** A part that is an ONNX file already; exporters put a config.json beside it, or not. */
export interface OnnxPart {
  readonly kind: 'onnx'
  readonly name: string
  /** Its folder; the file itself where that was named. */
  readonly folder: string
  readonly file: string
  readonly config: ConfigReader | undefined
}

export type Part = NetworkPart | OnnxPart

export interface CheckpointFolder {
  readonly path: string
  readonly kind: 'pipeline' | 'part' | 'onnx-folder' | 'onnx-file'
  readonly partNames: readonly string[]
  /** The pipeline's class, where a model_index.json names one. */
  readonly pipelineClass?: string
  has(name: string): boolean
  /** Whether the part of this name is an ONNX file. */
  isOnnx(name: string): boolean
  /**
   * The part of this name (`vae`, `unet`, `vae_decoder`, …). Throws `bad-model` when it is not there, incomplete, or of
   * a class other than those wanted, saying what was found.
   */
  part(name: string, classNames?: readonly string[]): Promise<Part>
}

const onnxName = 'model.onnx'
const configName = 'config.json'
/** What the halves of an autoencoder are called where they lie in one folder. */
const pairs = [
  ['encoder.onnx', 'decoder.onnx'],
  ['vae_encoder.onnx', 'vae_decoder.onnx'],
] as const
/** What is known of parts by those who build them. */
export interface KnownParts {
  /** Looked for where no model_index.json lists the parts: Optimum folders and incomplete pipelines. */
  readonly names: readonly string[]
  /** What a part of this class is called where it lies alone; undefined for a class that is not built. */
  roleOf(className: string): string | undefined
  /** Where the tensors of this class lie in a GGUF file; undefined for a class whose files are not read. */
  originalNamesOf(className: string): OriginalNames | undefined
}

/** The name of a part that lies alone and is of an unknown class. */
const unknownRole = 'model'

/**
 * Opens what lies at `path`: a folder with model_index.json and sub-folders, a folder with config.json next to weights,
 * a folder of vae_encoder/model.onnx and vae_decoder/model.onnx (or of encoder.onnx and decoder.onnx), or one .onnx file.
 *
 * Throws `bad-model` when it is none of these, saying what was found and what to do.
 *
 * @example const vae = await (await openFolder(nodeFiles, 'models/sd21', knownParts)).part('vae', ['AutoencoderKL'])
 */
export async function openFolder(
  files: Files,
  path: string,
  known: KnownParts,
  around: Files = files,
): Promise<CheckpointFolder> {
  const names = await files.list(path)
  if (names === undefined) return await openFile(files, path, around)
  if (names.includes('model_index.json')) {
    const index = await readJsonObject(files, files.join(path, 'model_index.json'))
    const { _class_name: pipelineClass } = index
    if (pipelineClass !== undefined && typeof pipelineClass !== 'string') {
      throw wrongIndex(files, path, "a pipeline's class", '_class_name', pipelineClass)
    }
    const entries = statedParts(index, (name) => known.names.includes(name) || names.includes(name))
    const wrong = entries.find(({ stated }) => stated === 'wrong')
    if (wrong) throw wrongIndex(files, path, 'a library and a class, or null for both', wrong.name, index[wrong.name])
    const folder = await openParts(files, path, 'pipeline', entries, known)
    return pipelineClass === undefined ? folder : { ...folder, pipelineClass }
  }
  if (names.includes(onnxName)) return single('onnx-file', path, await onnxPart(files, path, 'model', names))
  const pair = pairs.find((each) => each.every((name) => names.includes(name)))
  if (pair) return await openPair(files, path, pair, names)
  if (names.includes(configName)) return single('part', path, await networkPart(files, path, known, names))
  const parts = known.names.filter((name) => names.includes(name))
  if (parts.length > 0) {
    const kind = parts.includes('vae_decoder') ? 'onnx-folder' : 'pipeline'
    return await openParts(files, path, kind, [], known)
  }
  const got = names.slice(0, 8).join(', ') || 'an empty folder'
  if (names.some((name) => name.endsWith('.onnx'))) throw notAModel(path, got, layOut)
  throw notAModel(path, hasWeights(names) ? 'weights without config.json' : got)
}

const layOut =
  'Name one of the .onnx files, or lay the halves of an autoencoder out as vae_encoder/model.onnx and vae_decoder/model.onnx, each with its config.json.'

const convert =
  'Pass the folder as it was published; single-file .ckpt or .safetensors models must be converted to a diffusers folder.'

/** One file with all of a pipeline's weights, under the names of other programs. */
const wholeCheckpoint = /\.(safetensors|ckpt|pt|pth|bin)$/i

const convertFile =
  "Convert it once with diffusers, `StableDiffusionPipeline.from_single_file('FILE').save_pretrained('FOLDER')`, and pass the folder."

const ggufFile =
  "Put it into the `transformer` folder of its model, beside config.json and in place of the .safetensors, and pass the model's folder."

const notAModel = (path: string, got: string, remedy = convert): UndiffuseError =>
  expected(
    'bad-model',
    'a diffusers folder (model_index.json, or config.json next to .safetensors), vae_encoder/model.onnx with vae_decoder/model.onnx, or an .onnx file',
    `\`${path}\``,
    got,
    remedy,
  )

/** The diffusion models of the package, as its folder `models` has them. */
export const bundledNames: readonly string[] = ['undiffuse-scenes', 'undiffuse-scenes-flow']

const bundledPlace = (name: string): string => `\`bundledFile('models', '${name}')\``

/** What a name alone, which is not a folder, may mean: a bundled model. */
function bundledRemedy(name: string): string {
  const near = nearest(name, bundledNames)
  if (near !== undefined) return `Check the path. The bundled model \`${near}\` lies at ${bundledPlace(near)}.`
  return `Pass the path of a folder. Bundled models: ${bundledNames.map(bundledPlace).join(' and ')}.`
}

/** What to do about a missing folder: a name alone may mean a bundled model, and of a path the models beside it are told. */
async function remediesFor(files: Files, path: string): Promise<readonly string[]> {
  if (!/[\\/]/.test(path)) return [bundledRemedy(path)]
  const beside = (await files.list(files.join(path, '..'))) ?? []
  const models: string[] = []
  for (const name of beside.slice(0, mostListed)) {
    if ((await files.size(files.join(path, '..', name, 'model_index.json'))) !== undefined) models.push(`\`${name}\``)
  }
  return models.length === 0 ? [] : [`Check the path. Models beside it: ${models.join(', ')}.`]
}

const mostListed = 40

async function openFile(files: Files, path: string, around: Files): Promise<CheckpointFolder> {
  if ((await files.size(path)) === undefined)
    throw notAModel(path, 'no such file or folder', ...(await remediesFor(around, path)))
  if (/\.gguf$/i.test(path)) throw notAModel(path, 'one file of weights', ggufFile)
  if (wholeCheckpoint.test(path)) throw notAModel(path, 'one file of weights', convertFile)
  if (!path.endsWith('.onnx')) throw notAModel(path, 'a file of another kind')
  return single('onnx-file', path, { kind: 'onnx', name: 'model', folder: path, file: path, config: undefined })
}

/** A part as model_index.json states it: there, left out (null), or neither. */
interface StatedPart {
  readonly name: string
  readonly stated: 'there' | 'left-out' | 'wrong'
}

/**
 * The entries of model_index.json of parts: those that are lists, and those of the names that parts have. What a part is says
 * its own configuration, not the class that stands here.
 */
function statedParts(
  index: Readonly<Record<string, unknown>>,
  isPartName: (name: string) => boolean,
): readonly StatedPart[] {
  return Object.entries(index).flatMap(([name, value]): readonly StatedPart[] => {
    if (!/^[a-z]\w*$/i.test(name) || !(Array.isArray(value) || isPartName(name))) return []
    const both: readonly unknown[] = Array.isArray(value) && value.length === 2 ? value : [undefined]
    if (both.every((one) => typeof one === 'string')) return [{ name, stated: 'there' }]
    return [{ name, stated: both.every((one) => one === null) ? 'left-out' : 'wrong' }]
  })
}

const wrongIndex = (files: Files, path: string, what: string, field: string, got: unknown): UndiffuseError =>
  expected(
    'bad-model',
    what,
    `\`${field}\` in \`${files.join(path, 'model_index.json')}\``,
    describe(got),
    'Use the file that the model was published with.',
  )

async function openParts(
  files: Files,
  path: string,
  kind: CheckpointFolder['kind'],
  entries: readonly StatedPart[],
  known: KnownParts,
): Promise<CheckpointFolder> {
  const leftOut = entries.flatMap(({ name, stated }) => (stated === 'left-out' ? [name] : []))
  const folders = new Map<string, readonly string[]>()
  for (const name of new Set([...entries.map((each) => each.name), ...known.names])) {
    const names = leftOut.includes(name) ? undefined : await files.list(files.join(path, name))
    if (names) folders.set(name, names)
  }
  const partNames = [...folders.keys()]
  return {
    path,
    kind,
    partNames,
    has: (name) => folders.has(name),
    isOnnx: (name) => folders.get(name)?.includes(onnxName) ?? false,
    async part(name, classNames) {
      const names = folders.get(name)
      if (!names) throw missingPart(path, name, partNames.join(', ') || 'no parts')
      const folder = files.join(path, name)
      const part = names.includes(onnxName)
        ? await onnxPart(files, folder, name, names)
        : await networkPart(files, folder, { ...known, roleOf: () => name }, names)
      return ofClass(part, classNames)
    },
  }
}

function single(kind: CheckpointFolder['kind'], path: string, only: Part): CheckpointFolder {
  return {
    path,
    kind,
    partNames: [only.name],
    has: (name) => name === only.name,
    isOnnx: (name) => name === only.name && only.kind === 'onnx',
    async part(name, classNames) {
      const isUnknown = only.kind === 'network' && only.name === unknownRole && classNames !== undefined
      if (name !== only.name && !isUnknown) {
        throw missingPart(path, name, only.kind === 'network' ? `${only.name} (${only.className})` : 'one ONNX model')
      }
      return ofClass(only, classNames)
    },
  }
}

/** The two halves of an autoencoder as two files of one folder; a config.json beside them is of both. */
async function openPair(
  files: Files,
  path: string,
  [encoder, decoder]: readonly [string, string],
  names: readonly string[],
): Promise<CheckpointFolder> {
  const config = names.includes(configName) ? await readConfig(files, files.join(path, configName)) : undefined
  const half = (name: string, file: string): OnnxPart => ({
    kind: 'onnx',
    name,
    folder: path,
    file: files.join(path, file),
    config,
  })
  const parts = new Map([
    ['vae_encoder', half('vae_encoder', encoder)],
    ['vae_decoder', half('vae_decoder', decoder)],
  ])
  return {
    path,
    kind: 'onnx-folder',
    partNames: [...parts.keys()],
    has: (name) => parts.has(name),
    isOnnx: (name) => parts.has(name),
    async part(name) {
      const part = parts.get(name)
      if (!part) throw missingPart(path, name, `${encoder}, ${decoder}`)
      return part
    },
  }
}

const missingPart = (path: string, name: string, got: string): UndiffuseError =>
  expected(
    'bad-model',
    `a ${name}`,
    `\`${path}\``,
    got,
    'Pass a folder that holds this part, or fetch the complete model.',
  )

function ofClass(part: Part, classNames: readonly string[] | undefined): Part {
  if (part.kind === 'onnx' || !classNames || classNames.includes(part.className)) return part
  const field = part.config.value('_class_name') === undefined ? 'architectures' : '_class_name'
  throw expected(
    'bad-model',
    `a ${part.name} of class ${classNames.join(' or ')}`,
    `\`${field}\` in \`${part.config.file}\``,
    shownClass(part.className),
    'Pass a model with one of these, or export it to ONNX.',
  )
}

async function onnxPart(files: Files, folder: string, name: string, names: readonly string[]): Promise<OnnxPart> {
  const config = names.includes(configName) ? await readConfig(files, files.join(folder, configName)) : undefined
  return { kind: 'onnx', name, folder, file: files.join(folder, onnxName), config }
}

async function networkPart(
  files: Files,
  folder: string,
  { roleOf, originalNamesOf }: Pick<KnownParts, 'roleOf' | 'originalNamesOf'>,
  names: readonly string[],
): Promise<NetworkPart> {
  if (!names.includes(configName)) {
    throw expected(
      'bad-model',
      `${configName} and weights, or ${onnxName},`,
      `\`${folder}\``,
      names.join(', ') || 'an empty folder',
      'Fetch the complete model folder.',
    )
  }
  const config = await readConfig(files, files.join(folder, configName))
  const className = config.has('_class_name') ? config.string('_class_name') : config.strings('architectures', [])[0]
  if (className === undefined) {
    throw expected(
      'bad-model',
      'a class',
      `\`_class_name\` or \`architectures\` in \`${config.file}\``,
      'none',
      'Use the configuration that diffusers writes with save_pretrained.',
    )
  }
  const name = roleOf(className) ?? unknownRole
  const gguf = names.filter((file) => /\.gguf$/i.test(file))
  const part = { kind: 'network', name, folder, className, config } as const
  if (gguf.length === 0) return { ...part, openWeights: () => openWeights(files, folder) }
  if (gguf.length > 1 || hasWeights(names)) {
    const got = [...gguf, ...(hasWeights(names) ? ['.safetensors'] : [])].join(', ')
    throw expected('bad-model', 'one kind of weights', `\`${folder}\``, got, 'Leave one of them in the folder.')
  }
  const originalNames = originalNamesOf(className)
  if (!originalNames) {
    const remedy = 'Use the weights in .safetensors.'
    throw expected('unsupported', `weights in .safetensors for ${className}`, `\`${folder}\``, gguf[0]!, remedy)
  }
  const path = files.join(folder, gguf[0]!)
  return {
    ...part,
    openWeights: async (making = () => madeWeights(files)) =>
      await ggufWeights(files, path, originalNames, await making()),
  }
}
