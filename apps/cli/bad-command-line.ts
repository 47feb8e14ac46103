/** Says commander's errors in our words: what an option expects, what came, and what to do. */
import type { Command, CommanderError } from 'commander'
import { expected, type UndiffuseError } from 'undiffuse'
import { nearest, plural } from 'undiffuse/operations'
import { pathOf } from './help.js'
import { commandHere, meantCommand, optionHere } from './other-names.js'

interface Meant {
  readonly expected: string
  readonly subject: string
  readonly got: string
  readonly remedy?: string
}

type Groups = Readonly<Record<string, string>>

const nothing = 'nothing'
const listed = new Intl.ListFormat('en')

/** `--steps` of `-s, --steps <n>`. */
const flagOf = (flags: string): string => /--[\w-]+/.exec(flags)?.[0] ?? flags

/** Of `It must be a whole number.` and of a list of choices. */
const wanted = (why: string): string =>
  why
    .replace(/^It must be /, '')
    .replace(/^Allowed choices are /, 'one of ')
    .replace(/\.$/, '')

/** What to do about words that nobody asks for: files, numbers behind an option that takes one, words of a text. */
function surplusRemedy(args: readonly string[], surplus: readonly string[]): string {
  if (args.every((word) => /\.\w+$/.test(word))) return 'Pass one file, and run it again for the next.'
  return surplus.every((word) => word.trim() !== '' && Number.isFinite(Number(word)))
    ? 'An option takes one number here: run it again for the next.'
    : 'Put a text of several words in quotes.'
}

/** What commander says, and what it means; `whole` is the command. */
const meanings: readonly (readonly [RegExp, (groups: Groups, whole: string, command: Command) => Meant])[] = [
  [
    /^option '(?<flags>[^']*)' argument '(?<value>.*)' is invalid\. (?<why>.*)$/s,
    ({ flags, value, why }) => ({ expected: wanted(why!), subject: `\`${flagOf(flags!)}\``, got: `\`${value}\`` }),
  ],
  [
    /^command-argument value '(?<value>.*)' is invalid for argument '(?<name>.*?)'\. (?<why>.*)$/s,
    ({ name, value, why }) => ({ expected: wanted(why!), subject: `\`<${name}>\``, got: `\`${value}\`` }),
  ],
  [
    /^option '(?<flags>.*)' argument missing$/s,
    ({ flags }) => ({ expected: 'a value', subject: `\`${flags}\``, got: nothing }),
  ],
  [
    /^required option '(?<flags>.*)' not specified$/s,
    ({ flags }, whole) => ({
      expected: listed.format(flags!.split('; ').map((one) => `\`${one}\``)),
      subject: whole,
      got: nothing,
      remedy: flags!.includes(';') ? 'They are required.' : 'It is required.',
    }),
  ],
  [
    /^missing required argument '(?<name>.*)'$/s,
    ({ name }, whole, { options }) => ({
      expected: `\`<${name}>\``,
      subject: whole,
      got: nothing,
      // A list of values swallows what follows it.
      remedy: options.some(({ variadic }) => variadic) ? 'Put it before the options.' : 'It is required.',
    }),
  ],
  [
    /^unknown option '(?<value>.*)'$/s,
    ({ value }, whole) => ({ expected: 'a known option', subject: whole, got: `\`${value}\`` }),
  ],
  [
    /^unknown command '(?<value>.*)'$/s,
    ({ value }, whole) => ({ expected: 'a known command', subject: whole, got: `\`${value}\`` }),
  ],
  [
    /^too many arguments.* Expected (?<most>\d+) arguments? but got (?<count>\d+)$/s,
    ({ most, count }, whole, { args }) => ({
      expected: `at most ${plural(Number(most), 'argument')}`,
      subject: whole,
      got: `${count!} (${args
        .slice(0, 3)
        .map((word) => `\`${word}\``)
        .join(', ')}${args.length > 3 ? ', …' : ''})`,
      remedy: surplusRemedy(args, args.slice(Number(most))),
    }),
  ],
]

/** `steps` of `-s, --steps <n>`. */
const namesOf = ({ options }: Command): readonly string[] => options.flatMap(({ long }) => long?.slice(2) ?? [])

const argumentsOf = ({ registeredArguments }: Command): readonly string[] =>
  registeredArguments.map((one) => one.name())

/** Commander names the first required option that is missing; this names all, and the arguments before them. */
const allRequired = (command: Command): string => {
  const { options, args, registeredArguments } = command
  const missing = [
    ...registeredArguments.slice(args.length).flatMap((one) => (one.required ? [`<${one.name()}>`] : [])),
    ...options.flatMap((one) =>
      one.mandatory && command.getOptionValue(one.attributeName()) === undefined ? [one.flags] : [],
    ),
  ]
  return `required option '${missing.join('; ')}' not specified`
}

/** The first word of a command line that looks like an option and is unknown. Commander looks for what is missing first. */
const strayOption = ({ args }: Command): string | undefined => args.find((word) => /^--?[a-z]/i.test(word))

interface Unknown {
  readonly unknown: string | undefined
  readonly unknownCommand: string | undefined
}

/** Commander guesses at no option where one is missing as well, and at no other form of a command's name. */
function guessOf({ unknown, unknownCommand }: Unknown, command: Command): string | undefined {
  if (unknownCommand !== undefined) {
    const names = command.commands.map((one) => one.name())
    return meantCommand(unknownCommand, pathOf(command), names)
  }
  const name = unknown === undefined ? undefined : /^--([^=]+)/.exec(unknown)?.[1]
  const guess = name === undefined ? undefined : nearest(name, namesOf(command))
  return guess === undefined ? undefined : `Did you mean --${guess}?`
}

/** The error of a command line that commander refuses. */
export function badCommandLine({ message, code }: CommanderError, command: Command): UndiffuseError {
  const path = pathOf(command)
  const whole = `\`undiffuse${path === '' ? '' : ` ${path}`}\``
  const help = `See \`undiffuse ${path === '' ? '' : `${path} `}--help\`.`
  if (code === 'commander.help') return expected('bad-option', 'a command', whole, nothing, help)
  const [, all = '', near] = /^(?:error: )?(.*?)(?:\n\((Did you mean .*)\))?$/s.exec(message)!
  const stray = code === 'commander.missingMandatoryOptionValue' ? strayOption(command) : undefined
  const said = stray === undefined ? all : `unknown option '${stray}'`
  const unknown = /^unknown option '(.*)'/s.exec(said)?.[1]
  const unknownCommand = /^unknown command '(.*)'$/s.exec(said)?.[1]
  const here =
    unknown !== undefined
      ? optionHere(unknown, namesOf(command), argumentsOf(command))
      : unknownCommand !== undefined
        ? commandHere(unknownCommand, path)
        : undefined
  const guess = here ?? near ?? guessOf({ unknown, unknownCommand }, command)
  const plain = /^required option /.test(said) ? allRequired(command) : said.replace(/\.$/, '')
  for (const [form, meaning] of meanings) {
    const groups = form.exec(plain)?.groups
    if (!groups) continue
    const { expected: what, subject, got, remedy } = meaning(groups, whole, command)
    return expected('bad-option', what, subject, got, [remedy, guess, help].filter((one) => one).join(' '))
  }
  return expected('bad-option', 'a command line that fits', whole, plain, help)
}
