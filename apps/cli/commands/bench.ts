/** `undiffuse bench`: the papers' tables and figures again, on this machine. */
import { type Command, Option } from 'commander'
import { type AutoencoderNetworks, expected, openAutoencoderNetworks } from 'undiffuse'
import { makeCheckpoint, modelFolder, nodeFiles } from 'undiffuse/node'
import {
  cocoercivityFigure,
  cocoercivityPlot,
  cocoercivityText,
  paperSettings,
} from '../../../measurements/decoder/cocoercivity.js'
import { benchCost, costText, type Settings } from '../../../measurements/decoder/cost.js'
import { benchDecoder, decoderBenchText, decoderPlans } from '../../../measurements/decoder/decoder.js'
import { methodsOf } from '../../../measurements/decoder/methods.js'
import { readKnownPictures } from '../../../measurements/decoder/pictures.js'
import { decoderPlot, plottedCosts } from '../../../measurements/decoder/plots.js'
import type { SweepPlan } from '../../../measurements/decoder/sweep.js'
import { openRuntime, type SharedOptions, share } from '../bench-options.js'
import { explain, rareOptions } from '../help.js'
import { drive, jsonText, prepareFolder, weightsHeard, withTemporaryFolder, writeResults } from '../measurements.js'
import { integerAtLeast, integersAtLeast } from '../numbers.js'
import { runCommand, type Terminal } from '../terminal.js'
import { addAutoencoderBenches } from './bench-autoencoders.js'
import { addDiffusionBenches } from './bench-diffusion.js'
import { addWatermarkBench } from './bench-watermark.js'

interface DecoderOptions extends SharedOptions {
  readonly like?: string
  readonly count: number
  readonly size?: number
  readonly methods?: readonly string[]
  readonly iterations?: readonly number[]
  readonly precision?: readonly number[]
  readonly ablation?: 'optimiser' | 'schedule'
  readonly table?: 'sixteen-bits'
  readonly cases?: string
  readonly figure?: 'cocoercivity'
  readonly quick: boolean
}

interface CostOptions extends SharedOptions {
  readonly size?: number
  readonly pictures: readonly number[]
  readonly chunk: number
  readonly settings: Settings | 'both'
  readonly repeats: number
  readonly keep?: string
}

const decoderHelp = {
  details: `
Test pictures are decoded from samples of the posteriors of scenes that training never drew, and rounded to 8 bits, so
the latent to be found is known. Columns: NMSE of the latent in dB with its 95 % interval, PSNR of the decoded estimate, median seconds for a picture. Then
peak memory of the process that ran the networks, network runs, how runs ended.

As it stands it takes about ten minutes on two cores; \`--count 20 --iterations 20,50,100,200\` half an hour or more.`,
  examples: [
    'bench decoder --out out/bench',
    'bench decoder --methods accelerated gradient-free:iteration=adam --iterations 20,50 --precision 16',
    'bench decoder --ablation schedule',
    'bench decoder --table sixteen-bits --count 4',
    'bench decoder --figure cocoercivity --out out/bench',
    'bench decoder --like stable-diffusion-2-1',
  ],
}

const costHelp = {
  details: `
Random weights of a published shape are written to a temporary folder (335 to 508 MB) that is removed afterwards. Every
configuration runs in a process of its own; one that would not fit into memory is skipped, with what it would take.`,
  examples: [
    'bench cost --like stable-diffusion-2-1',
    'bench cost --like stable-diffusion-2-1 --size 512 --pictures 1',
    'bench cost --like wan-2.1-1.3b --size 256 --pictures 1,4,16',
  ],
}

const openModel = async (model: string | undefined): Promise<AutoencoderNetworks> =>
  await openAutoencoderNetworks(nodeFiles, await modelFolder(model))

function precisionsOf(bits: readonly number[]): readonly (16 | 32)[] {
  return bits.map((value) => {
    if (value === 16 || value === 32) return value
    throw expected('bad-option', '16, 32 or 16,32', '`--precision`', String(value), 'These are bits of a number.')
  })
}

function planOf({ quick, ablation, table, methods, iterations, precision }: DecoderOptions): SweepPlan {
  const plan: SweepPlan = decoderPlans[ablation ?? (table ? 'sixteenBits' : quick ? 'quick' : 'compared')]
  const compared = methods ? methodsOf(methods) : plan.methods
  return {
    // Precisions that are asked for are for all methods.
    methods: precision ? compared.map(({ precisions: _, ...method }) => method) : compared,
    budgets: iterations ?? plan.budgets,
    precisions: precision ? precisionsOf(precision) : plan.precisions,
  }
}

async function runDecoder(io: Terminal, options: DecoderOptions): Promise<void> {
  const plan = planOf(options)
  await prepareFolder(options.out)
  const networks = await openModel(options.model)
  const { count, quick, size = 128 } = options
  const drawn = { pictures: quick ? Math.min(count, 2) : count, size }
  const problems = options.cases === undefined ? drawn : await readKnownPictures(options.cases)
  const comparesBits = options.table === 'sixteen-bits'
  const bench = benchDecoder(networks, openRuntime(options), { ...plan, problems, comparesBits, signal: io.signal })
  const result = await drive(io, bench)
  io.say(decoderBenchText(result))
  const part = options.ablation ?? options.table
  const stem = part ? `decoder-${part}` : 'decoder'
  await writeResults(io, options.out, async () => ({
    [`${stem}.json`]: jsonText(result),
    ...Object.fromEntries(
      await Promise.all(plottedCosts.map(async (cost) => [`${stem}-${cost}.svg`, await decoderPlot(result, cost)])),
    ),
  }))
  io.result(result)
}

