/** `undiffuse bench inversion`, `samplers`, `faithfulness`, `edit` and `pipeline`: what a whole text-to-image model does and costs. */
import { type Command, Option } from 'commander'
import {
  type DenoisingPrecision,
  type DiffusionModel,
  type FloorProbes,
  inverters,
  openDiffusionModel,
  parse,
  type Runtime,
} from 'undiffuse'
import { type FileContent, makePipeline, modelFingerprint, modelFolder, nodeFiles } from 'undiffuse/node'
import { type PrecisionName, precisionOf } from 'undiffuse/operations'
import { benchEdit } from '../../../measurements/edit/edit.js'
import { editSheet, editText } from '../../../measurements/edit/text.js'
import { benchFloor, noiseFinders } from '../../../measurements/inversion/floor.js'
import { floorText } from '../../../measurements/inversion/floor-text.js'
import { benchInversion, type InvertedModels, refusal } from '../../../measurements/inversion/inversion.js'
import { benchPipeline, pipelineText } from '../../../measurements/inversion/pipeline.js'
import {
  type InversionCase,
  type InversionTable,
  inversionTables,
  requestedPlan,
} from '../../../measurements/inversion/plans.js'
import { inversionHeatMap, inversionPlot } from '../../../measurements/inversion/plots.js'
import { inversionText } from '../../../measurements/inversion/text.js'
import { benchFaithfulness, promptFaithfulnessText } from '../../../measurements/samplers/prompt-faithfulness.js'
import { type SampledScenes, sampledScenes, scenesSolvers } from '../../../measurements/samplers/sampled-scenes.js'
import { benchSamplers, comparedSolvers, smoothGrid } from '../../../measurements/samplers/samplers.js'
import { samplersPlot, samplersText, scenesPlot, scenesText } from '../../../measurements/samplers/text.js'
import type { Cells } from '../../../measurements/shared/cells.js'
import { makeSolver, namesScheduler, type SampledModel } from '../../../measurements/shared/solver.js'
import { openSceneReader } from '../../../training/scenes/reader/reader.js'
import {
  cellsOf,
  chunkOption,
  openRuntime,
  precisionOption,
  probesOption,
  type ResumableOptions,
  resumable,
  type SharedOptions,
  share,
  withBenchModel,
} from '../bench-options.js'
import { explain, rareOptions } from '../help.js'
import { drive, jsonText, prepareFolder, weightsHeard, withTemporaryFolder, writeResults } from '../measurements.js'
import { guidances, integerAtLeast, integersAtLeast } from '../numbers.js'
import { runCommand, type Terminal } from '../terminal.js'

interface ModelBenchOptions extends ResumableOptions {
  readonly chunk: number
}

interface InversionOptions extends ModelBenchOptions {
  readonly table?: InversionTable
  readonly prompt?: string
  readonly full: boolean
  readonly count: number
  readonly solvers?: readonly string[]
  readonly inverters?: readonly string[]
  readonly decoders?: readonly string[]
  readonly precision: PrecisionName
  readonly guidances?: readonly number[]
  readonly steps?: readonly number[]
}

interface SamplersOptions extends ModelBenchOptions {
  readonly count: number
  readonly solvers: readonly string[]
  readonly steps: readonly number[]
  readonly grid: string
  readonly guidance: number
  readonly scenes: number
  readonly scenesSolvers: readonly string[]
  readonly scenesSteps: readonly number[]
  readonly scenesGuidance: number
  readonly references: number
}

interface FaithfulnessOptions extends SharedOptions {
  readonly chunk: number
  readonly count: number
  readonly guidance: number
  readonly solver?: string
  readonly steps: number
}

interface EditOptions extends SharedOptions {
  readonly resume: boolean
  readonly quick: boolean
  readonly generated: number
  readonly rendered: number
  readonly solver?: string
  readonly steps: number
  readonly guidance: number
}

interface FloorOptions extends ResumableOptions {
  readonly prompts: number
  readonly guidance: readonly number[]
  readonly solver: string
  readonly steps: number
  readonly probes: FloorProbes
  readonly ways?: readonly string[]
}

interface PipelineOptions extends SharedOptions {
  readonly like?: string
  readonly dtype: 'float32' | 'float16' | 'bfloat16'
  readonly precision: PrecisionName
  readonly weights?: '8' | '4'
  readonly lean: boolean
  readonly guidance: number
  readonly repeats: number
  readonly size?: number
  readonly inverter: string
}

