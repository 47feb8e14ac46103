/** The library's remedies in the words of the command line: which command or option does what an error asks for. */
import { expected, type Hint, type UndiffuseError } from 'undiffuse'
import type { Note } from 'undiffuse/operations'

/** What to type; `<model>` is what the message is about. */
const commands: Readonly<Record<Hint, string>> = {
  'make-key': '`undiffuse watermark keygen` makes one.',
  calibrate: '`undiffuse watermark calibrate` makes one.',
  undo: '`--undo resize` or `--undo crop` undoes it.',
  detect: 'The command is `undiffuse watermark detect`.',
  'measure-profile': '`undiffuse report` measures it.',
  'list-devices': '`undiffuse doctor` lists them.',
  'allow-memory': '`--memory-limit` allows more memory.',
  'list-words': '`undiffuse models <model>` lists them; for others see docs/your-own-model.md.',
  'draw-mask': '`undiffuse help masks` says how.',
  'end-early': 'Ctrl-C ends it; `--steps 20` takes less time.',
}

const typedFor = (hint: Hint, about: string): string => commands[hint].replace('<model>', about.replaceAll('`', ''))

/** A note's text, with what to type. */
export const notedWords = ({ about, text, hint }: Note): string =>
  hint === undefined ? text : `${text} ${typedFor(hint, about)}`

/** The same error; its remedy says what to type as well. */
export function worded(error: UndiffuseError): UndiffuseError {
  const { code, expected: what, subject, got, remedy, hint } = error
  return hint === undefined
    ? error
    : expected(code, what, subject, got, `${remedy} ${typedFor(hint, subject)}`, { cause: error })
}
