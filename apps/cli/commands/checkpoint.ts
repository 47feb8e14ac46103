/** `undiffuse checkpoint make`: model folders of a published size with random weights, to measure with. */
import { performance } from 'node:perf_hooks'
import { type Command, Option } from 'commander'
import { pipelineShapes } from 'undiffuse'
import { makePipeline } from 'undiffuse/node'
import { explain } from '../help.js'
import { weightsHeard } from '../measurements.js'
import { integerAtLeast, positiveNumber } from '../numbers.js'
import { runCommand } from '../terminal.js'

interface MakeOptions {
  readonly like: string
  readonly randomWeights: string
  readonly dtype: 'float32' | 'float16' | 'bfloat16'
  readonly seed: number
  readonly layers?: number
  readonly textLayers?: number
  readonly shard: number
  readonly json: boolean
}

const help = {
  details: `
Loading, memory and time depend on shapes, not on what was learnt: such a folder measures them without a download.
Pictures of it mean nothing. stable-diffusion-2-1 takes 5.2 GB, in 16 bits 2.6 GB, and about two minutes.
With fewer layers a transformer is as wide and as slow at each; --dtype bfloat16 is how flows are published.`,
  examples: [
    'checkpoint make --like stable-diffusion-2-1 --random-weights out/sd21 --dtype float16',
    'checkpoint make --like stable-diffusion-3-5-medium --layers 2 --text-layers 2 --random-weights out/sd35',
  ],
}

export function add(program: Command): void {
  const checkpoint = program.command('checkpoint').helpCommand(false)
  explain(checkpoint.command('make'), help)
    .description('write a text-to-image model of a published size with random weights')
    .requiredOption('--like <shape>', `the shape: ${Object.keys(pipelineShapes).join(', ')}`)
    .requiredOption('--random-weights <folder>', 'a new or empty folder')
    .addOption(
      new Option('--dtype <type>', 'how weights are stored')
        .choices(['float32', 'float16', 'bfloat16'])
        .default('float32'),
    )
    .option('--layers <n>', 'of a denoising transformer (default: as published)', integerAtLeast(1))
    .option('--text-layers <n>', 'of each text encoder (default: as published)', integerAtLeast(1))
    .option('--shard <GB>', 'of weights in one file; more are split as diffusers does', positiveNumber, 10)
    .option('--seed <n>', 'of the weights', integerAtLeast(0), 0)
    .option('--json', 'print a machine-readable result', false)
    .action(({ like, randomWeights: folder, dtype, seed, layers, textLayers, shard, json }: MakeOptions) =>
      runCommand(json, async (io) => {
        const begin = performance.now()
        const heard = weightsHeard(io, like)
        const lengths = { layers, textLayers }
        await makePipeline(folder, like, { ...lengths, dtype, seed, shardBytes: shard * 1e9, signal: io.signal, heard })
        const seconds = (performance.now() - begin) / 1000
        io.clear()
        io.say(`wrote ${folder}: ${like}, random weights in ${dtype}, seed ${seed}, ${seconds.toFixed(1)} s`)
        io.result({ folder, like, dtype, seed, ...lengths, seconds })
      }),
    )
}