const inversionHelp = {
  details: `
Pictures are generated from held-out captions with known noise; what is compared is that noise with what is found.
Columns: NMSE in dB (mean and worst over prompts) of the noise, of the latent where it was not given, of the 8-bit picture
made again. Then equal 8-bit values, evaluations of the guided network for one step, seconds for a picture, steps by
outcome.
Given: the latent alone, the latent and the solver's memory, or the picture in 8 bits alone.

Finished cells are kept in the folder of \`--out\`; \`--resume\` takes them from there. As it stands it takes five to ten
minutes on two cores, the first-order table twenty (its 64-bit rows most of them), \`--full\` hours.

Tables: ${Object.entries(inversionTables)
    .map(([name, { title }]) => `\n  ${name.padEnd(14)}${title}`)
    .join('')}`,
  examples: [
    'bench inversion --table first-order --out out/first-order',
    'bench inversion --solvers ddim heun --inverters naive implicit --guidances 1,7.5 --steps 20',
    'bench inversion --full --out out/inversion --resume',
  ],
}

const samplersHelp = {
  details: `
Measures the distance of samples from the exact flow of the model. With \`--scenes\` it also measures the Fréchet distance
between generated and rendered scenes in the features of the scene reader. Those are not Inception's features: do not
compare the number with the literature.`,
  examples: [
    'bench samplers --out out/samplers',
    'bench samplers --guidance 3 --scenes 300 --out out/samplers --resume',
  ],
}

const faithfulnessHelp = {
  details: `
The share of pictures in which the scene reader reads what was asked for: each attribute, and several together, with 95 %
intervals. Captions and noise are drawn by seed: nobody chose them. It takes six minutes on two cores. With \`--out\` there is
a sheet of the first 64.`,
  examples: ['bench faithfulness --out out/faithfulness'],
}

const editHelp = {
  details: `
Two parts. Pictures that the model made: the oracle owns their true trajectory, everybody else the 8-bit picture; all blend
within one mask, the oracle's by attention. Rendered scenes: their mask is known, and so is the scene that the edit should
give, with one attribute changed. Outside the mask: NMSE, PSNR and SSIM against the source. Inside: PSNR against the target. The scene reader reads the
changed attribute and the other five and says whether the edit succeeded. Evaluations and seconds are told too.

Finished edits are kept in the folder of \`--out\`; \`--resume\` takes them from there. As it stands it takes about ten
minutes on two cores.`,
  examples: [
    'bench edit --out out/edit',
    'bench edit --generated 24 --rendered 0 --guidance 7.5 --out out/edit-strong --resume',
    'bench edit --quick',
  ],
}

const floorHelp = {
  details: `
A picture file is rounded to 8 bits, which leaves some of its noise unknown. The floor is the posterior variance of the
noise: the smallest NMSE that any method can have on average. Beside it: the noise that methods find from the picture
alone, with prompt, solver and guidance known. Ways: ${noiseFinders.map(({ name }) => name).join(', ')}.

Finished pieces are kept in the folder of \`--out\`; \`--resume\` takes them from there. A prompt takes minutes: about a
thousand network evaluations for each probe, and as many for each ten iterations of the most probable noise.`,
  examples: [
    'bench floor --out out/floor',
    'bench floor --prompts 1 --guidance 1 --probes whole --ways encoder default',
    'bench floor --guidance 1 3 7.5 --out out/floor --resume',
  ],
}

const pipelineHelp = {
  details: `
With \`--like\` random weights of a published shape are written to a temporary folder (5.2 GB for stable-diffusion-2-1 in
float32) that is removed afterwards.`,
  examples: [
    'bench pipeline --model models/stable-diffusion-2-1 --out out/pipeline',
    'bench pipeline --like stable-diffusion-2-1',
  ],
}

function guidance(text: string): number {
  const [value = 1] = guidances(text)
  return value
}

async function runInversion(io: Terminal, options: InversionOptions): Promise<void> {
  await prepareFolder(options.out)
  const cells = await cellsOf(options)
  const precisionBits = precisionOf(options.precision)
  await withBenchModel(options, async (_, runtime, folder) => {
    const { table, count, prompt, chunk, out } = options
    const all = table ? inversionTables[table] : requestedPlan(options, () => true)
    const models = await openedFor(folder, runtime, all.cases, precisionBits)
    const fits = (one: InversionCase) => refusal(one, models(one.steps, precisionBits)) === undefined
    const plan = table ? all : requestedPlan(options, fits)
    const modelVersion = await modelFingerprint(folder)
    const asked = { ...plan, count, prompt, chunk, cells, modelVersion, precisionBits, signal: io.signal }
    const result = await drive(io, benchInversion(models, asked))
    io.say(inversionText(result))
    const stem = table ? `inversion-${table}` : 'inversion'
    await writeResults(io, out, async () =>
      defined({
        [`${stem}.json`]: jsonText(result),
        [`${stem}.txt`]: `${inversionText(result)}\n`,
        [`${stem}-heat.svg`]: await inversionHeatMap(result),
        [`${stem}-evaluations.svg`]: await inversionPlot(result),
      }),
    )
    io.result(result)
  })
}

