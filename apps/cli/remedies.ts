/** The library's remedies in the words of the command line: which command or option does what an error asks for. */
import { expected, type Hint, type UndiffuseError } from 'undiffuse'
import type { Note } from 'undiffuse/operations'

const commands: Readonly<Record<Hint, string>> = {
  'make-key': '`undiffuse watermark keygen` makes one.',
  calibrate: '`undiffuse watermark calibrate` makes one.',
  undo: '`--undo resize` or `--undo crop` undoes it.',
  'measure-profile': '`undiffuse report` measures it.',
  'list-devices': '`undiffuse doctor` lists them.',
  'allow-memory': '`--memory-limit` says how much.',
  'list-words': '`undiffuse models <model>` lists them.',
}

/** A note's text, with what to type; `<model>` is what it is about. */
export const notedWords = ({ about, text, hint }: Note): string =>
  hint === undefined ? text : `${text} ${commands[hint].replace('<model>', about)}`

/** The same error; its remedy says what to type as well. */
export function worded(error: UndiffuseError): UndiffuseError {
  const { code, expected: what, subject, got, remedy, hint } = error
  return hint === undefined
    ? error
    : expected(code, what, subject, got, `${remedy} ${commands[hint]}`, { cause: error })
}
