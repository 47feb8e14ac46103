/** `generate`: a prompt and seeds, or noise from a file, to pictures, and the files beside them. */
import { expected } from '../core/errors.js'
import { plural } from '../core/plural.js'
import type { Signal } from '../core/progress.js'
import type { State } from '../diffusion/diffusion.js'
import { torchNoise } from '../math/noise.js'
import { mean, variance } from '../math/statistics.js'
import type { Tensor } from '../math/tensor.js'
import { type Extent, framesOf, pictureOf, sidesOf } from '../model/layout.js'
import { filmstrip } from '../pictures/frames.js'
import { type Generation, generate, latentShapeAt } from '../verbs/generate.js'
import { checkKey, type WatermarkKey } from '../watermark/key.js'
import { hexOf, zeroMessage } from '../watermark/watermark.js'
import { type Settings, setting } from './fields.js'
import { clipEndings, clipFiles, endingsOfClip, framePaths } from './files/clips.js'
import { messageOf, notesOnWeights, readKeyFile } from './files/keys.js'
import { checkEnding, checkFolder, isFolderPath, otherEnding, prepareOutputs, sheetField } from './files/outputs.js'
import { endingOf, lastName, withoutEnding } from './files/paths.js'
import {
  checkAxes,
  checkFileModel,
  checkFileSolver,
  checkFinite,
  fileTypeOf,
  isNpy,
  notesOnFileWeights,
  type ReadTensors,
  readTensorFile,
  stateFile,
  tensorEndings,
  tensorFile,
} from './files/tensor-files.js'
import {
  type FileContent,
  type Host,
  type NetworkCost,
  type OperationModel,
  type PrecisionName,
  standardStream,
} from './host.js'
import { noted, notedOf, operation, partOf, type Running, type Told } from './operation.js'
import { bitsReport, extentOf, framesField, networkFields, seedField, sizeField } from './recipes/networks.js'
import {
  checkUndoable,
  completed,
  notesOnTexts,
  type Plan,
  pictureRecipeField,
  pictureTexts,
  planOf,
  type Recipe,
  recipeFields,
  requiredPrompt,
  samplingOf,
  solverWords,
  trueGuidanceOf,
  withRemembered,
} from './recipes/recipe.js'
import { inRows } from './reports/cells.js'
import { promptText } from './reports/labels.js'
import { costReport, totalEvaluations } from './reports/numbers.js'
import { timed } from './timed.js'

/** Said in place of a message: each picture gets one of chance. */
const randomMessage = 'random'

const fields = {
  prompt: { type: 'string', description: 'what the picture shows', subject: true, word: 'prompt' },
  seed: { ...seedField, description: 'of the noise (default: 0)' },
  count: { type: 'integer', minimum: 1, default: 1, description: 'pictures, of seeds one after another' },
  size: sizeField,
  frames: framesField,
  noise: { type: 'file', description: 'start from the noise in a .safetensors or .npy file' },
  watermark: { type: 'file', description: 'mark the noise with a key', word: 'key.json' },
  member: { ...seedField, description: 'which mark of a family of keys (default: 0)' },
  message: {
    type: 'string',
    description: `what marks carry; \`${randomMessage}\`: each picture its own`,
    word: `hex|${randomMessage}`,
  },
  ...recipeFields,
  ...networkFields,
  sheet: sheetField,
  recipe: pictureRecipeField,
  output: {
    type: 'file',
    description: 'a .png file, of a clip .webp, .gif or .mp4; or a folder (default: generated.png or .webp)',
  },
  saveNoise: { type: 'file', description: 'the noise, a .safetensors or .npy file' },
  saveLatent: {
    rare: true,
    type: 'file',
    description: 'the latent that the picture is decoded from, a .safetensors or .npy file',
  },
} as const

type GenerateSettings = Settings<typeof fields>

/** The mark that all pictures get. */
interface Marking {
  readonly key: WatermarkKey
  readonly member: number
  /** Of each picture, where something was said: one for all, or each its own. */
  readonly messages?: readonly string[]
}

/** What one picture is made from. */
interface Start {
  readonly seed?: number
  readonly noise?: Tensor
}

interface GeneratedPicture {
  readonly path: string
  readonly seed: number | undefined
  /** Without the way there: many pictures would fill the memory. */
  readonly generation: Omit<Generation, 'states'>
  /** Where the way ended. */
  readonly last: State
  readonly seconds: number
}