/** The model of a folder with the steps and in the precision of each case. Opening reads configurations only; the runtime closes what runs. */
async function openedFor(
  folder: string,
  runtime: Runtime,
  cases: readonly InversionCase[],
  planned: DenoisingPrecision,
): Promise<InvertedModels> {
  const models = new Map<string, SampledModel>()
  for (const { steps, precisionBits: precision = planned } of cases) {
    const key = `${steps} ${precision}`
    if (!models.has(key)) models.set(key, await openDiffusionModel(nodeFiles, folder, runtime, { steps, precision }))
  }
  return (steps, precision) => models.get(`${steps} ${precision}`)!
}

const defined = (files: Readonly<Record<string, FileContent | undefined>>): Readonly<Record<string, FileContent>> =>
  Object.fromEntries(
    Object.entries(files).flatMap(([name, content]) => (content === undefined ? [] : [[name, content]])),
  )

async function runSamplers(io: Terminal, options: SamplersOptions): Promise<void> {
  await prepareFolder(options.out)
  const cells = await cellsOf(options)
  await withBenchModel(options, async (model, runtime, folder) => {
    const shared = { ...options, cells, modelVersion: await modelFingerprint(folder), signal: io.signal }
    const distances = await drive(io, benchSamplers(model, shared))
    io.say(samplersText(distances))
    const scenes = options.scenes === 0 ? undefined : await runScenes(io, model, runtime, shared)
    if (scenes) io.say(`\n${scenesText(scenes)}`)
    const result = { ...distances, ...(scenes && { scenes }) }
    await writeResults(io, options.out, async () =>
      defined({
        'samplers.json': jsonText(result),
        'samplers.txt': [samplersText(distances), ...(scenes ? [scenesText(scenes)] : []), ''].join('\n\n'),
        'samplers.svg': await samplersPlot(distances, 'solvers'),
        'samplers-gamma.svg': await samplersPlot(distances, 'gamma'),
        'samplers-frechet.svg': scenes && (await scenesPlot(scenes)),
      }),
    )
    io.result(result)
  })
}

async function runScenes(
  io: Terminal,
  model: DiffusionModel,
  runtime: Runtime,
  options: SamplersOptions & { readonly cells: Cells; readonly modelVersion: string; readonly signal: AbortSignal },
): Promise<SampledScenes> {
  const { scenes: count, scenesSolvers, scenesSteps, scenesGuidance, references } = options
  const reader = await openSceneReader(runtime)
  try {
    const [against = 'ddim'] = scenesSolvers
    const wanted = { solvers: scenesSolvers, steps: scenesSteps, guidance: scenesGuidance, referenceCount: references }
    return await drive(io, sampledScenes(model, reader, { ...options, ...wanted, against, count }))
  } finally {
    await reader.close()
  }
}

async function runFaithfulness(io: Terminal, options: FaithfulnessOptions): Promise<void> {
  await prepareFolder(options.out)
  if (options.solver !== undefined && !namesScheduler(options.solver)) makeSolver(options.solver, options.steps)
  const body = async (model: DiffusionModel, runtime: Runtime) => {
    const reader = await openSceneReader(runtime)
    try {
      const bench = benchFaithfulness(model, reader, { ...options, signal: io.signal })
      const { result, sheet } = await drive(io, bench)
      io.say(promptFaithfulnessText(result))
      await writeResults(io, options.out, async () => ({
        'faithfulness.json': jsonText(result),
        'faithfulness.png': sheet,
      }))
      io.result(result)
    } finally {
      await reader.close()
    }
  }
  await withBenchModel(options, body, options.steps)
}

async function runFloor(io: Terminal, { ways, guidance: guidances, ...options }: FloorOptions): Promise<void> {
  await prepareFolder(options.out)
  const cells = await cellsOf(options)
  const finders = noiseFinders.filter(({ name }) => ways === undefined || ways.includes(name))
  await withBenchModel(
    options,
    async (model, _, folder) => {
      const modelVersion = await modelFingerprint(folder)
      const asked = { ...options, guidances, finders, cells, modelVersion, signal: io.signal }
      const result = await drive(io, benchFloor(model, asked))
      io.say(floorText(result))
      await writeResults(io, options.out, async () => ({
        'floor.json': jsonText(result),
        'floor.txt': `${floorText(result)}\n`,
      }))
      io.result(result)
    },
    options.steps,
  )
}

