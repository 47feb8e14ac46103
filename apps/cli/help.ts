/** The help of commands: a page that fits a terminal, and the long form with everything. */
import { type Command, Help, type Option } from 'commander'
import { asTyped, programName } from './program-name.js'

/** What the long form of a command's help says beside its options. */
export interface Explanation {
  /** What to know before anything else, below the description. */
  readonly caution?: string
  /** Paragraphs, separated by empty lines. A line that begins with a space stays a line of its own. */
  readonly details?: string
  /** Command lines without `undiffuse`, the most common first. */
  readonly examples?: readonly string[]
}

/** A page of help fits these. */
export const pageLines = 40
export const pageColumns = 80

/** The heading of options that few need: the page leaves them to the long form. */
export const rareOptions = 'More options:'

const shownExamples = 3
/** Longer ones stand on a line above their meaning. */
const termColumns = 26

const explanations = new WeakMap<Command, Explanation>()

/** Gives a command its examples and details. */
export function explain(command: Command, explanation: Explanation): Command {
  explanations.set(command, explanation)
  return command
}

/** `watermark detect`: a command's name with its group's, without the program's. */
export function pathOf(command: Command): string {
  const { parent } = command
  return parent === null ? '' : [pathOf(parent), command.name()].filter((name) => name !== '').join(' ')
}

/** Columns of a page on this terminal. */
export const columnsHere = (): number => Math.max(40, Math.min(pageColumns, process.stdout.columns ?? pageColumns))

/** Words in lines of at most so many columns, each line after an indent. A longer word has a line of its own. */
export function wrapped(text: string, columns: number, indent = ''): readonly string[] {
  const room = columns - indent.length
  const lines: string[] = []
  let line = ''
  for (const word of asTyped(text)
    .split(/\s+/)
    .filter((part) => part !== '')) {
    // Lists without spaces are broken after their commas.
    for (const [i, part] of (word.length > room ? word.split(/(?<=,)/) : [word]).entries()) {
      const longer = line === '' ? part : `${line}${i === 0 ? ' ' : ''}${part}`
      if (line !== '' && longer.length > room) {
        lines.push(indent + line)
        line = part
      } else line = longer
    }
  }
  return line === '' ? lines : [...lines, indent + line]
}

/** Terms with their meanings beside them. */
export function table(rows: readonly (readonly [term: string, meaning: string])[], columns: number): readonly string[] {
  const width = Math.min(termColumns, Math.max(0, ...rows.map(([term]) => term.length)))
  const indent = ' '.repeat(width + 4)
  return rows.flatMap(([term, meaning]) => {
    const [first = '', ...rest] = wrapped(meaning, columns, indent)
    return term.length > width
      ? [`  ${term}`, ...(first ? [first] : []), ...rest]
      : [`  ${term}${first.slice(term.length + 2)}`, ...rest]
  })
}

/** Paragraphs in lines: those of a paragraph flow, but for lines that begin with a space. */
export function paragraphs(text: string, columns: number): readonly string[] {
  return text
    .trim()
    .split(/\n\s*\n/)
    .flatMap((paragraph, i) => {
      const pieces = paragraph.split(/\n(?= )/)
      return [
        ...(i === 0 ? [] : ['']),
        ...pieces.flatMap((piece) => wrapped(piece, columns, piece.startsWith(' ') ? '  ' : '')),
      ]
    })
}

/** A command line as it is typed; one that is too long is continued where an option begins. */
export function typed(words: string, columns: number): readonly string[] {
  const [first = '', ...rest] = `${programName()} ${words}`.split(/ (?=-{1,2}[a-z])/)
  const lines: string[] = []
  let line = `  $ ${first}`
  for (const part of rest) {
    if (line.length + part.length + 3 <= columns) line = `${line} ${part}`
    else {
      lines.push(`${line} \\`)
      line = `      ${part}`
    }
  }
  return [...lines, line]
}

function defaultText({ defaultValue, defaultValueDescription: described }: Option): string {
  if (described !== undefined) return described
  return Array.isArray(defaultValue) ? defaultValue.join(' ') : String(defaultValue)
}

/** Not so a switch that is off, and a list of nothing. */
const hasDefault = (option: Option): boolean =>
  option.defaultValue !== undefined && option.defaultValue !== false && defaultText(option) !== ''

/** What an option means, which values it takes, and the default in force. */
function meaningOf(option: Option): string {
  const said = [
    ...(option.argChoices ? [`one of ${option.argChoices.join(', ')}`] : []),
    ...(hasDefault(option) ? [`default: ${defaultText(option)}`] : []),
    ...(option.mandatory && option.defaultValue === undefined ? ['needed'] : []),
  ]
  return `${option.description}${said.length > 0 ? ` (${said.join('; ')})` : ''}`
}

const section = (heading: string, lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [] : ['', heading, ...lines]

/**
 * A command's help in lines. A page has the options that people use and three examples; `all` has every option and the
 * details.
 */
export function helpLines(command: Command, { all = false, columns = pageColumns } = {}): readonly string[] {
  const help = new Help()
  const { caution = '', details = '', examples = [] } = explanations.get(command) ?? {}
  const path = pathOf(command)
  const options = help.visibleOptions(command)
  const rare = options.filter(({ helpGroupHeading }) => helpGroupHeading === rareOptions)
  const common = options.filter((option) => !rare.includes(option))
  const rows = (some: readonly Option[]) =>
    table(
      some.map((option) => [option.flags, meaningOf(option)]),
      columns,
    )
  const places = help.visibleArguments(command).map((one) => [help.argumentTerm(one), one.description] as const)
  const commands = help.visibleCommands(command).map((one) => [one.name(), one.description()] as const)
  const hasMore = !all && path !== '' && (rare.length > 0 || details !== '' || examples.length > shownExamples)
  return [
    ...wrapped(`${programName()} ${[path, command.usage()].filter((part) => part !== '').join(' ')}`, columns),
    '',
    ...command
      .description()
      .split('\n')
      .flatMap((line) => wrapped(line, columns)),
    ...wrapped(caution, columns),
    ...(all && details !== '' ? ['', ...paragraphs(details, columns)] : []),
    ...section('Commands:', table(commands, columns)),
    ...section('Arguments:', table(places, columns)),
    ...section('Options:', rows(common)),
    ...(all ? section(rareOptions, rows(rare)) : []),
    ...section(
      examples.length === 1 ? 'Example:' : 'Examples:',
      (all ? examples : examples.slice(0, shownExamples)).flatMap((one) => typed(one, columns)),
    ),
    ...(hasMore ? ['', ...wrapped(`Everything else: ${programName()} help ${path} --all`, columns)] : []),
  ]
}
