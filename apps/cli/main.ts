#!/usr/bin/env node
/** The command line: runs the command that its words name, and reports words that name none. */
import { CommanderError } from 'commander'
import { badCommandLine } from './bad-command-line.js'
import { pathOf } from './help.js'
import { subjectsFirst } from './options.js'
import { commandOf, programFor } from './program.js'
import { fail, watchStdout } from './terminal.js'

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
  else if (error.exitCode !== 0) fail(words.includes('--json'), badCommandLine(error, asked))
}
