/** `undiffuse example`, and `undiffuse` alone: inverts the bundled example picture, to see that everything works. */
import type { Command } from 'commander'
import { bundledFile } from 'undiffuse/node'
import { defaultDecoder, invertPictures } from '../inversion.js'
import { runCommand } from '../terminal.js'

export function addExample(program: Command): void {
  program
    .command('example')
    .description('invert the bundled example picture with the bundled model; the results go to out/')
    .option('--json', 'print a machine-readable result', false)
    .addHelpText('after', '\nExample:\n  $ undiffuse example')
    .action((options: { json: boolean }) =>
      runCommand(options.json, async (io) => {
        await invertPictures(io, [bundledFile('examples', 'scene.png')], {
          decoder: defaultDecoder,
          precision: '32',
          lean: false,
          fit: 'refuse',
          output: 'out/scene.safetensors',
          report: 'out',
        })
        io.say('\nYour own picture: npx undiffuse invert photo.png. More: npx undiffuse --help')
      }),
    )
}