/** Sources on a sheet: more are too small to see. */
const sheetSources = 5
/** Enough to see that everything runs. */
const quickEdit = { generated: 2, rendered: 2, steps: 6 }

async function runEdit(io: Terminal, { quick, ...asked }: EditOptions): Promise<void> {
  const options = quick ? { ...asked, ...quickEdit } : asked
  await prepareFolder(options.out)
  const cells = await cellsOf(options)
  await withBenchModel(
    options,
    async (model, runtime, folder) => {
      const reader = await openSceneReader(runtime)
      try {
        const shared = { ...options, cells, modelVersion: await modelFingerprint(folder), signal: io.signal }
        const { result, examples } = await drive(io, benchEdit(model, reader, shared))
        io.say(editText(result))
        const sheet = (title: string, sources: typeof examples.generated) =>
          sources.length === 0 ? undefined : editSheet(title, sources.slice(0, sheetSources))
        await writeResults(io, options.out, async () =>
          defined({
            'edit.json': jsonText(result),
            'edit.txt': `${editText(result)}\n`,
            'edit-generated.png': await sheet(`${model.name}, pictures of its own`, examples.generated),
            'edit-rendered.png': await sheet(`${model.name}, rendered scenes`, examples.rendered),
          }),
        )
        io.result(result)
      } finally {
        await reader.close()
      }
    },
    options.steps,
  )
}

async function runPipeline(io: Terminal, options: PipelineOptions): Promise<void> {
  await prepareFolder(options.out)
  const { like, dtype } = options
  if (like === undefined) return await measurePipeline(io, await modelFolder(options.model), options)
  await withTemporaryFolder(async (folder) => {
    await makePipeline(folder, like, { dtype, signal: io.signal, heard: weightsHeard(io, like) })
    await measurePipeline(io, folder, options, `${like}, random weights, ${dtype}`)
  })
}

async function measurePipeline(io: Terminal, folder: string, options: PipelineOptions, name?: string): Promise<void> {
  const { precision, weights, lean, guidance, repeats, size } = options
  const inverter = parse(inverters, options.inverter)
  const open = (runtime: Runtime) =>
    openDiffusionModel(nodeFiles, folder, runtime, {
      precision: precisionOf(precision),
      lean,
      ...(weights && { weights: Number(weights) as 4 | 8 }),
    })
  const asked = { guidance, repeats, size, solver: makeSolver('ddim', 50), inverter, signal: io.signal }
  const measured = await drive(io, benchPipeline(folder, openRuntime(options), open, asked))
  const result = name === undefined ? measured : { ...measured, model: name }
  io.say(pipelineText(result))
  await writeResults(io, options.out, async () => ({ 'pipeline.json': jsonText(result) }))
  io.result(result)
}

const onModel = (command: Command, chunk: number): Command =>
  share(
    command
      .option('--model <id|folder>', 'a bundled model or a diffusers folder (default: the bundled one)')
      .addOption(chunkOption('prompts', chunk)),
  )

