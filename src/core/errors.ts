/**
 * The one error class. Message: Expected *what* for *name*, got *value*. Then the remedy.
 * Not converging is a result, not an error.
 */

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

const brand = Symbol.for('undiffuse.error')

/** Everything that goes wrong in a way a person can do something about. */
export class UndiffuseError extends Error {
  override readonly name = 'UndiffuseError'
  readonly code: ErrorCode
  readonly [brand] = true
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Recognises the error across two copies of the package. */
export const isUndiffuseError = (error: unknown): error is UndiffuseError =>
  typeof error === 'object' && error !== null && brand in error

/** `Expected <expected> for <name>, got <got>. <remedy>` */
export const expected = (code: ErrorCode, what: string, name: string, got: string, remedy: string): UndiffuseError =>
  new UndiffuseError(code, `Expected ${what} for ${name}, got ${got}. ${remedy}`)
