/** `undiffuse report`: how well the latents of an autoencoder can be found again. */
import type { Command } from 'commander'
import { openAutoencoderNetworks } from 'undiffuse'
import { nodeFiles, ortNode } from 'undiffuse/node'
import { measureInvertibility } from '../../../bench/invertibility.js'
import {
  invertibilityPlot,
  invertibilitySheet,
  invertibilityText,
  verdictOf,
} from '../../../bench/invertibility-text.js'
import { drive, jsonText, prepareFolder, writeResults } from '../measurements.js'
import { modelFolder } from '../networks.js'
import { integerAtLeast } from '../numbers.js'
import { runCommand } from '../terminal.js'

interface ReportOptions {
  readonly count: number
  readonly size: number
  readonly out?: string
  readonly device?: string
  readonly json: boolean
}

const help = `
Measures on scenes that the bundled models never saw: what encoding and decoding keeps of a picture, how far a known
latent is from a fixed point of encoder after decoder, cocoercivity, 16-bit networks, the cost of 8-bit pictures, and the
error of each method. \`--out\` also writes a chart and a sheet of pictures.

Example:
  $ undiffuse report models/undiffuse-scenes --out out/report`

export function addReport(program: Command): void {
  program
    .command('report [model]')
    .description('measure how well an autoencoder can be inverted')
    .option('--count <n>', 'pictures', integerAtLeast(2), 8)
    .option('--size <pixels>', 'side of the pictures', integerAtLeast(1), 128)
    .option('--out <folder>', 'where the report, its chart and its pictures go')
    .option('--device <name>', 'where networks run, see `undiffuse doctor` (default: cpu)')
    .option('--json', 'print a machine-readable result', false)
    .addHelpText('after', help)
    .action((model: string | undefined, { count, size, out, device, json }: ReportOptions) =>
      runCommand(json, async (io) => {
        await prepareFolder(out)
        const networks = await openAutoencoderNetworks(nodeFiles, await modelFolder(model))
        const openRuntime = () => ortNode(device === undefined ? {} : { device })
        const options = { pictures: count, size, signal: io.signal }
        const { measured, examples } = await drive(io, measureInvertibility(networks, openRuntime, options))
        const result = { ...measured, verdict: verdictOf(measured) }
        io.say(invertibilityText(measured))
        await writeResults(io, out, async () => ({
          'report.json': jsonText(result),
          'report.svg': await invertibilityPlot(measured),
          'report.png': await invertibilitySheet(examples, measured.model),
        }))
        io.result(result)
      }),
    )
}
