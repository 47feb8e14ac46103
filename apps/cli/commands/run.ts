/** `undiffuse run`: one run of any network of a checkpoint, or its gradient. How people check parity with other tools. */
import type { Command } from 'commander'
import { encodeSafetensors, expected, openNetwork, readTensors, safetensor, type Tensor, vjp } from 'undiffuse'
import { nodeFiles, ortNode, writeFileAtomically } from 'undiffuse/node'
import { runCommand } from '../terminal.js'

interface RunOptions {
  part?: string
  feed: string
  vjp?: string[]
  wrt?: string
  output: string
  device?: string
  json: boolean
}

/** `image=cotangent` → output `image` has the cotangent that the feed calls `cotangent`. */
function cotangentsOf(pairs: readonly string[], feed: ReadonlyMap<string, Tensor>): Map<string, Tensor> {
  return new Map(
    pairs.map((pair) => {
      const [output = '', name = ''] = pair.split('=')
      const cotangent = feed.get(name)
      if (!cotangent) {
        throw expected(
          'bad-option',
          '<output>=<tensor of the feed>',
          '--vjp',
          `\`${pair}\``,
          `The feed holds ${[...feed.keys()].join(', ')}.`,
        )
      }
      return [output, cotangent]
    }),
  )
}

export function addRun(program: Command): void {
  program
    .command('run <model>')
    .description(
      'run one network of a checkpoint (a diffusers folder, one part of it, or file.onnx) once, or its gradient',
    )
    .requiredOption('--feed <file>', 'inputs, as tensors of a .safetensors file named as the network names them')
    .option('--part <name>', 'encoder or decoder of an autoencoder')
    .option('--vjp <output=tensor...>', 'cotangent of an output, by its name in the feed; runs the gradient')
    .option('--wrt <names>', 'inputs or weights to differentiate by, comma-separated (default: all inputs)')
    .requiredOption('-o, --output <file>', 'where the outputs go, as .safetensors')
    .option('--device <name>', 'where to run: see `undiffuse doctor`')
    .option('--json', 'print a machine-readable result', false)
    .addHelpText(
      'after',
      '\nExample:\n  $ undiffuse run models/scenes --part decoder --feed in.safetensors --vjp decoded=cotangent --wrt latent -o out.safetensors',
    )
    .action((model: string, options: RunOptions) =>
      runCommand(options.json, async (io) => {
        const feed = await readTensors(nodeFiles, options.feed)
        const cotangents = cotangentsOf(options.vjp ?? [], feed)
        const shapes = Object.fromEntries([...feed].map(([name, { shape }]) => [name, shape]))
        const forward = await openNetwork(nodeFiles, model, { shapes, ...(options.part && { part: options.part }) })
        const wrt = options.wrt?.split(',') ?? forward.inputs.map(({ name }) => name)
        const graph =
          cotangents.size === 0
            ? forward
            : vjp(forward, { outputs: [...cotangents.keys()], wrt, keep: forward.outputs.map(({ name }) => name) })
        const fed = new Map([
          ...feed,
          ...[...cotangents].map(([name, tensor]) => [`cotangent.${name}`, tensor] as const),
        ])
        const feeds = Object.fromEntries(
          graph.inputs.map(({ name }) => {
            const tensor = fed.get(name)
            if (!tensor)
              throw expected(
                'bad-option',
                `a tensor \`${name}\``,
                '--feed',
                [...feed.keys()].join(', ') || 'an empty file',
                `Inputs of the network are ${forward.inputs.map((input) => input.name).join(', ')}.`,
              )
            return [name, tensor]
          }),
        )
        const runtime = ortNode(options.device === undefined ? {} : { device: options.device })
        try {
          const session = await runtime.open(graph)
          const results = await session.run(feeds, io.signal)
          const { peakMemoryBytes, networkSeconds } = await runtime.usage()
          await writeFileAtomically(
            options.output,
            encodeSafetensors(
              Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, safetensor(tensor)])),
            ),
          )
          const outputs = Object.entries(results).map(([name, { shape }]) => ({ name, shape }))
          io.say(`${graph.name}: ${outputs.map(({ name, shape }) => `${name} ${shape.join('×')}`).join(', ')}`)
          io.say(`wrote ${options.output} (${networkSeconds.toFixed(3)} s in the network)`)
          io.result({ graph: graph.name, output: options.output, outputs, networkSeconds, peakMemoryBytes })
        } finally {
          await runtime.close()
        }
      }),
    )
}
