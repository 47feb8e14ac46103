/** What `generate` does: a prompt and seeds, or noise from a file, to pictures, and the files beside them. */
import { basename, dirname, extname, join } from 'node:path'
import {
  checkKey,
  expected,
  formatShape,
  type Generation,
  generate,
  type OpenDiffusionModel,
  type State,
  type Tensor,
  torchNoise,
  type WatermarkKey,
} from 'undiffuse'
import { contactSheet, encodePng, type FileContent, writeFilesAtomically } from 'undiffuse/node'
import { follow, type NetworkOptions, now, type PrecisionName, withModel } from './diffusion.js'
import { messageOf, readKeyFile } from './key-files.js'
import type { PictureSize } from './numbers.js'
import { prepareOutputs } from './outputs.js'
import { checkUndoable, completed, type Recipe, requiredPrompt, samplingOf, withRemembered } from './recipe.js'
import { checkTensorFileName, fileTypeOf, readTensorFile, stateFile, tensorFile } from './tensor-files.js'
import type { Terminal } from './terminal.js'
import { costLines, costReport, evaluationText, type Timed, totalEvaluations } from './words.js'

export interface GenerationRequest extends NetworkOptions, Recipe {
  readonly seed?: number
  readonly count: number
  readonly size?: PictureSize
  /** A file to start from, in place of a seed. */
  readonly noise?: string
  /** A key file, which of its marks, and what it carries. */
  readonly watermark?: string
  readonly member?: number
  readonly message?: string
  readonly output: string
  readonly saveNoise?: string
  readonly saveLatent?: string
}

/** The mark that all pictures get. */
interface Marking {
  readonly key: WatermarkKey
  readonly member: number
  readonly message?: string
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
}

/** Everything that the report says. */
interface FinishedGeneration extends Timed {
  readonly model: string
  readonly recipe: Recipe
  readonly precision: PrecisionName
  readonly marking?: Marking | undefined
  readonly pictures: readonly GeneratedPicture[]
  /** Files by what they hold. */
  readonly outputs: Readonly<Record<string, string>>
}

async function startsOf({ noise, seed, count, size }: GenerationRequest): Promise<[readonly Start[], Recipe]> {
  if (noise === undefined) return [Array.from({ length: count }, (_, i) => ({ seed: (seed ?? 0) + i })), {}]
  if (seed !== undefined || size !== undefined || count !== 1) {
    const got = seed !== undefined ? '`--seed`' : size !== undefined ? '`--size`' : '`--count`'
    throw expected(
      'bad-option',
      '`--noise` alone',
      '`generate`',
      `${got} as well`,
      'The file says how many and how large.',
    )
  }
  const { tensors, recipe } = await readTensorFile(noise, 'noise')
  return [tensors.map((one) => ({ noise: one })), recipe]
}

/** Throws for a member that there is not and a message without room. */
async function markingOf({ watermark, member, message }: GenerationRequest): Promise<Marking | undefined> {
  if (watermark === undefined) {
    if (member === undefined && message === undefined) return undefined
    const got = `\`--${member === undefined ? 'message' : 'member'}\` alone`
    throw expected('bad-option', 'a key', '`--watermark`', got, 'Pass the file of a key: `--watermark key.json`.')
  }
  const key = await readKeyFile(watermark)
  key.mark(member)
  return { key, member: member ?? 0, ...(message !== undefined && { message: messageOf(key, message) }) }
}

/** The noise of a start with the mark in it. Throws where the key is one of another model or size. */
function marked(
  model: OpenDiffusionModel,
  { key, member, message }: Marking,
  { seed, noise }: Start,
  size?: PictureSize,
) {
  const latentShape = noise?.shape ?? model.latentShape(size)
  checkKey(key, { model: model.name, latentShape }, 'Pass the `--size` of the key, or make one for this size.')
  return key.mark(member).imprint(noise ?? torchNoise(seed ?? 0, latentShape), message)
}