async function runFigure(io: Terminal, options: DecoderOptions): Promise<void> {
  await prepareFolder(options.out)
  const networks = await openModel(options.model)
  const { count, quick, size = 128 } = options
  const settings = quick ? { ...paperSettings, observed: 4, last: 8 } : paperSettings
  const runtime = openRuntime(options)()
  try {
    const pictures = quick ? Math.min(count, 2) : count
    const result = await drive(
      io,
      cocoercivityFigure(networks, runtime, { ...settings, pictures, size, signal: io.signal }),
    )
    io.say(cocoercivityText(result))
    await writeResults(io, options.out, async () => ({
      'cocoercivity.json': jsonText(result),
      'cocoercivity.svg': await cocoercivityPlot(result),
    }))
    io.result(result)
  } finally {
    await runtime.close()
  }
}

async function runCost(io: Terminal, like: string, options: CostOptions): Promise<void> {
  await prepareFolder(options.out)
  if (options.keep !== undefined) await measureCost(io, like, options.keep, options)
  else await withTemporaryFolder((folder) => measureCost(io, like, folder, options))
}

async function measureCost(io: Terminal, like: string, folder: string, options: CostOptions): Promise<void> {
  const { size = 256, pictures, chunk, repeats, settings } = options
  await makeCheckpoint(folder, like, { signal: io.signal, heard: weightsHeard(io, like) })
  const networks = { ...(await openAutoencoderNetworks(nodeFiles, folder)), name: like }
  const bench = benchCost(networks, openRuntime(options), {
    size,
    pictures,
    chunk,
    repeats,
    settings: settings === 'both' ? ['lean', 'default'] : [settings],
    availableMemory: () => process.availableMemory(),
    signal: io.signal,
  })
  const result = await drive(io, bench)
  io.say(costText(result))
  await writeResults(io, options.out, async () => ({ 'cost.json': jsonText(result) }))
  io.result(result)
}

const costDefaults = { pictures: [1, 4, 16], chunk: 1, settings: 'both', repeats: 5 } as const

export function add(program: Command): void {
  const bench = program.command('bench').helpCommand(false)

  share(
    explain(bench.command('decoder'), decoderHelp)
      .description('compare decoder inversions on latents that are known')
      .option('--model <id|folder>', 'a bundled model or a diffusers folder (default: the bundled one)')
      .option('--count <n>', 'pictures', integerAtLeast(1), 10)
      .option('--size <pixels>', 'side of the pictures (default: 128)', integerAtLeast(1))
      .option('--methods <method:options...>', 'methods to compare, see `undiffuse help decoders`, without iterations')
      .option(
        '--iterations <n,n>',
        'budgets of evaluations (default: 20,50,100; ablations as in the paper)',
        integersAtLeast(1),
      )
      .optionsGroup(rareOptions)
      .option('--precision <bits,bits>', 'of networks and arithmetic (default: 32,16)', integersAtLeast(16))
      .addOption(
        new Option('--ablation <table>', "the paper's table S2a or S2b instead").choices(['optimiser', 'schedule']),
      )
      .addOption(
        new Option('--table <name>', 'what 16 bits do to each method instead')
          .choices(['sixteen-bits'])
          .conflicts(['ablation', 'quick']),
      )
      .option('--cases <folder>', 'pictures NAME.png with their true latents, NAME.safetensors, instead of drawn ones')
      .addOption(new Option('--figure <name>', "the paper's figure 2 instead").choices(['cocoercivity']))
      .option('--like <shape>', 'time and memory at the size of a published model: `undiffuse bench cost`')
      .option('--quick', 'few pictures, methods and iterations: to see that it works', false),
  ).action((options: DecoderOptions) =>
    runCommand(options.json, async (io) => {
      if (options.like !== undefined) await runCost(io, options.like, { ...options, ...costDefaults })
      else if (options.figure) await runFigure(io, options)
      else await runDecoder(io, options)
    }),
  )

  share(
    explain(bench.command('cost'), costHelp)
      .description('time and memory of one iteration, gradient-free against gradient, at the size of a published model')
      .requiredOption('--like <shape>', 'stable-diffusion-2-1, wan-2.1-1.3b or another published one')
      .option('--size <pixels>', 'side of the pictures (default: 256)', integerAtLeast(1))
      .option(
        '--pictures <n,n>',
        'pictures that are inverted together, or frames of one clip',
        integersAtLeast(1),
        costDefaults.pictures,
      )
      .option(
        '--chunk <n>',
        'pictures in one run where they are chunked, or latent frames at once',
        integerAtLeast(1),
        costDefaults.chunk,
      )
      .addOption(
        new Option('--settings <which>', 'session options')
          .choices(['lean', 'default', 'both'])
          .default(costDefaults.settings),
      )
      .option('--repeats <n>', 'timed iterations of one picture', integerAtLeast(1), costDefaults.repeats)
      .option('--keep <folder>', 'write the random weights here, an empty folder, and leave them there'),
  ).action((options: CostOptions & { readonly like: string }) =>
    runCommand(options.json, (io) => runCost(io, options.like, options)),
  )

  addAutoencoderBenches(bench)
  addDiffusionBenches(bench)
  addWatermarkBench(bench)
}