/** Everything that the report says. */
interface Generated {
  readonly model: OperationModel
  /** Of its weights. */
  readonly identity: string
  /** Whether pictures tell what they were made from. */
  readonly isTold: boolean
  readonly recipe: Recipe
  readonly precision: PrecisionName
  readonly bits: ReturnType<typeof bitsReport>
  readonly marking: Marking | undefined
  readonly pictures: readonly GeneratedPicture[]
  /** Files by what they hold. */
  readonly outputs: Readonly<Record<string, string>>
  readonly seconds: number
  readonly cost: NetworkCost
}

async function startsOf(
  { noise, seed, count, size, frames }: GenerateSettings,
  { files }: Host,
): Promise<{ readonly starts: readonly Start[]; readonly file?: ReadTensors }> {
  if (noise === undefined) return { starts: Array.from({ length: count }, (_, i) => ({ seed: (seed ?? 0) + i })) }
  const also = Object.entries({ seed, size, frames }).find(([, value]) => value !== undefined)?.[0]
  if (also !== undefined || count !== 1) {
    const got = setting(also ?? 'count')
    const remedy = 'The file says how many and how large.'
    throw expected('bad-option', `${setting('noise')} alone`, '`generate`', `${got} as well`, remedy)
  }
  const file = await readTensorFile(files, noise, 'noise')
  for (const one of file.tensors) checkFinite(one, noise)
  return { starts: file.tensors.map((one) => ({ noise: one })), file }
}

/** Recovered noise of pictures lies within; numbers of another scale, or of no chance at all, do not. */
const usualDeviations = [0.5, 2] as const
const usualMean = 0.5
/** Of fewer numbers the deviation says little. */
const fewest = 64

/** Says that a noise is unlike any that a network was trained on. */
function* notesOnScale(starts: readonly Start[], name: string) {
  const sizes = starts.flatMap(({ noise }) =>
    noise && noise.data.length >= fewest ? [[mean(noise.data), Math.sqrt(variance(noise.data))]] : [],
  )
  const strange = sizes.find(
    ([centre, deviation]) =>
      !(deviation! >= usualDeviations[0] && deviation! <= usualDeviations[1] && Math.abs(centre!) <= usualMean),
  )
  if (!strange) return
  const [centre, deviation] = strange.map((value) => value.toPrecision(3))
  yield noted(
    name,
    `Its numbers have mean ${centre} and deviation ${deviation}. Noise has 0 and 1: the picture may show nothing.`,
  )
}

/** That a file of a latent does not keep what its solver is undone with. */
function* notesOnLatentFile(path: string, plan: Plan, model: OperationModel) {
  const { solver } = samplingOf(plan, model)
  if (!isNpy(path) || !solver.unstep) return
  const text = `\`${lastName(path)}\` holds the latent alone. \`${solver.name}\` is undone exactly with what it remembers beside it: a .safetensors file keeps both.`
  yield noted(lastName(path), text)
}

/** That a file of noise leaves guidance or solver open where nobody says them, and what is taken. */
function* notesOnOpen(noise: string, plan: Plan, model: OperationModel) {
  const taken = completed(plan, model)
  const open = Object.entries({ guidance: `${taken.guidance}`, solver: solverWords(taken) }).filter(
    ([name]) => plan.recipe[name as 'guidance' | 'solver'] === undefined,
  )
  if (open.length === 0 || !endingOf(noise).endsWith('safetensors')) return
  const names = open.map(([name]) => `no ${name}`).join(' and ')
  const values = open.map((one) => one.join(' ')).join(' and ')
  yield noted(noise, `It tells ${names}. Taken: ${values}.`)
}

/** Throws for a member that there is not and a message without room. */
async function markingOf(
  { watermark, member, message }: GenerateSettings,
  pictures: number,
  { files, randomBytes }: Host,
): Promise<Marking | undefined> {
  if (watermark === undefined) {
    if (member === undefined && message === undefined) return undefined
    const got = `${setting(member === undefined ? 'message' : 'member')} alone`
    throw expected('bad-option', 'a key', setting('watermark'), got, 'Pass the file of a key.')
  }
  const key = await readKeyFile(files, watermark)
  key.mark(member)
  if (message === undefined) return { key, member: member ?? 0 }
  const isRandom = message === randomMessage && key.messageBits > 0
  const given = isRandom ? undefined : messageOf(key, message)
  const messages = Array.from({ length: pictures }, () => given ?? messageOfChance(key, randomBytes))
  return { key, member: member ?? 0, messages }
}

