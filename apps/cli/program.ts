/** The commands of the command line, each loaded when it is used. */
import { readFileSync } from 'node:fs'
import { Argument, Command } from 'commander'
import { expected } from 'undiffuse'
import { bundledFile } from 'undiffuse/node'
import { columnsHere, explain, helpLines, wrapped } from './help.js'
import type { AnyOperationCommand } from './operation-command.js'
import { type Shell, shells } from './shells.js'

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
  { name: 'compare', load: () => import('./commands/compare.js') },
  { name: 'edit', load: () => import('./commands/edit.js') },
  {
    name: 'example',
    description: 'show a prompt become a picture and noise again, in out/',
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
    description: 'run one network of a model, or its gradient, once',
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
    description: 'show what works on this machine, and what could be faster',
    load: () => import('./commands/doctor.js'),
  },
]

/** What groups of operations are for. */
const groups: Readonly<Record<string, string>> = { watermark: 'mark the noise of pictures, and find the marks' }

const { version, description } = JSON.parse(readFileSync(bundledFile('package.json'), 'utf8')) as {
  readonly version: string
  readonly description: string
}

function emptyProgram(): Command {
  const program = new Command('undiffuse')
    .description(
      `${description}.\nWithout a command: a prompt to a picture and back to its noise, as \`undiffuse example\` does.`,
    )
    .usage('[options] [command]')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .configureHelp({ formatHelp: (command) => `${helpLines(command, { columns: columnsHere() }).join('\n')}\n` })
    // Errors are printed by main.ts, in one form with all others.
    .configureOutput({ outputError: () => {} })
    .exitOverride()
  return explain(program, {
    examples: [
      'generate "a large red ball at the top, on blue stripes" --seed 7 -o ball.png',
      'invert photo.png -o photo.safetensors',
      'help solvers',
    ],
  })
}

/** The program, or the group that a name is in. */
function parentOf(program: Command, name: string): Command {
  const [group, member] = name.split(' ') as [string, string?]
  if (member === undefined) return program
  return (
    program.commands.find((command) => command.name() === group) ??
    program
      .command(group)
      .helpCommand(false)
      .description(groups[group] ?? '')
  )
}

/**
 * The program with the command that words begin with, or that they ask help of; of all other commands a name and a line.
 * `all` loads every command.
 */
export async function programFor(words: readonly string[] | 'all'): Promise<Command> {
  const program = emptyProgram()
  const [asked] = words === 'all' ? [] : words[0] === 'help' ? words.slice(1) : words
  const isAsked = (name: string) => words === 'all' || name.split(' ')[0] === asked
  const isKnown = commands.some(({ name }) => isAsked(name))
  for (const entry of commands) {
    if ('description' in entry && !isAsked(entry.name)) {
      program.command(entry.name).description(entry.description)
    } else if ('description' in entry) {
      ;(await entry.load()).add(program)
      program.commands.at(-1)!.description(entry.description)
    } else if (isAsked(entry.name) || !isKnown) {
      const { addOperation } = await import('./operation-command.js')
      addOperation(parentOf(program, entry.name), (await entry.load()).command)
    }
  }
  addCompletion(program)
  addHelp(program)
  return program
}

/** The command that words name from their beginning, and how many of them do. */
export function commandOf(program: Command, words: readonly string[]): Command {
  const next = program.commands.find((command) => command.name() === words[0])
  return next ? commandOf(next, words.slice(1)) : program
}

function addCompletion(program: Command): void {
  const command = program
    .command('completion')
    .description('complete command lines in bash, zsh or fish')
    .addArgument(new Argument('<shell>', 'which shell').choices(shells))
    .action(async (shell: Shell) => {
      const { completionFor } = await import('./completion.js')
      process.stdout.write(completionFor(shell, await programFor('all')))
    })
  explain(command, {
    details: `
In bash put \`source <(undiffuse completion bash)\` into ~/.bashrc. In zsh put \`source <(undiffuse completion zsh)\` into ~/.zshrc,
below \`compinit\`. In fish write it to ~/.config/fish/completions/undiffuse.fish.`,
    examples: ['completion bash', 'completion fish > ~/.config/fish/completions/undiffuse.fish'],
  })
}

function addHelp(program: Command): void {
  const command = program
    .command('help')
    .description('explain a command, a kind of methods, a method or the exit codes')
    .argument('[words...]', 'a command, as `watermark detect`; a topic, as `solvers`; a method, as `ddim`')
    .option('--all', 'every option of a command, and its details', false)
    .action(async (words: readonly string[], { all }: { readonly all: boolean }) => {
      console.log((await helpFor(program, words, all)).join('\n'))
    })
  explain(command, { examples: ['help generate --all', 'help solvers', 'help ddim'] })
}

/** The help that words ask for. Throws `bad-option` for words that name nothing. */
export async function helpFor(program: Command, words: readonly string[], all: boolean): Promise<readonly string[]> {
  const columns = columnsHere()
  const command = commandOf(program, words)
  const { topicLines, topics } = await import('./methods.js')
  if (command === program && words.length > 0) {
    const lines = words.length === 1 ? await topicLines(words[0]!, columns) : undefined
    if (lines) return lines
    const known = `Topics: ${topics.join(', ')}; or the id of a method.`
    throw expected('bad-option', 'a command, a topic or a method', '`undiffuse help`', `\`${words.join(' ')}\``, known)
  }
  const lines = helpLines(command, { all, columns })
  return command === program
    ? [...lines, '', ...wrapped(`Topics of \`undiffuse help\`: ${topics.join(', ')}.`, columns)]
    : lines
}
