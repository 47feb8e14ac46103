/**
 * `undiffuse example`, and `undiffuse` alone: prompt → picture → latent → noise → picture with the bundled model, to see that
 * everything works.
 */
import type { Command } from 'commander'
import { defaultDecoder } from '../inversion.js'
import { defaultInverter } from '../noise-inversion.js'
import { roundTrip } from '../round-trip.js'
import { runCommand } from '../terminal.js'

export function addExample(program: Command): void {
  program
    .command('example')
    .description('a prompt to a picture and back to its noise, with the bundled model; the results go to out/')
    .option('--json', 'print a machine-readable result', false)
    .addHelpText('after', '\nExample:\n  $ undiffuse example')
    .action((options: { json: boolean }) =>
      runCommand(options.json, async (io) => {
        await roundTrip(io, {
          prompt: 'a large red ball at the top, on blue stripes',
          seed: 7,
          guidance: 3,
          steps: 50,
          decoder: defaultDecoder,
          inverter: defaultInverter,
          precision: '32',
          lean: false,
          fit: 'refuse',
          out: 'out',
          name: 'example',
        })
        io.say(
          '\nA prompt of yours: npx undiffuse generate "a small green star at the top, on yellow dots" -o star.png',
        )
        io.say('Your own picture:  npx undiffuse invert photo.png. More: npx undiffuse --help')
      }),
    )
}