/** Every message that the mark has room for is as likely. */
function messageOfChance({ messageBits }: WatermarkKey, randomBytes: Host['randomBytes']): string {
  const bytes = [...randomBytes(Math.ceil(messageBits / 8))]
  return hexOf(
    bytes.flatMap((byte) => [128, 64, 32, 16, 8, 4, 2, 1].map((bit) => (byte & bit ? 1 : 0))).slice(0, messageBits),
  )
}

/** The noise of a start with the mark in it. Throws where the key is one of another model or size. */
function marked(
  { model, identity }: Pick<Generated, 'model' | 'identity'>,
  { key, member, messages }: Marking,
  { seed, noise }: Start,
  picture: number,
  size?: Extent,
) {
  const latentShape = noise?.shape ?? latentShapeAt(model, size)
  const remedy = `Pass the ${setting('size')} of the key, or make one for this size.`
  checkKey(key, { model: model.name, modelFiles: identity, latentShape, layout: model.layout }, remedy)
  const mark = key.mark(member)
  return mark.imprint(noise ?? torchNoise(seed ?? 0, latentShape), messages?.[picture] ?? zeroMessage(mark))
}

/** The message of all pictures, where they have one in common that was said. */
const commonMessage = ({ messages }: Pick<Marking, 'messages'>): string | undefined =>
  messages && new Set(messages).size === 1 ? messages[0] : undefined

/** That nobody said a message, where the mark carries one, and that several pictures share it. */
function* notesOnMessage({ key, messages }: Marking, pictures: number) {
  const different = new Set(messages).size
  if (key.messageBits === 0 || (messages && different === pictures)) return
  const said = messages
    ? 'Several pictures carry the same message.'
    : `You named no message: the mark carries \`${zeroMessage(key)}\`.`
  const ownMessage = `${setting('message', randomMessage)} gives each picture its own.`
  const fewBits = `Of ${plural(key.messageBits, 'bit')} there are too few messages.`
  const remedy =
    different > 1
      ? fewBits
      : pictures > 1
        ? ownMessage
        : `Pass another in ${setting('message')}; ${setting('message', randomMessage)} draws one.`
  yield noted(`key ${key.id}`, `${said} Many pictures of one key and message may betray the mark. ${remedy}`)
}

/** With the prompt the noise is found exactly, and the mark in it. */
const noteOnRecipe = ({ key }: Marking): Told =>
  noted(
    `key ${key.id}`,
    `Picture files tell prompt and seed, and with them the noise that is marked: ${setting('recipe', 'false')} leaves them out.`,
  )

/** For reports; the secret stays in its file. */
const markingReport = ({ key, member, ...marking }: Marking) => ({
  key: key.id,
  scheme: key.scheme,
  members: key.members,
  member,
  message: commonMessage(marking) ?? null,
})

const markingMetadata = ({ key, member, messages }: Marking): Record<string, string> => ({
  watermarkKey: key.id,
  watermarkScheme: key.scheme,
  watermarkMember: `${member}`,
  ...(messages && { watermarkMessage: commonMessage({ messages }) ?? messages.join(',') }),
})

/** How many frames each has that is made; undefined of pictures. */
const framesMade = ({ layout }: OperationModel, [first]: readonly Start[], extent: Extent | undefined) =>
  framesOf(layout, first?.noise ? layout.pictureShape(first.noise.shape) : pictureOf(layout, extent ?? {}))

/** What can be said against a name before it is known whether the model makes pictures or clips. */
async function checkPicturePath({ output }: GenerateSettings, { files }: Host): Promise<void> {
  if (output === undefined || output === standardStream || (await isFolderPath(output, files))) return
  if (['.png', ...clipEndings].includes(endingOf(output).toLowerCase())) return
  const what = `a name that ends in .png, of a clip in ${clipEndings.join(' or ')}, or a folder,`
  throw expected('bad-option', what, setting('output'), `\`${output}\``, `Pass ${otherEnding(output, '.png')}.`)
}

/**
 * `a.png` for one and `a-7.png`, `a-8.png` for several, by their seeds or places; in a folder `7.png` for one too, but for a
 * clip: a folder alone has its frames.
 */