export function addDiffusionBenches(bench: Command): void {
  resumable(onModel(explain(bench.command('inversion'), inversionHelp), 4))
    .description('invert pictures whose noise is known: solvers × inverters × guidance × steps')
    .addOption(new Option('--table <name>', "one of the papers' tables instead").choices(Object.keys(inversionTables)))
    .option('--full', 'every solver, inverter, guidance and number of steps: hours', false)
    .option('--count <n>', 'prompts, or pictures of one prompt', integerAtLeast(1), 4)
    .option('--prompt <text>', 'one prompt in place of held-out captions')
    .option('--solvers <solver:options...>', 'solvers, see `undiffuse help solvers`, without steps, or `scheduler`')
    .option('--inverters <inverter:options...>', 'inverters, see `undiffuse help inverters`')
    .option('--decoders <method:options...>', 'from the picture alone too, with these decoder inversions')
    .option('--guidances <n,n>', 'guidances (default: 1,3,7.5)', guidances)
    .option('--steps <n,n>', 'numbers of steps (default: 10,50)', integersAtLeast(1))
    .optionsGroup(rareOptions)
    .addOption(precisionOption())
    .action((options: InversionOptions) => runCommand(options.json, (io) => runInversion(io, options)))

  resumable(onModel(explain(bench.command('samplers'), samplersHelp), 4))
    .description('distance of samples from the exact flow, observed order, and distance of scenes from rendered ones')
    .option('--count <n>', 'prompts', integerAtLeast(1), 2)
    .option('--solvers <solver:options...>', 'solvers, without steps', [...comparedSolvers])
    .option('--steps <n,n>', 'steps', integersAtLeast(1), [10, 20, 40, 80])
    .option('--grid <options>', "added to every solver's options", smoothGrid)
    .option('--guidance <n>', 'of the samples', guidance, 1)
    .optionsGroup(rareOptions)
    .option('--scenes <n>', 'generated scenes for each Fréchet distance; 0: none', integerAtLeast(0), 0)
    .option('--scenes-solvers <solver:options...>', 'the others are compared with the first', [...scenesSolvers])
    .option('--scenes-steps <n,n>', 'steps of the scenes', integersAtLeast(1), [10, 20, 40])
    .option('--scenes-guidance <n>', 'of the scenes', guidance, 3)
    .option('--references <n>', 'rendered scenes to compare with', integerAtLeast(2), 2000)
    .action((options: SamplersOptions) => runCommand(options.json, (io) => runSamplers(io, options)))

  onModel(explain(bench.command('faithfulness'), faithfulnessHelp), 4)
    .description('whether generated scenes show what their prompts say, by the scene reader')
    .option('--count <n>', 'captions of scenes that training never drew, a picture each', integerAtLeast(1), 400)
    .option('--guidance <n>', 'of the scenes', guidance, 3)
    .option('--solver <solver:options>', "without steps (default: the model's own)")
    .option('--steps <n>', 'steps', integerAtLeast(1), 20)
    .action((options: FaithfulnessOptions) => runCommand(options.json, (io) => runFaithfulness(io, options)))

  resumable(share(explain(bench.command('edit'), editHelp)))
    .description('how much of a background edits keep, and whether they give what was asked for')
    .option('--model <id|folder>', 'a bundled model or a diffusers folder (default: the bundled one)')
    .option('--generated <n>', 'pictures that the model made; 0: none', integerAtLeast(0), 10)
    .option('--rendered <n>', 'rendered scenes; 0: none', integerAtLeast(0), 15)
    .option('--solver <solver:options>', "without steps (default: the model's own)")
    .option('--steps <n>', 'steps', integerAtLeast(1), 20)
    .option('--guidance <n>', 'of pictures and edits', guidance, 3)
    .option('--quick', 'two pictures, two scenes and few steps: whether everything runs', false)
    .action((options: EditOptions) => runCommand(options.json, (io) => runEdit(io, options)))

  resumable(share(explain(bench.command('floor'), floorHelp)))
    .description('how well the noise can be known from an 8-bit picture, and how near methods come')
    .option('--model <id|folder>', 'a bundled model or a diffusers folder (default: the bundled one)')
    .option('--prompts <n>', 'held-out captions', integerAtLeast(1), 8)
    .option('--guidance <n...>', 'of the pictures', (text: string, before?: readonly number[]) => [
      ...(before ?? []),
      guidance(text),
    ])
    .option('--solver <solver:options>', 'without steps', 'ddim:spacing=lambda')
    .option('--steps <n>', 'steps', integerAtLeast(1), 20)
    .addOption(probesOption())
    .addOption(new Option('--ways <name...>', 'only these').choices(noiseFinders.map(({ name }) => name)))
    .action(
      ({
        guidance = [1, 3, 7.5],
        ...options
      }: Partial<Pick<FloorOptions, 'guidance'>> & Omit<FloorOptions, 'guidance'>) =>
        runCommand(options.json, (io) => runFloor(io, { ...options, guidance })),
    )

  share(explain(bench.command('pipeline'), pipelineHelp))
    .description('memory to open a model, time and memory of an evaluation and of a step of inversion')
    .option('--model <id|folder>', 'a bundled model or a diffusers folder (default: the bundled one)')
    .option('--like <shape>', 'random weights of stable-diffusion-1-5, stable-diffusion-2-1 or stable-diffusion-xl')
    .addOption(
      new Option('--dtype <type>', 'how random weights are stored')
        .choices(['float32', 'float16', 'bfloat16'])
        .default('float32'),
    )
    .addOption(precisionOption())
    .addOption(new Option('--weights <bits>', 'of linear layers (default: as they are stored)').choices(['8', '4']))
    .option('--lean', 'spend time to save memory', false)
    .option('--guidance <n>', 'of the evaluations', guidance, 7.5)
    .option('--repeats <n>', 'timed evaluations', integerAtLeast(1), 3)
    .option('--size <pixels>', 'side of the pictures (default: what the model was trained on)', integerAtLeast(1))
    .option('--inverter <inverter:options>', 'of the step', 'implicit:iteration=anderson,iterations=4')
    .action((options: PipelineOptions) => runCommand(options.json, (io) => runPipeline(io, options)))
}
