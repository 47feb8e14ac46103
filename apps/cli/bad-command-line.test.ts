/** What commander refuses, in our words: every message says which option, what came, and what to do. */
import { Argument, Command, CommanderError, Option } from 'commander'
import { expect, it } from 'vitest'
import { badCommandLine } from './bad-command-line.js'
import { integerAtLeast } from './numbers.js'

function refused(...words: readonly string[]): string {
  const program = new Command('undiffuse')
  const draw = program
    .command('draw')
    .argument('<subject>')
    .addArgument(new Argument('[size]').choices(['small', 'large']))
    .option('-n, --steps <n>', 'steps', integerAtLeast(1))
    .option('--with <method...>', 'methods')
    .option('--guidance <weight>', 'guidance')
    .requiredOption('--to <text>', 'text')
    .addOption(new Option('--how <which>', 'how').choices(['fast', 'slow']))
  const group = program.command('mark').helpCommand(false)
  group.command('find')
  for (const command of [program, draw, group]) command.exitOverride().configureOutput({ writeErr: () => {} })
  try {
    program.parse(words, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    return badCommandLine(error, words[0] === 'draw' ? draw : words[0] === 'mark' ? group : program).message
  }
  throw new Error('Nothing was refused.')
}

const see = 'See `undiffuse draw --help`.'

it.each([
  [['draw', 'x', '--steps', '0'], `Expected a whole number of at least 1 for \`--steps\`, got \`0\`. ${see}`],
  [
    ['draw', 'x', '--steps', "two\n'3'"],
    `Expected a whole number of at least 1 for \`--steps\`, got \`two\n'3'\`. ${see}`,
  ],
  [['draw', 'x', '--how', 'best'], `Expected one of fast, slow for \`--how\`, got \`best\`. ${see}`],
  [['draw', 'x', 'huge', '--to', 'y'], `Expected one of small, large for \`<size>\`, got \`huge\`. ${see}`],
  [['draw', 'x', '--to'], `Expected a value for \`--to <text>\`, got nothing. ${see}`],
  [
    ['draw'],
    `Expected \`<subject>\` and \`--to <text>\` for \`undiffuse draw\`, got nothing. They are required. ${see}`,
  ],
  [['draw', 'x'], `Expected \`--to <text>\` for \`undiffuse draw\`, got nothing. It is required. ${see}`],
  [
    ['draw', '--to', 'y', '--with', 'x'],
    `Expected \`<subject>\` for \`undiffuse draw\`, got nothing. Put it before the options. ${see}`,
  ],
  [
    ['draw', 'x', '--to', 'y', '--stpes', '2'],
    `Expected a known option for \`undiffuse draw\`, got \`--stpes\`. Did you mean --steps? ${see}`,
  ],
  [
    ['draw', 'x', '--to', 'y', '--cfg=3'],
    `Expected a known option for \`undiffuse draw\`, got \`--cfg=3\`. Here it is called \`--guidance\`. ${see}`,
  ],
  // What is strange is told before what is missing.
  [
    ['draw', 'x', '--target-prompt', 'y'],
    `Expected a known option for \`undiffuse draw\`, got \`--target-prompt\`. Here it is called \`--to\`. ${see}`,
  ],
  [
    ['draw', 'x', '--ot', 'y'],
    `Expected a known option for \`undiffuse draw\`, got \`--ot\`. Did you mean --to? ${see}`,
  ],
  [
    ['draw', 'x', '--stpes=2'],
    `Expected a known option for \`undiffuse draw\`, got \`--stpes=2\`. Did you mean --steps? ${see}`,
  ],
  // A command without the option says nothing of it.
  [
    ['draw', 'x', '--to', 'y', '--negative-prompt', 'z'],
    `Expected a known option for \`undiffuse draw\`, got \`--negative-prompt\`. ${see}`,
  ],
  [
    ['draw', 'a', 'small', 'ball', '--to', 'y'],
    `Expected at most 2 arguments for \`undiffuse draw\`, got 3 (\`a\`, \`small\`, \`ball\`). Put a text of several words in quotes. ${see}`,
  ],
  [
    ['draw', 'a small ball', '--to', 'y', '1', '3'],
    `Expected at most 2 arguments for \`undiffuse draw\`, got 3 (\`a small ball\`, \`1\`, \`3\`). An option takes one number here: run it again for the next. ${see}`,
  ],
  [
    ['draw', ...'123456'.split('').map((name) => `${name}.png`), '--to', 'y'],
    `Expected at most 2 arguments for \`undiffuse draw\`, got 6 (\`1.png\`, \`2.png\`, \`3.png\`, …). Pass one file, and run it again for the next. ${see}`,
  ],
  [['drwa'], 'Expected a known command for `undiffuse`, got `drwa`. Did you mean draw? See `undiffuse --help`.'],
  [
    ['drawings'],
    'Expected a known command for `undiffuse`, got `drawings`. Did you mean `draw`? See `undiffuse --help`.',
  ],
  [['mark'], 'Expected a command for `undiffuse mark`, got nothing. See `undiffuse mark --help`.'],
])('says of %j what is wrong', (words, message) => {
  expect(refused(...words)).toBe(message)
})
