/** Completion for shells, written from the commands and their options. */
import { type Command, Help, type Option } from 'commander'
import { pathOf } from './help.js'
import { methodIds, topics } from './methods.js'
import { type Shell, shells } from './shells.js'
import { methodsOf } from './subjects-first.js'

interface Completed {
  readonly path: string
  readonly command: Command
  readonly options: readonly Option[]
}

/** Commands that are run, with their options, and groups. */
function completed(command: Command): readonly Completed[] {
  const { commands } = command
  return [
    { path: pathOf(command), command, options: new Help().visibleOptions(command) },
    ...commands.flatMap(completed),
  ]
}

const flagsOf = ({ short, long }: Option): readonly string[] => [short, long].flatMap((flag) => flag ?? [])

/** The values that an option takes, where they can be listed. */
const valuesOf = (option: Option): readonly string[] => option.argChoices ?? methodsOf(option)

/** Words that may follow a command besides its options. */
function wordsAfter({ path, command }: Completed): readonly string[] {
  if (path === 'help') return [...(command.parent?.commands.map((one) => one.name()) ?? []), ...topics, ...methodIds]
  if (path === 'completion') return shells
  return command.commands.map((one) => one.name())
}

/** POSIX `case` arms, which bash and zsh share: they set `candidates` by `named` and `previous`. */
function arms(commands: readonly Completed[]): string {
  return commands
    .map((one) => {
      const values = one.options.flatMap((option) => {
        const words = valuesOf(option)
        return words.length === 0 ? [] : [`      ${flagsOf(option).join('|')}) candidates='${words.join(' ')}' ;;`]
      })
      // Without a list of choices a value is a file, a number or a text.
      const free = one.options.filter((option) => (option.required || option.optional) && valuesOf(option).length === 0)
      const others = free.length === 0 ? [] : [`      ${free.flatMap(flagsOf).join('|')}) candidates='' ;;`]
      const words = [...wordsAfter(one), ...one.options.flatMap(flagsOf)]
      return [
        `    '${one.path}') case "$previous" in`,
        ...values,
        ...others,
        `      *) candidates='${words.join(' ')}' ;;`,
        '    esac ;;',
      ].join('\n')
    })
    .join('\n')
}

/** How far the words name a command: a group and its member, or a command. */
const findPath = (
  groups: readonly string[],
  list: string,
  first: number,
) => `  local named="\${${list}[${first}]}" candidates=''
  case "$named" in
    ${groups.join('|')}) [ "$at" -gt 2 ] && named="$named \${${list}[${first + 1}]}" ;;
  esac
  [ "$at" -gt 1 ] || named=''`

const bash = (commands: readonly Completed[], groups: readonly string[]) => `_undiffuse() {
  local at=$COMP_CWORD current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}
${findPath(groups, 'COMP_WORDS', 1)}
  case "$named" in
${arms(commands)}
  esac
  COMPREPLY=($(compgen -W "$candidates" -- "$current"))
}
complete -o default -F _undiffuse undiffuse
`

const zsh = (commands: readonly Completed[], groups: readonly string[]) => `#compdef undiffuse
_undiffuse() {
  local at=$((CURRENT - 1)) previous=\${words[CURRENT-1]}
${findPath(groups, 'words', 2)}
  case "$named" in
${arms(commands)}
  esac
  compadd -- \${=candidates} || _files
}
compdef _undiffuse undiffuse
`

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`

/** Descriptions are cut at their first clause. */
const brief = (text: string): string => text.split(/[;(:]/)[0]!.trim()

function fish(commands: readonly Completed[], groups: readonly string[]): string {
  const lines = commands.flatMap((one) => {
    const { path, command, options } = one
    const seen = path.split(' ').map((name) => `__fish_seen_subcommand_from ${name}`)
    const isGroup = groups.includes(path)
    const when = path === '' ? '__fish_use_subcommand' : seen.join('; and ')
    const words = command.commands.map(
      (child) =>
        `complete -c undiffuse -f -n ${quoted(when)} -a ${child.name()} -d ${quoted(brief(child.description()))}`,
    )
    const more = isGroup || path === '' ? [] : wordsAfter(one)
    return [
      ...words,
      ...(more.length > 0 ? [`complete -c undiffuse -f -n ${quoted(when)} -a ${quoted(more.join(' '))}`] : []),
      ...options.map((option) => {
        const names = [
          ...(option.short ? [`-s ${option.short.slice(1)}`] : []),
          ...(option.long ? [`-l ${option.long.slice(2)}`] : []),
        ]
        const values = valuesOf(option)
        const takes = option.required || option.optional ? ['-r'] : []
        const choices = values.length > 0 ? [`-f -a ${quoted(values.join(' '))}`] : []
        const parts = [...names, ...takes, ...choices, `-d ${quoted(brief(option.description))}`]
        return `complete -c undiffuse -n ${quoted(when)} ${parts.join(' ')}`
      }),
    ]
  })
  return `${lines.join('\n')}\n`
}

const writers = { bash, zsh, fish }

/** The script that completes `undiffuse` in a shell; `program` has all its commands. */
export function completionFor(shell: Shell, program: Command): string {
  const commands = completed(program)
  const groups = commands.flatMap(({ path, command }) => (path !== '' && command.commands.length > 0 ? [path] : []))
  return writers[shell](commands, groups)
}
