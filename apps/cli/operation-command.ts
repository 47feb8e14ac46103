/** A command of an operation: options from its fields, its progress drawn, its report in words or as JSON. */
import type { Command } from 'commander'
import { expected, isUndiffuseError, Task } from 'undiffuse'
import { nodeHost } from 'undiffuse/node'
import {
  type Finished,
  type Host,
  type Note,
  type Operation,
  type OperationFields,
  readSettings,
  type Settings,
  standardStream,
  type Told,
} from 'undiffuse/operations'
import { withFlags } from './files-in-flags.js'
import { type Explanation, explain } from './help.js'
import { addFields, givenSettings } from './options.js'
import { profileLines } from './profile-words.js'
import { notedWords, worded } from './remedies.js'
import { errorInFlags, inFlags } from './setting-names.js'
import { stageWords } from './stage-words.js'
import { withStandardStreams } from './standard-streams.js'
import { runCommand, type Terminal } from './terminal.js'

/** What the command line says of an operation; all of it may be left out. */
export interface OperationCommand<F extends OperationFields, R> extends Explanation {
  readonly operation: Operation<F, R>
  /** The report in lines. */
  words?(result: R, notes: readonly Note[], settings: Settings<F>): readonly string[]
  /** The words say the notes themselves. */
  readonly saysNotes?: true
  /** A part that is finished, in lines, while the operation goes on. */
  lineWords?(line: unknown, settings: Settings<F>): readonly string[]
  /** Switches of the command line alone: their flags and what they mean. */
  readonly switches?: Readonly<Record<string, string>>
  /** With which code the process ends; `isOn` tells which switches are on. */
  exitCode?(result: R, isOn: (flag: string) => boolean): number
}

// biome-ignore lint/suspicious/noExplicitAny: a list of commands knows neither their settings nor their results.
export type AnyOperationCommand = OperationCommand<any, any>

/** Of an operation that has no words of its own: its numbers and files, a line each. */
const plainWords = (result: unknown): readonly string[] =>
  Object.entries(result as object).map(([name, value]) => `  ${name.padEnd(24)} ${JSON.stringify(value)}`)

/** Standard output is the file's then: words go elsewhere. */
function leaveStdout(io: Terminal): void {
  if (io.json) {
    const remedy = 'Write the file under a name, or leave the report out.'
    throw expected('bad-option', 'one thing on standard output', '`--output -`', '`--json` as well', remedy)
  }
  io.leaveStdout()
}

/** A report with every note that it does not hold yet, in `notes`: programs read no stderr. */
function withNotes(result: unknown, notes: readonly Note[]): unknown {
  if (typeof result !== 'object' || result === null || Array.isArray(result)) return result
  const report = JSON.stringify(result)
  const missing = notes.filter(({ text }) => !report.includes(JSON.stringify(text))).map(notedWords)
  const { notes: own } = result as { readonly notes?: unknown }
  return { ...result, notes: [...new Set(missing), ...(Array.isArray(own) ? own : [])] }
}

/** Whether a line is of what could not be read. */
const isFailure = (line: unknown): boolean => typeof line === 'object' && line !== null && 'error' in line

/** Until the first network has answered: a large model opens slowly. */
const beginning: Told = { stage: 'opening files and networks', done: 0 }

/** Runs an operation, on this machine if no other is given: draws its progress, says what it tells, and reports. */
export async function operate<F extends OperationFields, R>(
  io: Terminal,
  { operation, words = plainWords, lineWords, saysNotes }: OperationCommand<F, R>,
  given: Readonly<Record<string, unknown>>,
  machine: Host = nodeHost(),
): Promise<R> {
  try {
    const settings = readSettings(operation.fields, given, operation.id) as Settings<F>
    if (given.output === standardStream) leaveStdout(io)
    const host = withFlags(withStandardStreams(machine), operation.fields)
    const task = new Task<Finished<R>, Told>(operation.run(settings, host, io.signal), io.signal)
    const told: Note[] = []
    // A line feed is of a name or a prompt: what follows it must not look like a line of ours.
    const oneLine = (line: string) => inFlags(line, operation.fields).replaceAll('\n', '·')
    const say = (lines: readonly string[]) => {
      io.clear()
      for (const line of lines) io.say(oneLine(line))
    }
    // What fails is told before what it stood among is finished: its lines follow all others, also where the run is ended.
    const failed: string[] = []
    io.progress(beginning)
    try {
      for await (const { note, line, keeps, profile, ...progress } of task) {
        if (keeps !== undefined) io.keeps(keeps ?? undefined)
        else if (profile) say(profileLines(profile))
        else if (line !== undefined) {
          const lines = lineWords?.(line, settings) ?? []
          if (isFailure(line)) failed.push(...lines)
          else say(lines)
        } else if (note) {
          told.push(note)
          io.note(oneLine(notedWords(note)))
        } else io.progress({ ...progress, stage: stageWords(progress.stage) })
      }
    } finally {
      if (failed.length > 0) say(failed)
    }
    const { result, notes } = await task
    const rest = saysNotes ? [] : notes.filter(({ text }) => !told.some((note) => note.text === text))
    for (const note of rest) io.note(oneLine(`${note.about}: ${notedWords(note)}`))
    say(words(result, notes, settings))
    const all = withNotes(result, [...told, ...notes])
    io.result(JSON.parse(inFlags(JSON.stringify(all), operation.fields)))
    return result
  } catch (error) {
    const named = errorInFlags(error, operation.fields)
    throw isUndiffuseError(named) ? worded(named) : named
  }
}

/** Adds the command, below the groups that the operation's id names: `watermark detect`. */
export function addOperation(parent: Command, described: AnyOperationCommand): void {
  const { operation, switches = {}, exitCode } = described
  const { id, title, fields } = operation
  const command = explain(parent.command(id.split(' ').at(-1)!), described).description(title)
  addFields(command, fields)
  for (const [flag, meaning] of Object.entries(switches)) command.option(flag, meaning, false)
  command.option('--json', 'print a machine-readable result', false).action((...words: unknown[]) => {
    const options = words.at(-2) as Readonly<Record<string, unknown>>
    return runCommand(options.json === true, async (io) => {
      const result = await operate(io, described, givenSettings(fields, words.slice(0, -2), options))
      const isOn = (flag: string) =>
        command.getOptionValue(command.options.find(({ long }) => long === flag)!.attributeName()) === true
      if (exitCode) process.exitCode = exitCode(result, isOn)
    })
  })
}
