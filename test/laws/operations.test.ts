/** What every operation must be: described whole, with defaults that it takes itself, and at home on any host. */
import { readdir, readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import type { AnyOperation, OperationFields } from '../../src/operations/index.js'
import * as published from '../../src/operations/index.js'
import { undiffuse } from '../cli/command-line.js'

const isOperation = (value: unknown): value is AnyOperation =>
  typeof value === 'object' && value !== null && 'run' in value && 'fields' in value
const operations = (Object.values(published) as readonly unknown[]).filter(isOperation)

it('finds the operations', () => {
  expect(operations.length).toBeGreaterThanOrEqual(9)
  expect(new Set(operations.map(({ id }) => id)).size).toBe(operations.length)
})

describe.each(operations.map((operation) => [operation.id, operation] as const))('%s', (id, operation) => {
  const { title } = operation
  const fields: OperationFields = operation.fields

  it('has lower-case words for an id, and sentences for everything that it is told', () => {
    expect(id).toMatch(/^[a-z]+( [a-z]+)*$/)
    for (const text of [title, ...Object.values(fields).map(({ description }) => description)]) {
      expect(text).toMatch(/^\S.{4,}[^.\s]$/)
    }
  })

  it('takes its own defaults, and texts that stand for them', () => {
    const needed = Object.entries(fields).filter(([, { required }]) => required)
    // Methods are named by their ids; anything else that must be said is a text.
    const given = Object.fromEntries(
      needed.map(([name, field]) => [name, field.methods?.[0]?.definition.id ?? 'something']),
    )
    const settings = published.readSettings(fields, given, id)
    const texts = Object.entries(fields).flatMap(([name, field]) =>
      'default' in field && typeof field.default !== 'object' ? [[name, `${field.default}`]] : [],
    )
    expect(JSON.stringify(published.readSettings(fields, { ...given, ...Object.fromEntries(texts) }, id))).toBe(
      JSON.stringify(settings),
    )
  })

  it('is a command with an option for each of its fields', async () => {
    const { stdout, code } = await undiffuse(['help', ...id.split(' '), '--all'])
    expect(code).toBe(0)
    for (const [name, { subject }] of Object.entries(fields)) {
      const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
      if (!subject) expect(stdout).toMatch(new RegExp(`--(?:no-)?${flag.slice(2)}\\b`))
    }
  })
})

it('asks the machine nothing but through its host', async () => {
  const folder = new URL('../../src/operations/', import.meta.url)
  const files = (await readdir(folder, { recursive: true })).filter((name) => /(?<!\.test)\.ts$/.test(name))
  expect(files.length).toBeGreaterThan(20)
  for (const name of files) {
    const text = await readFile(new URL(name, folder), 'utf8')
    const imported = [...text.matchAll(/(?:from|import) '([^']+)'/g)].map(([, path]) => path!)
    const foreign = imported.filter(
      (path) => !path.startsWith('.') && !path.startsWith('@noble/') && !path.startsWith('@bufbuild/'),
    )
    expect({ name, foreign }).toEqual({ name, foreign: [] })
    // Command lines are one of several applications.
    expect({ name, flags: text.match(/`--[a-z-]+`/g) ?? [] }).toEqual({ name, flags: [] })
  }
})
