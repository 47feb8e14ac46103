#!/usr/bin/env node
/** The command line: runs the command that its words name, and reports words that name none. */
import { type Command, CommanderError } from 'commander'
import { expected } from 'undiffuse'
import { pathOf } from './help.js'
import { subjectsFirst } from './options.js'
import { commandOf, programFor } from './program.js'
import { fail, watchStdout } from './terminal.js'

/** Commander's words as ours: one line, and where the right ones are listed. */
function badCommandLine({ message, code }: CommanderError, program: Command, words: readonly string[]) {
  const command = commandOf(program, words)
  const path = pathOf(command)
  const [said = '', guess] = code === 'commander.help' ? ['no command'] : message.replace(/^error: /, '').split('\n')
  const hasLists = command.options.some(({ variadic }) => variadic)
  const order = code === 'commander.missingArgument' && hasLists ? 'Put it before the options. ' : ''
  const help = `${order}See \`undiffuse ${path === '' ? '' : `${path} `}--help\`.`
  const remedy = `${guess ? `${guess.replace(/[()]/g, '')} ` : ''}${help}`
  return expected('bad-option', 'a command line that fits', 'undiffuse', said.replace(/\.$/, ''), remedy)
}

watchStdout()
const given = process.argv.slice(2)
const typed = given.length === 0 ? ['example'] : given
const program = await programFor(typed)
const asked = commandOf(program, typed)
const words = subjectsFirst(asked, typed, pathOf(asked).split(' ').length)
try {
  await program.parseAsync(words, { from: 'user' })
} catch (error) {
  // Help and version end this way too, with 0; help that nobody asked for is a command line without a command.
  if (!(error instanceof CommanderError)) fail(words.includes('--json'), error)
  else if (error.exitCode !== 0) fail(words.includes('--json'), badCommandLine(error, program, words))
}
