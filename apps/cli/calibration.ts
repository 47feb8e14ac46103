/**
 * What `watermark calibrate` does: unmarked pictures in, the noise that `detect` would recover from them out. Pictures that
 * the model makes itself, whose noise is known, say how well it is recovered.
 */
import { createHash } from 'node:crypto'
import {
  dot,
  expected,
  formatShape,
  generate,
  invertAll,
  latentShapeAt,
  mean,
  norm,
  type OpenDiffusionModel,
  type PromptedSource,
  round8,
  type Shape,
  sameShape,
  type Tensor,
} from 'undiffuse'
import { nodeFiles, writeFileAtomically } from 'undiffuse/node'
import { tensorOf, textOf } from '../../measurements/shared/float32-text.js'
import { calibrationFile } from './calibration-files.js'
import { probability, recoveryText } from './detection-report.js'
import { follow, now, withModel } from './diffusion.js'
import { type Journal, journalOf, openJournal, type Settings } from './journal.js'
import type { NetworkCost } from './networks.js'
import {
  inversionOf,
  type Recovery,
  type RecoveryRequest,
  readFitted,
  recoveryOf,
  settingsOf,
} from './noise-recovery.js'
import type { PictureSize } from './numbers.js'
import { prepareOutputs } from './outputs.js'
import { type FailedLine, failedLine, type PictureLine, pictureOf } from './picture-lines.js'
import { pictureFiles } from './pictures.js'
import { samplingOf } from './recipe.js'
import { type Item, type Opened, survey } from './survey.js'
import { checkTensorFileName } from './tensor-files.js'
import { momentsOf } from './tensor-pictures.js'
import type { Terminal } from './terminal.js'
import { costLines, costReport, plural } from './words.js'

export interface CalibrateRequest extends RecoveryRequest {
  readonly output: string
  readonly resume: boolean
  /** Pictures that the model makes, of the prompts in a file. */
  readonly generated: number
  readonly prompts?: string
  readonly seed: number
  readonly size?: PictureSize
}

/** A picture that is not marked; where it was made here, its noise and its prompt. */
interface Unmarked {
  readonly image: Tensor
  readonly made?: { readonly noise: Tensor; readonly prompt: string }
}

interface NoiseLine extends PictureLine {
  /** Float32 in base64. */
  readonly noise: string
  /** With the noise that the picture was made from, where it is known. */
  readonly correlation?: number
}

/** What the journal holds in the end. */
interface Recovered {
  readonly noises: readonly Tensor[]
  readonly correlations: readonly number[]
  readonly failed: readonly FailedLine[]
}

/** Everything that the report says. */
interface FinishedCalibration extends Recovered {
  readonly request: CalibrateRequest
  readonly model: string
  readonly settings: Settings
  readonly seconds: number
  readonly cost: NetworkCost
}

async function promptsOf({ generated, prompts, prompt }: CalibrateRequest): Promise<readonly string[]> {
  if (generated === 0) return []
  const listed = prompts === undefined ? [prompt ?? ''] : (await nodeFiles.text(prompts)).split('\n')
  const found = listed.map((line) => line.trim()).filter((line) => line !== '')
  if (found.length > 0) return found
  const got = prompts === undefined ? 'none' : `\`${prompts}\` without one`
  throw expected('bad-option', 'prompts', '`--generated`', got, 'Pass `--prompts <file>`, one a line, or `--prompt`.')
}

/** What the items are made with. */
interface Calibrating {
  readonly io: Terminal
  readonly request: CalibrateRequest
  readonly model: OpenDiffusionModel
  readonly recovery: Recovery
  readonly latentShape: Shape
}

const pictureItem = ({ model, recovery, latentShape }: Calibrating, path: string): Item<Unmarked> => ({
  name: path,
  async open() {
    const { image } = await readFitted(path, model, recovery.fit)
    const shape = model.layout.latentShape(image.shape)
    if (sameShape(shape, latentShape)) return { image }
    const remedy = 'A calibration is of one size: pass `--size`, or resize the picture.'
    throw expected('bad-shape', `latents of ${formatShape(latentShape)}`, `\`${path}\``, formatShape(shape), remedy)
  },
})

/** A picture of the model's own, rounded to 8 bits as files are. */
const generatedItem = (calibrating: Calibrating, prompt: string, seed: number): Item<Unmarked> => ({
  name: `seed ${seed}: ${prompt}`,
  async open() {
    const { io, request, model, recovery } = calibrating
    const { guidance = model.guidance, negative, size } = request
    const { solver } = samplingOf(recovery.recipe, model)
    const options = { model, prompt, negativePrompt: negative, seed, size, solver, guidance, signal: io.signal, now }
    const { image, noise } = await follow(io, generate(options), `seed ${seed}`)
    return { image: round8(image), made: { noise, prompt } }
  },
})

const correlationOf = (a: Tensor, b: Tensor): number => dot(a, b) / (norm(a) * norm(b) || 1)

/** The prompt of a picture that was made here is its own, where prompts are known at all. */
async function recover(
  { io, model, recovery }: Calibrating,
  opened: readonly Opened<Unmarked>[],
  place: string,
): Promise<readonly NoiseLine[]> {
  const isKnown = recovery.recipe.prompt !== undefined
  const sources = opened.map(({ value: { image, made } }): PromptedSource => {
    return made && isKnown ? { image, prompt: made.prompt } : { image }
  })
  const inversions = await follow(io, invertAll(sources, inversionOf(io, recovery, model)), place)
  return opened.map(({ name, value: { made } }, i) => {
    const { noise } = inversions[i]!
    return {
      picture: name,
      noise: textOf(noise),
      ...(made && { correlation: correlationOf(made.noise, noise) }),
    }
  })
}

