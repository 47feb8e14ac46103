/** `undiffuse doctor`: what works on this machine. */
import { availableParallelism, totalmem } from 'node:os'
import type { Command } from 'commander'
import { bundledModels, listDevices, runtimeVersion } from 'undiffuse/node'
import { explain } from '../help.js'
import { runCommand } from '../terminal.js'

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
        io.result({
          node: process.versions.node,
          onnxruntime: runtimeVersion(),
          cores,
          memoryBytes: totalmem(),
          devices,
          models,
        })
      }),
    )
}