async function pathsOf(
  stated: string | undefined,
  starts: readonly Start[],
  { files }: Host,
  { name }: OperationModel,
  frames: number | undefined,
): Promise<readonly string[]> {
  const endings = frames === undefined ? ['.png'] : endingsOfClip(frames)
  const output = stated ?? `generated${endings[0]}`
  const nameOf = ({ seed }: Start, i: number) => `${seed ?? i + 1}`
  if (await isFolderPath(output, files)) {
    if (frames !== undefined && starts.length === 1) return [output]
    return starts.map((start, i) => files.join(output, `${nameOf(start, i)}${endings[0]}`))
  }
  const ending = endingOf(output)
  if (output !== standardStream && !endings.includes(ending.toLowerCase())) {
    const what = `a name that ends in ${endings.join(' or ')}, or a folder,`
    const made = frames === undefined ? 'pictures, no clips' : `a clip of ${plural(frames, 'frame')}`
    const remedy = `\`${name}\` makes ${made}: pass ${otherEnding(output, endings)}.`
    throw expected('bad-option', what, setting('output'), `\`${output}\``, remedy)
  }
  if (starts.length === 1) return [output]
  if (output === standardStream) await checkFolder(output, `${starts.length} pictures`, files)
  return starts.map((start, i) => `${withoutEnding(output)}-${nameOf(start, i)}${ending}`)
}

function outputsOf({ sheet, saveNoise, saveLatent }: GenerateSettings): Readonly<Record<string, string>> {
  if (sheet !== undefined) checkEnding(sheet, '.png', 'sheet')
  if (saveNoise !== undefined) checkEnding(saveNoise, tensorEndings, 'saveNoise')
  if (saveLatent !== undefined) checkEnding(saveLatent, tensorEndings, 'saveLatent')
  return {
    ...(sheet !== undefined && { sheet }),
    ...(saveNoise !== undefined && { noise: saveNoise }),
    ...(saveLatent !== undefined && { latent: saveLatent }),
  }
}

const columns = 4

function sheetOf({ pictures, recipe, model }: Generated, host: Host): Promise<Uint8Array> {
  const cells = pictures.map(({ path, seed, generation }) => ({
    image: filmstrip(generation.image),
    label: seed === undefined ? lastName(path) : `seed ${seed}`,
  }))
  return host.pictures.sheet(inRows(cells, columns), {
    title: `${model.name}: ${recipe.prompt?.trim() || promptText(null)}`,
  })
}

async function filesOf(generated: Generated, host: Host): Promise<readonly (readonly [string, FileContent])[]> {
  const { pictures, outputs, recipe, model, identity, isTold, precision, marking } = generated
  const seeds = pictures.flatMap(({ seed }) => (seed === undefined ? [] : [seed]))
  const metadata = {
    model: model.name,
    modelFiles: identity,
    ...(seeds.length > 0 && { seeds: seeds.join(',') }),
    ...(marking && markingMetadata(marking)),
  }
  const written = { layout: model.layout, recipe, metadata, dtype: fileTypeOf(precision) }
  const noises = pictures.map(({ generation }) => generation.noise)
  const states = pictures.map(({ last }) => last)
  return [
    ...(await Promise.all(
      pictures.map(async ({ path, generation, seed }) => {
        const texts = isTold ? pictureTexts({ model: model.name, identity, recipe, seed }) : {}
        const { image } = generation
        const isClip = framesOf(model.layout, image.shape) !== undefined
        return isClip
          ? await clipFiles(path, image, host, texts)
          : [[path, await host.pictures.encode(image, texts)] as const]
      }),
    ).then((files) => files.flat())),
    ...(outputs.sheet === undefined ? [] : [[outputs.sheet, await sheetOf(generated, host)] as const]),
    ...(outputs.noise === undefined
      ? []
      : [[outputs.noise, tensorFile(outputs.noise, { noise: noises }, written)] as const]),
    ...(outputs.latent === undefined ? [] : [[outputs.latent, stateFile(outputs.latent, states, written)] as const]),
  ]
}

function reportOf({ model, bits, recipe, pictures, outputs, marking, seconds, cost }: Generated) {
  const [{ generation }] = pictures as readonly [GeneratedPicture]
  const { height, width } = sidesOf(model.layout, generation.image.shape)
  const frames = framesOf(model.layout, generation.image.shape)
  return {
    model: model.name,
    prompt: generation.prompt,
    negativePrompt: generation.negativePrompt ?? null,
    guidance: generation.guidance,
    ...trueGuidanceOf(recipe),
    solver: recipe.solver ?? generation.solver,
    steps: generation.grid.length - 1,
    widthPixels: width,
    heightPixels: height,
    ...(frames !== undefined && { frames }),
    latentShape: generation.latent.shape,
    ...bits,
    watermark: marking ? markingReport(marking) : null,
    pictures: pictures.map(({ path, seed, generation, seconds }, i) => ({
      picture: path,
      seed: seed ?? null,
      ...(marking && { message: marking.messages?.[i] ?? null }),
      evaluations: generation.evaluations,
      seconds,
    })),
    evaluations: totalEvaluations(pictures.map(({ generation }) => generation.evaluations)),
    ...costReport(seconds, cost),
    outputs: { pictures: pictures.map(({ path }) => path), ...outputs },
  }
}