async function recoveredIn(journal: Journal, shape: Shape): Promise<Recovered> {
  const found = { noises: [] as Tensor[], correlations: [] as number[], failed: [] as FailedLine[] }
  for await (const line of journal.lines()) {
    if (line.error !== undefined) found.failed.push(line as unknown as FailedLine)
    else found.noises.push(tensorOf(line.noise, shape, `\`${journal.path}\``))
    if (typeof line.correlation === 'number') found.correlations.push(line.correlation)
  }
  if (found.noises.length > 0) return found
  await journal.remove()
  const got = `none of ${found.failed.length}`
  throw expected('bad-image', 'at least one picture', 'a calibration', got, found.failed[0]?.error.message ?? '')
}

/** Inverts what is unmarked, keeps its noise and reports. Goes on where it was ended. */
export async function calibrate(io: Terminal, paths: readonly string[], request: CalibrateRequest): Promise<void> {
  checkTensorFileName(request.output, '--output')
  const prompts = await promptsOf(request)
  if (paths.length === 0 && request.generated === 0) {
    const remedy = 'Pass a folder of unmarked pictures, or `--generated <n>` for the model to make some.'
    throw expected('bad-option', 'pictures', '`calibrate`', 'none', remedy)
  }
  const recovery = recoveryOf(request)
  const pictures = new Set(await pictureFiles(paths, io))
  await prepareOutputs(
    { '--output': request.output, 'what is unfinished': journalOf(request.output) },
    { 'a picture': [...pictures], '--prompts': request.prompts },
  )
  const finished = await withModel(recovery, recovery.recipe, async (model, cost): Promise<FinishedCalibration> => {
    const begin = now()
    const calibrating = { io, request, model, recovery, latentShape: latentShapeAt(model, request.size) }
    const settings = await settingsOf(recovery, model)
    const items = [
      ...[...pictures].map((path) => pictureItem(calibrating, path)),
      ...Array.from({ length: request.generated }, (_, i) =>
        generatedItem(calibrating, prompts[i % prompts.length]!, request.seed + i),
      ),
    ]
    const recovered = await recoverAll(calibrating, items, {
      ...settings,
      latentShape: formatShape(calibrating.latentShape),
      prompts: createHash('sha256')
        .update(JSON.stringify([prompts, recovery.recipe.prompt, request.guidance]))
        .digest('hex')
        .slice(0, 16),
    })
    return { ...recovered, request, model: model.name, settings, seconds: now() - begin, cost: await cost() }
  })
  io.clear()
  sayCalibration(io, finished)
  io.result(reportOf(finished))
}

async function recoverAll(
  calibrating: Calibrating,
  items: readonly Item<Unmarked>[],
  settings: Settings,
): Promise<Recovered> {
  const { io, request, recovery, latentShape } = calibrating
  const { output, resume } = request
  const journal = await openJournal(journalOf(output), { task: 'undiffuse watermark calibrate', settings, resume })
  try {
    io.keeps(journal.path)
    const finished = new Set<string>()
    for await (const line of journal.lines()) finished.add(pictureOf(line, journal.path))
    await survey<Unmarked, NoiseLine | FailedLine>(items, {
      chunk: recovery.chunk,
      finished,
      signal: io.signal,
      work: (opened, place) => recover(calibrating, opened, place),
      failed: failedLine,
      keep: journal.append,
    })
    const recovered = await recoveredIn(journal, latentShape)
    const { noises, correlations } = recovered
    const { latentShape: _, prompts: __, ...recoverySettings } = settings
    await writeFileAtomically(output, calibrationFile(noises, recoverySettings, meanOf(correlations)))
    await journal.remove()
    return recovered
  } finally {
    await journal.close()
  }
}

const meanOf = (values: readonly number[]): number | undefined => (values.length === 0 ? undefined : mean(values))

function reportOf({ request, model, settings, noises, correlations, failed, seconds, cost }: FinishedCalibration) {
  return {
    model,
    settings,
    pictures: noises.length,
    generated: correlations.length,
    failed: failed.length,
    failures: failed,
    smallestPValue: 1 / (noises.length + 1),
    correlation: meanOf(correlations) ?? null,
    latentShape: noises[0]!.shape,
    noise: averageMoments(noises),
    ...costReport({ seconds, cost }),
    outputs: { calibration: request.output },
  }
}

/** Of white noise they are 0 and 1. */
function averageMoments(noises: readonly Tensor[]) {
  const moments = noises.map(momentsOf)
  return { mean: mean(moments.map((one) => one.mean)), deviation: mean(moments.map(({ deviation }) => deviation)) }
}

function sayCalibration(io: Terminal, finished: FinishedCalibration): void {
  const { request, model, settings, noises, correlations, failed, seconds, cost } = finished
  for (const { picture, error } of failed) io.say(`failed: ${picture}: ${error.message}`)
  const made = correlations.length > 0 ? `, ${correlations.length} of them made by the model` : ''
  io.say(`${plural(noises.length, 'unmarked picture')}${made}; ${failed.length} failed`)
  io.say(`  by           ${recoveryText(model, settings)}`)
  const { mean: centre, deviation } = averageMoments(noises)
  io.say(`  noise        mean ${centre.toFixed(3)}, deviation ${deviation.toFixed(3)}, on average`)
  io.say(`  p-values     ${probability(1 / (noises.length + 1))} and more`)
  const correlation = meanOf(correlations)
  if (correlation !== undefined) {
    io.say(`  correlation  ${correlation.toFixed(3)} of recovered noise with that of pictures the model made`)
  }
  for (const text of costLines({ seconds, cost })) io.say(text)
  io.say(`wrote ${request.output}`)
}
