#!/usr/bin/env node
/** The command line: which commands there are, and what becomes of a command line that is none. */
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { expected } from 'undiffuse'
import { bundledFile } from 'undiffuse/node'
import { addAttack } from './commands/attack.js'
import { addBench } from './commands/bench.js'
import { addCheckpoint } from './commands/checkpoint.js'
import { addDoctor } from './commands/doctor.js'
import { addEdit } from './commands/edit.js'
import { addExample } from './commands/example.js'
import { addGenerate } from './commands/generate.js'
import { addInvert } from './commands/invert.js'
import { addModels } from './commands/models.js'
import { addReport } from './commands/report.js'
import { addRoundTrip } from './commands/round-trip.js'
import { addRun } from './commands/run.js'
import { addWatermark } from './commands/watermark.js'
import { fail, watchStdout } from './terminal.js'

const { version, description } = JSON.parse(readFileSync(bundledFile('package.json'), 'utf8')) as {
  readonly version: string
  readonly description: string
}

const program = new Command('undiffuse')
  .description(
    `${description}.\nWithout a command: a prompt to a picture and back to its noise, as \`undiffuse example\` does.`,
  )
  .version(version, '-V, --version', 'print the version')
  .helpOption('-h, --help', 'print this help')
  .helpCommand('help [command]', 'print the help of a command')
  .addHelpText(
    'after',
    [
      '\nExamples:',
      '  $ undiffuse generate "a large red ball at the top, on blue stripes" --seed 7 -o ball.png',
      '  $ undiffuse invert photo.png -o photo.safetensors',
    ].join('\n'),
  )
  // Errors are printed below, in one form with all others.
  .configureOutput({ outputError: () => {} })
  .exitOverride()

for (const add of [
  addGenerate,
  addInvert,
  addRoundTrip,
  addEdit,
  addExample,
  addAttack,
  addReport,
  addBench,
  addWatermark,
  addRun,
  addCheckpoint,
  addModels,
  addDoctor,
])
  add(program)

/** The command that words begin with, and the one of its group: `watermark detect `. */
function commandOf(words: readonly string[]): string {
  const group = program.commands.find((candidate) => candidate.name() === words[0])
  const command = group?.commands.find((candidate) => candidate.name() === words[1])
  return [group, command].flatMap((one) => (one ? [`${one.name()} `] : [])).join('')
}

/** Commander's words as ours: one line, and where the right ones are listed. */
function badCommandLine({ message }: CommanderError, words: readonly string[]) {
  const command = commandOf(words)
  const [said = '', guess] = message.replace(/^error: /, '').split('\n')
  const remedy = `${guess ? `${guess.replace(/[()]/g, '')} ` : ''}See \`undiffuse ${command}--help\`.`
  return expected('bad-option', 'a command line that fits', 'undiffuse', said.replace(/\.$/, ''), remedy)
}

watchStdout()
const words = process.argv.slice(2)
try {
  await program.parseAsync(words.length === 0 ? ['example'] : words, { from: 'user' })
} catch (error) {
  if (!(error instanceof CommanderError)) throw error
  // Help and version end this way too, with 0; help that nobody asked for is a command line without a command.
  if (error.exitCode !== 0) fail(words.includes('--json'), badCommandLine(error, words))
}
