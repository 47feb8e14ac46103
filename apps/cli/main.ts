#!/usr/bin/env node
/** The command line: runs the command that its words name, and reports words that name none. Loads what it needs. */
import { type Command, CommanderError } from 'commander'
import { pathOf } from './help.js'
import { commandOf, programFor, withoutParentsHelp } from './program.js'
import { watchStdout } from './stdout.js'
import { subjectsFirst } from './subjects-first.js'

watchStdout()
const given = process.argv.slice(2)
const typed = given.length === 0 ? ['example'] : given
const program = await programFor(typed)
const asked = commandOf(program, typed)
const words = withoutParentsHelp(asked, subjectsFirst(asked, typed, pathOf(asked).split(' ').length))
try {
  await program.parseAsync(words, { from: 'user' })
} catch (error) {
  await report(error, asked, words.includes('--json'))
}

/** Help and version end as errors too, with 0; help that nobody asked for is a command line without a command. */
async function report(error: unknown, command: Command, json: boolean): Promise<void> {
  if (error instanceof CommanderError && error.exitCode === 0) return
  const [{ fail }, { badCommandLine }] = await Promise.all([import('./terminal.js'), import('./bad-command-line.js')])
  fail(json, error instanceof CommanderError ? badCommandLine(error, command) : error)
}
