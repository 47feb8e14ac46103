#!/usr/bin/env node
/** The command line: which commands there are, each loaded when it is used, and what becomes of an invalid command line. */
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { expected } from 'undiffuse'
import { bundledFile } from 'undiffuse/node'
import type { AnyOperationCommand } from './operation-command.js'
import { fail, watchStdout } from './terminal.js'

/** A command of an operation, whose title describes it. */
interface OperationEntry {
  /** The operation's id: a group and a name, or a name. */
  readonly name: string
  load(): Promise<{ readonly command: AnyOperationCommand }>
}

/** Any other command, or a group of them. */
interface OwnEntry {
  readonly name: string
  readonly description: string
  load(): Promise<{ add(program: Command): void }>
}

const commands: readonly (OperationEntry | OwnEntry)[] = [
  { name: 'generate', load: () => import('./commands/generate.js') },
  { name: 'invert', load: () => import('./commands/invert.js') },
  { name: 'roundtrip', load: () => import('./commands/round-trip.js') },
  { name: 'edit', load: () => import('./commands/edit.js') },
  {
    name: 'example',
    description: 'a prompt to a picture and back to its noise, with the bundled model; the results go to out/',
    load: () => import('./commands/example.js'),
  },
  { name: 'attack', load: () => import('./commands/attack.js') },
  {
    name: 'report',
    description: 'measure how well an autoencoder can be inverted',
    load: () => import('./commands/report.js'),
  },
  {
    name: 'bench',
    description: 'measure accuracy, time and memory of methods on this machine',
    load: () => import('./commands/bench.js'),
  },
  { name: 'watermark keygen', load: () => import('./commands/watermark-keygen.js') },
  { name: 'watermark detect', load: () => import('./commands/watermark-detect.js') },
  { name: 'watermark identify', load: () => import('./commands/watermark-identify.js') },
  { name: 'watermark calibrate', load: () => import('./commands/watermark-calibrate.js') },
  {
    name: 'run',
    description: 'run one network of a model once, or its gradient, to compare numbers with other tools',
    load: () => import('./commands/run.js'),
  },
  {
    name: 'checkpoint',
    description: 'make model folders to measure with',
    load: () => import('./commands/checkpoint.js'),
  },
  {
    name: 'models',
    description: 'list the bundled models and what they are',
    load: () => import('./commands/models.js'),
  },
  {
    name: 'doctor',
    description: 'show devices, memory and bundled models, and whether they work here',
    load: () => import('./commands/doctor.js'),
  },
]

/** What groups of operations are for. */
const groups: Readonly<Record<string, string>> = { watermark: 'mark the noise of pictures, and find the marks' }

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

/** The program, or the group that a name is in. */
function parentOf(name: string): Command {
  const [group, member] = name.split(' ') as [string, string?]
  if (member === undefined) return program
  return (
    program.commands.find((command) => command.name() === group) ??
    program.command(group).description(groups[group] ?? '')
  )
}

/** Adds commands that are run, or whose help is asked for; of all others a name. */
async function addCommands(words: readonly string[]): Promise<void> {
  const asked = words[0] === 'help' ? words.slice(1) : words
  const isAsked = (name: string) => name.split(' ')[0] === asked[0]
  const isKnown = commands.some(({ name }) => isAsked(name))
  for (const entry of commands) {
    if ('description' in entry && !isAsked(entry.name)) {
      program.command(entry.name).description(entry.description)
    } else if ('description' in entry) {
      ;(await entry.load()).add(program)
      program.commands.at(-1)!.description(entry.description)
    } else if (isAsked(entry.name) || !isKnown) {
      const { addOperation } = await import('./operation-command.js')
      addOperation(parentOf(entry.name), (await entry.load()).command)
    }
  }
}

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
const given = process.argv.slice(2)
const words = given.length === 0 ? ['example'] : given
try {
  await addCommands(words)
  await program.parseAsync(words, { from: 'user' })
} catch (error) {
  if (!(error instanceof CommanderError)) throw error
  // Help and version end this way too, with 0; help that nobody asked for is a command line without a command.
  if (error.exitCode !== 0) fail(words.includes('--json'), badCommandLine(error, words))
}