export type GenerationReport = ReturnType<typeof reportOf>

async function* run(settings: GenerateSettings, host: Host, signal?: Signal): Running<GenerationReport> {
  const { starts, file } = await startsOf(settings, host)
  const marking = await markingOf(settings, starts.length, host)
  const plan = planOf(withRemembered(settings, file?.recipe ?? {}))
  const silent = file ? `\`${settings.noise!}\` does not tell it. ` : ''
  const prompt = requiredPrompt(
    plan.recipe.prompt,
    `${silent}Say what to show, as "a red ball"; "" makes a picture without a prompt.`,
  )
  const outputs = outputsOf(settings)
  const written = {
    'settings.sheet': outputs.sheet,
    'settings.saveNoise': outputs.noise,
    'settings.saveLatent': outputs.latent,
  }
  const inputs = { 'settings.watermark': settings.watermark, 'settings.noise': settings.noise }
  await checkPicturePath(settings, host)
  await prepareOutputs(host.files, written, inputs)

  const held = await host.models.open({ ...settings, steps: plan.recipe.steps })
  try {
    yield* notedOf(held)
    const { model } = held
    if (file) checkFileModel(file, settings.noise!, settings, model)
    if (file) checkFileSolver(file, settings.noise!, settings, plan, model)
    if (file) checkAxes(file, model.layout, settings.noise!)
    for (const { noise } of starts) if (noise) model.layout.check(noise.shape)
    const extent = extentOf(settings, model)
    const frames = framesMade(model, starts, extent)
    const paths = await pathsOf(settings.output, starts, host, model, frames)
    await prepareOutputs(
      host.files,
      {
        'settings.output': frames === undefined ? paths : paths.flatMap((path) => framePaths(path, frames, host.files)),
        ...written,
      },
      inputs,
    )
    if (marking) checkUndoable(plan, model, setting('watermark'))
    const identity = await held.identity()
    if (outputs.latent !== undefined) yield* notesOnLatentFile(outputs.latent, plan, model)
    if (file) yield* notesOnScale(starts, settings.noise!)
    if (file) yield* notesOnOpen(settings.noise!, plan, model)
    if (file) yield* notesOnFileWeights(file, settings.noise!, identity, 'The picture will be another.')
    if (marking) yield* notesOnMessage(marking, starts.length)
    if (marking && settings.recipe) yield noteOnRecipe(marking)
    if (marking) yield* notesOnWeights([marking.key], { model: model.name, modelFiles: identity })
    const begin = host.now()
    yield* notesOnTexts([prompt, plan.recipe.negative], model, signal)
    const pictures: GeneratedPicture[] = []
    for (const [i, start] of starts.entries()) {
      const begun = marking
        ? { noise: marked({ model, identity }, marking, start, i, extent), seed: undefined, size: undefined }
        : { noise: start.noise, seed: start.seed, size: extent }
      const task = generate({ ...samplingOf(plan, model), prompt, model, ...begun, signal })
      const one = frames === undefined ? 'picture' : 'clip'
      const part = starts.length > 1 ? { done: i, total: starts.length, one } : undefined
      const { value, seconds } = yield* timed(partOf(task, part), host)
      const { states, ...generation } = value
      pictures.push({ path: paths[i]!, seed: start.seed, generation, last: states.at(-1)!, seconds })
    }
    const generated = {
      model,
      identity,
      isTold: settings.recipe,
      recipe: completed(plan, model),
      precision: settings.precision,
      bits: bitsReport(settings),
      marking,
      pictures,
      outputs,
      seconds: host.now() - begin,
      cost: await held.cost(),
    }
    await host.files.write(await filesOf(generated, host))
    return { result: reportOf(generated), files: [...paths, ...Object.values(outputs)], notes: [] }
  } finally {
    await held.close()
  }
}

export const generateOperation = operation({ id: 'generate', title: 'make a picture of a prompt', fields, run })
