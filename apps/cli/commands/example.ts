/**
 * `undiffuse example`, and `undiffuse` alone: prompt → picture → latent → noise → picture with the bundled model, to see that
 * everything works.
 */
import type { Command } from 'commander'
import { explain } from '../help.js'
import { operate } from '../operation-command.js'
import { runCommand } from '../terminal.js'
import { command } from './round-trip.js'

const example = {
  prompt: 'a large red ball at the top, on blue stripes',
  seed: 14,
  guidance: 3,
  steps: 20,
  fit: 'refuse',
  report: 'out',
  name: 'example',
}

export function add(program: Command): void {
  explain(program.command('example'), { examples: ['example'] })
    .option('--json', 'print a machine-readable result', false)
    .action((options: { json: boolean }) =>
      runCommand(options.json, async (io) => {
        await operate(io, command, example)
        io.say(
          '\nA prompt of yours: npx undiffuse generate "a small green star at the top, on yellow dots" -o star.png',
        )
        io.say('Your own picture:  npx undiffuse invert photo.png. More: npx undiffuse --help')
      }),
    )
}
