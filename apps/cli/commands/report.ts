/** `undiffuse report`: how well the latents of an autoencoder can be found again. */
import type { Command } from 'commander'
import { openAutoencoderNetworks, profileText, Task } from 'undiffuse'
import { modelFolder, nodeFiles, nodeHost } from 'undiffuse/node'
import { defaultProfile, makeProfile } from 'undiffuse/operations'
import { measureInvertibility } from '../../../measurements/decoder/invertibility.js'
import {
  invertibilityPlot,
  invertibilitySheet,
  invertibilityText,
  verdictOf,
} from '../../../measurements/decoder/invertibility-text.js'
import { explain } from '../help.js'
import { drive, jsonText, prepareFolder, writeResults } from '../measurements.js'
import { integerAtLeast } from '../numbers.js'
import { profileLines } from '../profile-words.js'
import { deviceOption, memoryLimitOption, type RuntimeOptions, runtimeOf } from '../runtime-options.js'
import { runCommand } from '../terminal.js'

interface ReportOptions extends RuntimeOptions {
  readonly count: number
  readonly size: number
  readonly out?: string
  readonly pictures?: string
  readonly profileOnly: boolean
  readonly json: boolean
}

const help = {
  details: `
First measures the profile that inversions use: how to step, when to stop, and which error to expect. It takes seconds to
minutes and is kept for these weights; \`--out\` writes it as profile.json too, for \`--profile\`.
The scenes are ones that the bundled models never saw. The report says what encoding and decoding keeps of a picture, and
how far a known latent is from a fixed point of encoder after decoder. It has cocoercivity, 16-bit networks, the cost of
8-bit pictures, and the error of each method. \`--out\` also writes a chart and a sheet of pictures.`,
  examples: ['report models/undiffuse-scenes --out out/report'],
}

export function add(program: Command): void {
  explain(program.command('report [model]'), help)
    .option('--count <n>', 'pictures', integerAtLeast(2), 8)
    .option('--size <pixels>', 'side of the pictures', integerAtLeast(1), 128)
    .option('--out <folder>', 'where the report, its chart and its pictures go')
    .addOption(deviceOption())
    .addOption(memoryLimitOption())
    .option(
      '--pictures <folder>',
      'what the profile is measured on: pictures, or latents of `--save-latent` (default: drawn pictures)',
    )
    .option('--profile-only', 'measure the profile and nothing else', false)
    .option('--json', 'print a machine-readable result', false)
    .action((model: string | undefined, { count, size, out, pictures, profileOnly, json, ...where }: ReportOptions) =>
      runCommand(json, async (io) => {
        await prepareFolder(out)
        const folder = await modelFolder(model, 'the model')
        const plain = await openAutoencoderNetworks(nodeFiles, folder)
        const openRuntime = () => runtimeOf(where)
        const asked = { ...defaultProfile, pictures }
        const task = new Task(makeProfile({ model, ...where }, asked, nodeHost(), io.signal), io.signal)
        for await (const { note, ...progress } of task) {
          if (note) io.say(note.text)
          else io.progress(progress)
        }
        const { profile, file } = await task
        io.clear()
        const networks = { ...plain, profile }
        for (const line of profileLines(profile)) io.say(line)
        io.say(`Inversions with these weights use it from now on (${file}).\n`)
        if (profileOnly) {
          await writeResults(io, out, async () => ({ 'profile.json': profileText(profile) }))
          io.result({ report: 'profile', model: plain.name, profile, profileFile: file })
          return
        }
        const options = { pictures: count, size, signal: io.signal }
        const { measured, examples } = await drive(io, measureInvertibility(networks, openRuntime, options))
        const result = { ...measured, profile, profileFile: file, verdict: verdictOf(measured) }
        io.say(invertibilityText(measured))
        await writeResults(io, out, async () => ({
          'profile.json': profileText(profile),
          'report.json': jsonText(result),
          'report.svg': await invertibilityPlot(measured),
          'report.png': await invertibilitySheet(examples, measured.model),
        }))
        io.result(result)
      }),
    )
}
