import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { nodeFiles } from '../node/files.js'
import { configOf, readConfig } from './config.js'
import { parseJsonObject } from './json.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'undiffuse-config-'))
})
afterAll(() => rm(folder, { recursive: true }))

test('reads fields of a configuration that diffusers wrote', async () => {
  const config = await readConfig(nodeFiles, 'test/golden/autoencoder-tiny/config.json')
  expect(config.string('_class_name')).toBe('AutoencoderTiny')
  expect(config.integers('num_encoder_blocks')).toEqual([1, 2, 2, 2])
  expect(config.number('latent_shift')).toBe(0.5)
  expect(config.boolean('force_upcast')).toBe(false)
})

test('an absent field takes the default, and null is no number', () => {
  const config = configOf('config.json', { scaling_factor: null })
  expect(config.has('scaling_factor')).toBe(false)
  expect(config.number('shift_factor', 0.5)).toBe(0.5)
  expect(() => config.number('shift_factor')).toThrow(
    /a finite number for `shift_factor` in `config.json`, got nothing/,
  )
  expect(() => config.number('scaling_factor', 0.18215)).toThrow(/a finite number for `scaling_factor`.*got null/)
  expect(() => config.number('scaling_factor')).toThrow(
    /a finite number for `scaling_factor` in `config.json`, got null/,
  )
  expect(() => config.string('toString')).toThrow(/a string for `toString`.*got nothing/)
})

test.each<['number' | 'integer' | 'integers' | 'string' | 'strings' | 'boolean', unknown, RegExp]>([
  ['number', '0.18215', /a finite number.*got "0.18215"/],
  ['integer', 2.5, /an integer from 0 to 16777216.*got 2.5/],
  ['integer', 1e9, /an integer from 0 to 16777216.*got 1000000000/],
  ['integer', -1, /an integer from 0 to 16777216.*got -1/],
  ['integers', [128, '256'], /a list of integers from 0 to 16777216.*got \[128,"256"\]/],
  ['string', 3, /a string/],
  ['strings', ['a', 1], /a list of strings/],
  ['boolean', 'true', /true or false.*got "true"/],
])('%s refuses %j', (reader, value, message) => {
  const config = configOf('config.json', { field: value } as Record<string, unknown>)
  expect(() => config[reader]('field')).toThrow(
    expect.objectContaining({ code: 'bad-model', message: expect.stringMatching(message) }),
  )
})

test('files that are missing, too large, not JSON or not an object are refused', async () => {
  const path = join(folder, 'config.json')
  await expect(readConfig(nodeFiles, path)).rejects.toMatchObject({
    code: 'bad-model',
    message: expect.stringMatching(/no such file/),
  })
  for (const [text, message] of [
    ['', /Expected JSON/],
    ['<model>', /text that starts with "<model>"/],
    ['\n<!DOCTYPE html>\n<html></html>', /a web page in place of it\. Fetch the file itself/],
    ['[1]', /a JSON object.*got \[1\]/],
    ['null', /a JSON object/],
    ['{"a":1,"a":2}', /"a" twice/],
    ['['.repeat(1e6), /Expected JSON/],
  ] as const) {
    await writeFile(path, text)
    await expect(readConfig(nodeFiles, path)).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringMatching(message),
    })
  }
  await truncate(path, 2 ** 31)
  await expect(readConfig(nodeFiles, path)).rejects.toThrow(/at most 16777216 bytes.*got 2147483648/)
})

test("Python's numbers that JSON has not are read, and texts that look like them stay", () => {
  const text = '{"a": -Infinity, "b": [Infinity, 1], "c": NaN, "d": "NaN, \\"Infinity\\"", "-Infinity": 2}'
  expect(parseJsonObject(text, 'config.json')).toEqual({
    a: Number.NEGATIVE_INFINITY,
    b: [Number.POSITIVE_INFINITY, 1],
    c: Number.NaN,
    d: 'NaN, "Infinity"',
    '-Infinity': 2,
  })
  expect(() => parseJsonObject('{"a": Infinityx}', 'config.json')).toThrow(/Expected JSON/)
  const config = configOf('config.json', { least: Number.NEGATIVE_INFINITY })
  expect(config.extendedNumber('least')).toBe(Number.NEGATIVE_INFINITY)
  expect(() => config.number('least')).toThrow(/a finite number for `least`.*got -Infinity/)
})

test('what was not asked for is refused at the end, by name and value', () => {
  const fields = { _class_name: 'A', width: 3, dropout: 0.1, gate: { kind: 'soft' } }
  const config = configOf('config.json', fields)
  config.integer('width')
  expect(() => config.done({ dropout: 'acts in training' })).toThrow(/`gate`: \{"kind":"soft"\}/)
  config.value('gate')
  expect(() => config.done({ dropout: 'acts in training' })).not.toThrow()
})

test('a value that is nested by the thousand is refused like any other', () => {
  const deep = `{"width": ${'['.repeat(1e5)}${']'.repeat(1e5)}}`
  const config = configOf('config.json', parseJsonObject(deep, 'config.json'))
  expect(() => config.integer('width')).toThrow(/`width`.*nested too deep/)
})
