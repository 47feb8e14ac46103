/** `undiffuse run`: one run of any network of a checkpoint, or its gradient. How people check parity with other tools. */
import { extname } from 'node:path'
import { performance } from 'node:perf_hooks'
import type { Command } from 'commander'
import {
  encodeSafetensors,
  expected,
  formatShape,
  openNetwork,
  readTensors,
  safetensor,
  type Tensor,
  vjp,
} from 'undiffuse'
import { modelFolder, nodeFiles, nodeHostFiles, writeFileAtomically } from 'undiffuse/node'
import { prepareOutputs } from 'undiffuse/operations'
import { explain } from '../help.js'
import { deviceOption, memoryLimitOption, type RuntimeOptions, runtimeOf } from '../runtime-options.js'
import { runCommand, type Terminal } from '../terminal.js'

interface RunOptions extends RuntimeOptions {
  readonly part?: string
  readonly feed: string
  readonly vjp?: readonly string[]
  readonly wrt?: string
  readonly output: string
  readonly json: boolean
}

type Feed = ReadonlyMap<string, Tensor>

const namesIn = (feed: Feed): string => [...feed.keys()].join(', ') || 'nothing'

/** `decoded=cotangent` → output `decoded` has the cotangent that the feed calls `cotangent`. */
function cotangentsOf(pairs: readonly string[], feed: Feed): Map<string, Tensor> {
  return new Map(
    pairs.map((pair) => {
      const [output = '', name = ''] = pair.split('=')
      const cotangent = feed.get(name)
      if (cotangent) return [output, cotangent]
      const remedy = `The feed holds ${namesIn(feed)}.`
      throw expected('bad-option', '<output>=<tensor of the feed>', '`--vjp`', `\`${pair}\``, remedy)
    }),
  )
}

function fedTensor(feed: Feed, name: string): Tensor {
  const tensor = feed.get(name)
  if (tensor) return tensor
  throw expected(
    'bad-option',
    `a tensor \`${name}\``,
    '`--feed`',
    namesIn(feed),
    'Name tensors as the network names its inputs.',
  )
}

function checkEnding(output: string): void {
  if (extname(output).toLowerCase() === '.safetensors') return
  throw expected('bad-option', 'a name that ends in .safetensors', '`--output`', `\`${output}\``, 'Change the name.')
}

const help = {
  details: "The model is a bundled one's id, a diffusers folder, one part of it, or a .onnx file.",
  examples: [
    'run stable-diffusion-2-1 --part decoder --feed in.safetensors -o out.safetensors',
    'run vae --feed in.safetensors --vjp decoded=cotangent --wrt latent -o gradient.safetensors',
    'run stable-diffusion-2-1 --part text_encoder --feed ids.safetensors -o states.safetensors',
  ],
}

const isFiniteTensor = ({ data }: Tensor): boolean => data.every(Number.isFinite)

/** Throws `not-finite` for NaN where what was fed is finite; infinities may be meant, in masks, and are told. */
function checkResults(
  results: readonly (readonly [name: string, tensor: Tensor])[],
  feeds: readonly Tensor[],
  io: Terminal,
) {
  if (!feeds.every(isFiniteTensor)) return
  for (const [name, tensor] of results) {
    if (isFiniteTensor(tensor)) continue
    const count = tensor.data.filter(Number.isNaN).length
    if (count === 0) io.note(`${name}: It holds infinite numbers.`)
    else {
      const remedy = 'What was fed is finite: its weights hold NaN or are damaged, or the graph divides by zero.'
      const got = `NaN in ${count} of ${tensor.data.length}`
      throw expected('not-finite', 'numbers', `output \`${name}\``, got, remedy)
    }
  }
}

export function add(program: Command): void {
  explain(program.command('run <model>'), help)
    .requiredOption('--feed <file>', 'inputs, as tensors of a .safetensors file named as the network names them')
    .option('--part <name>', 'encoder, decoder, unet, transformer or text_encoder; needed where the inputs do not tell')
    .option('--vjp <output=tensor...>', 'cotangent of an output, by its name in the feed; runs the gradient')
    .option('--wrt <names>', 'inputs to differentiate by, comma-separated (default: all)')
    .requiredOption('-o, --output <file>', 'where the outputs go, as .safetensors')
    .addOption(deviceOption())
    .addOption(memoryLimitOption())
    .option('--json', 'print a machine-readable result', false)
    .action((model: string, options: RunOptions) =>
      runCommand(options.json, async (io) => {
        checkEnding(options.output)
        await prepareOutputs(
          nodeHostFiles,
          { '--output': options.output },
          { '--feed': options.feed, 'the model': model },
        )
        const feed = await readTensors(nodeFiles, options.feed)
        const cotangents = cotangentsOf(options.vjp ?? [], feed)
        const shapes = Object.fromEntries([...feed].map(([name, { shape }]) => [name, shape]))
        const forward = await openNetwork(nodeFiles, await modelFolder(model, 'the model'), {
          shapes,
          ...(options.part !== undefined && { part: options.part }),
        })
        const wrt = options.wrt?.split(',') ?? forward.inputs.map(({ name }) => name)
        const keep = forward.outputs.map(({ name }) => name)
        const graph = cotangents.size === 0 ? forward : vjp(forward, { outputs: [...cotangents.keys()], wrt, keep })
        const fed = new Map([...feed, ...[...cotangents].map(([name, x]) => [`cotangent.${name}`, x] as const)])
        const feeds = Object.fromEntries(graph.inputs.map(({ name }) => [name, fedTensor(fed, name)]))
        const runtime = runtimeOf(options)
        try {
          const begin = performance.now()
          const session = await runtime.open(graph)
          const openingSeconds = (performance.now() - begin) / 1000
          const results = Object.entries(await session.run(feeds, io.signal))
          checkResults(results, Object.values(feeds), io)
          const tensors = Object.fromEntries(results.map(([name, x]) => [name, safetensor(x)]))
          await writeFileAtomically(options.output, encodeSafetensors(tensors))
          const outputs = results.map(([name, { shape }]) => ({ name, shape }))
          const { networkSeconds, peakMemoryBytes } = await runtime.usage()
          io.say(`${graph.name}: ${outputs.map(({ name, shape }) => `${name} ${formatShape(shape)}`).join(', ')}`)
          io.say(`wrote ${options.output} (${networkSeconds.toFixed(3)} s in the network)`)
          const used = { networkSeconds, openingSeconds, peakMemoryBytes }
          io.result({ graph: graph.name, output: options.output, outputs, ...used })
        } finally {
          await runtime.close()
        }
      }),
    )
}