/** For reports; the secret stays in its file. */
const markingReport = ({ key, member, message }: Marking) => ({
  key: key.id,
  scheme: key.scheme,
  member,
  message: message ?? null,
})

const markingMetadata = ({ key, member, message }: Marking): Record<string, string> => ({
  watermarkKey: key.id,
  watermarkScheme: key.scheme,
  watermarkMember: `${member}`,
  ...(message !== undefined && { watermarkMessage: message }),
})

/** `a.png` for one; `a-7.png`, `a-8.png` for several, by their seeds or places. */
function pathsOf(output: string, starts: readonly Start[]): readonly string[] {
  if (starts.length === 1) return [output]
  const stem = output.slice(0, -extname(output).length)
  return starts.map(({ seed }, i) => `${stem}-${seed ?? i + 1}${extname(output)}`)
}

/** Nothing is computed for outputs that cannot be written. */
async function outputsOf(request: GenerationRequest, count: number): Promise<Readonly<Record<string, string>>> {
  const { output, saveNoise, saveLatent } = request
  if (extname(output).toLowerCase() !== '.png') {
    throw expected('bad-option', 'a name that ends in .png', '`--output`', `\`${output}\``, 'Change the name.')
  }
  if (saveNoise !== undefined) checkTensorFileName(saveNoise, '--save-noise')
  if (saveLatent !== undefined) checkTensorFileName(saveLatent, '--save-latent')
  return {
    ...(count > 1 && { sheet: join(dirname(output), `${basename(output, extname(output))}.sheet.png`) }),
    ...(saveNoise !== undefined && { noise: saveNoise }),
    ...(saveLatent !== undefined && { latent: saveLatent }),
  }
}

const columns = 4

const sheetOf = ({ pictures, recipe, model }: FinishedGeneration): Promise<Uint8Array> => {
  const cells = pictures.map(({ path, seed, generation }) => ({
    image: generation.image,
    label: seed === undefined ? basename(path) : `seed ${seed}`,
  }))
  const rows = Array.from({ length: Math.ceil(cells.length / columns) }, (_, i) =>
    cells.slice(i * columns, (i + 1) * columns),
  )
  return contactSheet(rows, { title: `${model}: ${recipe.prompt ?? ''}` })
}

async function filesOf(finished: FinishedGeneration): Promise<readonly (readonly [string, FileContent])[]> {
  const { pictures, outputs, recipe, model, precision, marking } = finished
  const generations = pictures.map(({ generation }) => generation)
  const seeds = pictures.flatMap(({ seed }) => (seed === undefined ? [] : [seed]))
  const made = {
    model,
    ...(seeds.length > 0 && { seeds: seeds.join(',') }),
    ...(marking && markingMetadata(marking)),
  }
  const noise = () => tensorFile({ noise: generations.map((one) => one.noise) }, recipe, made, fileTypeOf(precision))
  const latent = () =>
    stateFile(
      pictures.map(({ last }) => last),
      recipe,
      made,
      fileTypeOf(precision),
    )
  return [
    ...(await Promise.all(
      pictures.map(async ({ path, generation }) => [path, await encodePng(generation.image)] as const),
    )),
    ...(outputs.sheet === undefined ? [] : [[outputs.sheet, await sheetOf(finished)] as const]),
    ...(outputs.noise === undefined ? [] : [[outputs.noise, noise()] as const]),
    ...(outputs.latent === undefined ? [] : [[outputs.latent, latent()] as const]),
  ]
}

function reportOf(finished: FinishedGeneration) {
  const { model, recipe, pictures, outputs, marking } = finished
  const [{ generation }] = pictures as readonly [GeneratedPicture]
  const [, height, width] = generation.image.shape
  return {
    model,
    prompt: generation.prompt,
    negativePrompt: generation.negativePrompt ?? null,
    guidance: generation.guidance,
    solver: recipe.solver ?? generation.solver,
    steps: generation.grid.length - 1,
    widthPixels: width,
    heightPixels: height,
    latentShape: generation.latent.shape,
    watermark: marking ? markingReport(marking) : null,
    pictures: pictures.map(({ path, seed, generation }) => ({
      picture: path,
      seed: seed ?? null,
      evaluations: generation.evaluations,
      seconds: generation.seconds,
    })),
    evaluations: totalEvaluations(pictures.map(({ generation }) => generation.evaluations)),
    ...costReport(finished),
    outputs: { pictures: pictures.map(({ path }) => path), ...outputs },
  }
}

