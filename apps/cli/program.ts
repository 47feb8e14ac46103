/** The commands of the command line, each loaded when it is used. */
import { createRequire } from 'node:module'
import { Argument, Command } from 'commander'
import { columnsHere, explain, helpLines, pathOf, wrapped } from './help.js'
import type { AnyOperationCommand } from './operation-command.js'
import { type Shell, shells } from './shells.js'

/** What help of the program tells of a command: it loads none. */
interface Entry {
  readonly name: string
  readonly description: string
}

/** A command of an operation: its name is the operation's id, its description the title. */
interface OperationEntry extends Entry {
  operation(): Promise<{ readonly command: AnyOperationCommand }>
}

/** Any other command, or a group of them. */
interface OwnEntry extends Entry {
  load(): Promise<{ add(program: Command): void }>
}

const commands: readonly (OperationEntry | OwnEntry)[] = [
  {
    name: 'generate',
    description: 'make a picture of a prompt',
    operation: () => import('./commands/generate.js'),
  },
  {
    name: 'invert',
    description: 'find the latent and the noise that made a picture',
    operation: () => import('./commands/invert.js'),
  },
  {
    name: 'roundtrip',
    description: 'there and back: how much of noise and picture survives',
    operation: () => import('./commands/round-trip.js'),
  },
  {
    name: 'compare',
    description: 'undo one picture by several inverters and solvers, in one table',
    operation: () => import('./commands/compare.js'),
  },
  {
    name: 'edit',
    description: 'change what a picture shows, and leave the rest alone',
    operation: () => import('./commands/edit.js'),
  },
  {
    name: 'example',
    description: 'show a prompt become a picture and noise again, in out/',
    load: () => import('./commands/example.js'),
  },
  {
    name: 'attack',
    description: 'compress, crop, blur, turn or remake pictures, as watermarks must survive',
    operation: () => import('./commands/attack.js'),
  },
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
  {
    name: 'watermark',
    description: 'mark the noise of pictures, and find the marks',
    load: () => import('./commands/watermark.js'),
  },
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

const { version, description } = createRequire(import.meta.url)('undiffuse/package.json') as {
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

/**
 * The program with the command that words begin with, or that they ask help of; of all other commands a name and a line.
 * `all` loads every command.
 */
export async function programFor(words: readonly string[] | 'all'): Promise<Command> {
  const program = emptyProgram()
  const [asked] = words === 'all' ? [] : words[0] === 'help' ? words.slice(1) : words
  for (const entry of commands) {
    const { name, description } = entry
    if (words !== 'all' && name !== asked) program.command(name).description(description)
    else if ('operation' in entry) {
      const { addOperation } = await import('./operation-command.js')
      addOperation(program, (await entry.operation()).command)
    } else {
      ;(await entry.load()).add(program)
      program.commands.at(-1)!.description(description)
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

/** The word behind a group of commands, where it should name one of them. */
const afterPath = (command: Command, words: readonly string[]): string | undefined =>
  command.commands.length > 0 ? words[pathOf(command).split(' ').filter(Boolean).length] : undefined

/** The same words; where they name an unknown command, `--help` must not answer with the help of its group. */
export function withoutParentsHelp(command: Command, words: readonly string[]): readonly string[] {
  const next = afterPath(command, words)
  if (next === undefined || next.startsWith('-')) return words
  return words.filter((word) => word !== '--help' && word !== '-h')
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
  const [{ topicLines, topics }, { expected }, { commandHere, meantCommand }] = await Promise.all([
    import('./methods.js'),
    import('undiffuse'),
    import('./other-names.js'),
  ])
  const stray = afterPath(command, words)
  if (command !== program && stray !== undefined) {
    const group = pathOf(command)
    const names = command.commands.map((one) => one.name())
    const meant = commandHere(stray, group) ?? meantCommand(stray, group, names)
    const remedy = meant ?? `There are ${names.map((name) => `\`${name}\``).join(', ')}.`
    throw expected('bad-option', 'a known command', `\`undiffuse help ${group}\``, `\`${stray}\``, remedy)
  }
  if (command === program && words.length > 0) {
    // `exit codes` is the topic `exit-codes`.
    const lines = await topicLines(words.join(' ').trim().replace(/\s+/g, '-'), columns)
    if (lines) return lines
    const known = `Topics: ${topics.join(', ')}; or the id of a method.`
    const said = words.join(' ')
    const names = [...program.commands.map((one) => one.name()), ...topics]
    const meant = commandHere(said, '') ?? meantCommand(said, '', names)
    const remedy = meant === undefined ? known : `${meant} ${known}`
    throw expected('bad-option', 'a command, a topic or a method', '`undiffuse help`', `\`${said}\``, remedy)
  }
  const lines = helpLines(command, { all, columns })
  return command === program
    ? [...lines, '', ...wrapped(`Topics of \`undiffuse help\`: ${topics.join(', ')}.`, columns)]
    : lines
}
