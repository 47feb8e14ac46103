/** `undiffuse attack`: what becomes of pictures on their way to a detector. */
import type { Command } from 'commander'
import { attacks } from 'undiffuse'
import { type AttackRequest, attackPictures } from '../attacking.js'
import { addNetworkOptions } from '../diffusion.js'
import { describeMethods } from '../methods.js'
import { integerAtLeast } from '../numbers.js'
import { runCommand } from '../terminal.js'

interface AttackCommandOptions extends AttackRequest {
  readonly json: boolean
}

const help = `
Attacks are joined by \`+\`, the first is applied first; several of them make several pictures; \`all\` is each one as it stands
above. Every result keeps the size of its picture. Random choices follow the seed: the first picture takes it, each further
one the next. The model is opened only for attacks that need it.
One result is a .png file. Several are files in a folder, with a sheet to look at.

Examples:
  $ undiffuse attack ball.png --with jpeg:quality=50
  $ undiffuse attack ball.png --with "jpeg:quality=50+blur:sigma=2" -o worn.png
  $ undiffuse attack pictures/ --with crop:share=0.5 --seed 3 -o cropped --json
  $ undiffuse attack ball.png --with all -o attacked`

export function addAttack(program: Command): void {
  const command = program
    .command('attack <picture...>')
    .description('compress, crop, blur, turn or remake pictures, as watermarks must survive')
    .requiredOption('--with <attacks...>', 'what is done to each picture, see below')
    .option('--seed <n>', 'of random choices', integerAtLeast(0), 0)
  addNetworkOptions(command)
    .option(
      '-o, --output <path>',
      'a .png file, or a folder for several (default: <picture>.attacked.png, or attacked)',
    )
    .option('--json', 'print a machine-readable result', false)
    .addHelpText('after', `${describeMethods('Attacks (method:option=value,...+method...):', attacks)}\n${help}`)
    .action((pictures: readonly string[], { json, ...request }: AttackCommandOptions) =>
      runCommand(json, (io) => attackPictures(io, pictures, request)),
    )
}