function sayReport(io: Terminal, finished: FinishedGeneration): void {
  const { model, pictures, outputs, marking } = finished
  const { prompt, negativePrompt, guidance, solver, steps, widthPixels, heightPixels, evaluations } = reportOf(finished)
  const seeds = pictures.flatMap(({ seed }) => (seed === undefined ? [] : [seed]))
  const from = seeds.length > 0 ? `seed ${seeds.join(', ')}` : 'the noise of a file'
  io.say(`“${prompt}”${negativePrompt === null ? '' : ` without “${negativePrompt}”`}, ${from}`)
  io.say(`  by           ${model}, ${solver}, ${steps} steps, guidance ${guidance}`)
  io.say(
    `  from, to     noise ${formatShape(pictures[0]!.generation.latent.shape)} → ${widthPixels}×${heightPixels} pixels`,
  )
  if (marking) {
    const { key, member, message } = marking
    const of = key.members > 1 ? `, member ${member}` : ''
    io.say(`  mark         key ${key.id}, ${key.scheme}${of}${message === undefined ? '' : `, message ${message}`}`)
  }
  io.say(`  evaluations  ${evaluationText(evaluations)}`)
  for (const line of costLines(finished)) io.say(line)
  io.say(`wrote ${[...pictures.map(({ path }) => path), ...Object.values(outputs)].join(', ')}`)
}

async function generateOne(
  io: Terminal,
  model: OpenDiffusionModel,
  recipe: Recipe,
  { noise, seed }: Start,
  { size, part }: { size: PictureSize | undefined; part: string | undefined },
): Promise<Generation> {
  const prompt = recipe.prompt ?? ''
  const options = { ...samplingOf(recipe, model), prompt, model, seed, noise, size, signal: io.signal, now }
  return await follow(io, generate(options), part)
}

/** Reads, generates, writes and reports. Fails before the networks run where it can be known to fail. */
export async function generatePictures(io: Terminal, request: GenerationRequest): Promise<void> {
  const [starts, remembered] = await startsOf(request)
  const marking = await markingOf(request)
  const recipe = withRemembered(request, remembered)
  requiredPrompt(recipe.prompt, 'Say what to show: `undiffuse generate "a red circle"`.')
  const paths = pathsOf(request.output, starts)
  const outputs = await outputsOf(request, starts.length)
  const { sheet, noise, latent } = outputs
  const files = { '--output': paths, 'the sheet': sheet, '--save-noise': noise, '--save-latent': latent }
  await prepareOutputs(files, { '--watermark': request.watermark, '--noise': request.noise })

  const finished = await withModel(request, recipe, async (model, cost): Promise<FinishedGeneration> => {
    if (marking) checkUndoable(recipe, model, '`--watermark`')
    const begin = now()
    const pictures: GeneratedPicture[] = []
    for (const [i, start] of starts.entries()) {
      const part = starts.length > 1 ? `${i + 1} of ${starts.length}` : undefined
      const { size } = request
      const begun = marking ? { noise: marked(model, marking, start, size) } : start
      const { states, ...generation } = await generateOne(io, model, recipe, begun, {
        size: marking ? undefined : size,
        part,
      })
      pictures.push({ path: paths[i]!, seed: start.seed, generation, last: states.at(-1)! })
    }
    const seconds = now() - begin
    const made = completed(recipe, model)
    const { precision } = request
    return { model: model.name, recipe: made, precision, marking, pictures, outputs, seconds, cost: await cost() }
  })
  await writeFilesAtomically(await filesOf(finished))
  io.clear()
  sayReport(io, finished)
  io.result(reportOf(finished))
}
