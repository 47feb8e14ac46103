/** The one error class, with its parts. Not converging is a result, not an error. */

export type ErrorCode =
  | 'bad-option'
  | 'bad-shape'
  | 'bad-image'
  | 'bad-model'
  | 'unsupported'
  | 'not-finite'
  | 'not-converged'
  | 'unavailable'
  | 'runtime-failed'

/** What a code means outside: HTTP status and process exit code. */
export const errorTable: Readonly<Record<ErrorCode, { readonly httpStatus: number; readonly exitCode: number }>> = {
  'bad-option': { httpStatus: 400, exitCode: 2 },
  'bad-shape': { httpStatus: 422, exitCode: 3 },
  'bad-image': { httpStatus: 415, exitCode: 4 },
  'bad-model': { httpStatus: 422, exitCode: 5 },
  unsupported: { httpStatus: 501, exitCode: 6 },
  'not-finite': { httpStatus: 500, exitCode: 7 },
  'not-converged': { httpStatus: 500, exitCode: 8 },
  unavailable: { httpStatus: 503, exitCode: 9 },
  'runtime-failed': { httpStatus: 500, exitCode: 10 },
}

/**
 * Where help is found in an app: its command, page or route for it has another name than the library's function. An app
 * adds its own words to the remedy.
 */
export type Hint =
  | 'make-key'
  | 'calibrate'
  | 'undo'
  | 'detect'
  | 'measure-profile'
  | 'list-devices'
  | 'allow-memory'
  | 'list-words'
  | 'draw-mask'
  | 'end-early'

/** What a message is made of. */
export interface ErrorParts {
  /** What was expected: `a number of at least 1`. */
  readonly expected: string
  /** The thing that it was expected for: an option, a file, a tensor. */
  readonly subject: string
  readonly got: string
  /** What to do, in whole sentences; says nothing of a command line. */
  readonly remedy: string
  readonly hint?: Hint
}

/** What was said is told again as far as this: its beginning and its end. */
const [mostBegin, mostEnd] = [480, 160]

/** A text of a user's, at a length that a message can have. */
function shortened(text: string): string {
  if (text.length <= mostBegin + mostEnd) return text
  return `${text.slice(0, mostBegin)}…${text.slice(-mostEnd)} (${text.length} characters)`
}

/** A value of code without types, as messages tell it: a text is told from the number that it looks like. */
export function gotText(value: unknown): string {
  if (value === undefined) return 'none'
  if (value === null) return 'null'
  if (typeof value === 'string') return `the text \`${value}\``
  if (typeof value === 'function') return 'a function that was not called'
  return typeof value === 'object' ? (Array.isArray(value) ? 'a list' : 'a value of type object') : String(value)
}

const brand = Symbol.for('undiffuse.error')

/**
 * Everything that goes wrong in a way a person can do something about: `Expected <expected> for <subject>, got <got>.
 * <remedy>`. The parts stay on the error, so that each app may word them for its own users.
 */
export class UndiffuseError extends Error implements ErrorParts {
  override readonly name = 'UndiffuseError'
  readonly code: ErrorCode
  readonly expected: string
  readonly subject: string
  readonly got: string
  readonly remedy: string
  declare readonly hint?: Hint
  readonly [brand] = true
  constructor(code: ErrorCode, parts: ErrorParts, options?: ErrorOptions) {
    const { expected, remedy, hint } = parts
    const [subject, got] = [shortened(parts.subject), shortened(parts.got)]
    super(`Expected ${expected} for ${subject}, got ${got}. ${remedy}`, options)
    this.code = code
    this.expected = expected
    this.subject = subject
    this.got = got
    this.remedy = remedy
    if (hint !== undefined) this.hint = hint
  }
}

/** Recognises the error across two copies of the package. */
export const isUndiffuseError = (error: unknown): error is UndiffuseError =>
  typeof error === 'object' && error !== null && brand in error

/** `Expected <what> for <subject>, got <got>. <remedy>` */
export const expected = (
  code: ErrorCode,
  what: string,
  subject: string,
  got: string,
  remedy: string,
  { hint, ...options }: ErrorOptions & { readonly hint?: Hint } = {},
): UndiffuseError => new UndiffuseError(code, { expected: what, subject, got, remedy, ...(hint && { hint }) }, options)
