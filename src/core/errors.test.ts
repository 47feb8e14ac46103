import { expect, it } from 'vitest'
import { errorTable, expected, isUndiffuseError } from './errors.js'

it('keeps the parts of its message', () => {
  const cause = new Error('ENOENT')
  const error = expected('bad-option', 'a count', '`steps`', '-1', 'Pass 1 or more.', { hint: 'make-key', cause })
  expect(error.message).toBe('Expected a count for `steps`, got -1. Pass 1 or more.')
  expect({ ...error }).toMatchObject({
    code: 'bad-option',
    expected: 'a count',
    subject: '`steps`',
    got: '-1',
    remedy: 'Pass 1 or more.',
    hint: 'make-key',
  })
  expect(error.cause).toBe(cause)
  expect(error.name).toBe('UndiffuseError')
})

it.each(['got', 'subject'] as const)('shortens a long %s to its beginning and its end', (part) => {
  const long = `begin ${'word '.repeat(3000)}end`
  const error = expected(
    'bad-option',
    'a prompt',
    part === 'subject' ? long : 'it',
    part === 'got' ? long : 'x',
    'Shorten it.',
  )
  expect(error.message.length).toBeLessThan(800)
  expect(error[part]).toMatch(/^begin word .*…(?!.*…).*word end \(15009 characters\)$/)
  expect(error.remedy).toBe('Shorten it.')
})

it('leaves whole what a message can hold', () => {
  const path = 'a/'.repeat(200)
  expect(expected('bad-option', 'a file', path, path, 'Check it.')).toMatchObject({ subject: path, got: path })
})

it('has no hint and no cause where none is given', () => {
  const error = expected('bad-shape', 'a square', 'the latent', '4×6', 'Crop it.')
  expect('hint' in error).toBe(false)
  expect('cause' in error).toBe(false)
})

it('is recognised by its brand, not by its class', () => {
  expect(isUndiffuseError(expected('bad-shape', 'a', 'b', 'c', 'd'))).toBe(true)
  expect(isUndiffuseError(new Error('Expected a for b, got c. d'))).toBe(false)
  expect(isUndiffuseError(undefined)).toBe(false)
})

it('gives each code an exit code of its own', () => {
  const codes = Object.values(errorTable).map(({ exitCode }) => exitCode)
  expect(new Set(codes).size).toBe(codes.length)
})
