/** `undiffuse doctor`: what works on this machine. */
import { existsSync } from 'node:fs'
import { availableParallelism, loadavg, totalmem } from 'node:os'
import type { Command } from 'commander'
import { openAutoencoderNetworks } from 'undiffuse'
import { type BundledModel, bundledModels, keptProfile, listDevices, nodeFiles, runtimeVersion } from 'undiffuse/node'
import { adviceOn } from '../advice.js'
import { explain } from '../help.js'
import { runCommand } from '../terminal.js'

/** Those without a profile beside them or in the user's cache. */
async function unmeasuredOf(models: readonly BundledModel[]): Promise<readonly string[]> {
  const found = await Promise.all(
    models.map(async ({ id, folder }) => {
      const { profile } = await openAutoencoderNetworks(nodeFiles, folder)
      return (profile ?? (await keptProfile(folder))) === undefined ? [id] : []
    }),
  )
  return found.flat()
}

export function add(program: Command): void {
  explain(program.command('doctor'), { examples: ['doctor --json'] })
    .option('--json', 'print a machine-readable result', false)
    .action((options: { json: boolean }) =>
      runCommand(options.json, async (io) => {
        const devices = await listDevices()
        const models = await bundledModels()
        const cores = availableParallelism()
        io.say(
          `node ${process.versions.node}, onnxruntime-node ${runtimeVersion()}, ${cores} cores, ${(totalmem() / 2 ** 30).toFixed(1)} GiB memory`,
        )
        for (const { name, available, note } of devices)
          io.say(`  ${available ? 'works  ' : 'missing'}  ${name}${note ? `  ${note}` : ''}`)
        for (const { id, folder } of models) io.say(`  model    ${id}  ${folder}`)
        const advice = adviceOn({
          devices,
          hasNvidia: existsSync('/dev/nvidiactl'),
          cores,
          load: loadavg()[0]!,
          availableMemoryBytes: process.availableMemory(),
          unmeasured: await unmeasuredOf(models),
        })
        io.say(advice.length === 0 ? 'nothing here could be faster' : 'what could be faster')
        for (const one of advice) io.say(`  ${one}`)
        io.result({
          node: process.versions.node,
          onnxruntime: runtimeVersion(),
          cores,
          memoryBytes: totalmem(),
          devices,
          models,
          advice,
        })
      }),
    )
}
