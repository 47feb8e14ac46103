/** Help fits a terminal, and tells everything that the command line takes. */
import { readFile } from 'node:fs/promises'
import { type Command, Help } from 'commander'
import { errorTable, exactBlending, type Field, isUndiffuseError } from 'undiffuse'
import { describe, expect, it } from 'vitest'
import { helpLines, pageColumns, pageLines, pathOf, typed, wrapped } from './help.js'
import { foundMasks } from './masks-page.js'
import { exitCodes, kinds, methodIds, topicLines, topicOf, topics } from './methods.js'
import { helpFor, programFor } from './program.js'

const program = await programFor('all')
const every = (command: Command): readonly Command[] => [command, ...command.commands.flatMap(every)]
const commands = every(program).map((command) => ({ name: pathOf(command) || 'undiffuse', command }))

it('knows the commands', () => {
  expect(commands.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['undiffuse', 'generate', 'watermark', 'watermark detect', 'bench inversion', 'help']),
  )
})

it('shows with a key what its marks can be told', () => {
  const page = helpLines(commands.find(({ name }) => name === 'generate')!.command).join('\n')
  for (const option of ['--watermark', '--member', '--message']) expect(page).toContain(`  ${option} `)
})

describe.each(commands)('help of $name', ({ name, command }) => {
  const page = helpLines(command)
  const words = name === 'undiffuse' ? [] : name.split(' ')

  it(`is at most ${pageLines} lines of ${pageColumns} columns, with a purpose and at most three examples`, async () => {
    expect(page.length).toBeLessThanOrEqual(pageLines)
    expect((await helpFor(program, words, false)).length).toBeLessThanOrEqual(pageLines)
    expect(page.filter((line) => line.length > pageColumns)).toEqual([])
    expect(command.description()).not.toBe('')
    expect(page.join(' ')).toContain(wrapped(command.description(), pageColumns)[0])
    const examples = page.filter((line) => line.startsWith('  $ undiffuse '))
    expect(examples.length).toBeLessThanOrEqual(3)
    if (command.commands.length === 0) expect(examples.length).toBeGreaterThan(0)
  })

  it('has every option and argument in its long form', async () => {
    const long = (await helpFor(program, words, true)).join('\n')
    expect(long.split('\n').filter((line) => line.length > pageColumns)).toEqual([])
    const help = new Help()
    for (const { flags } of help.visibleOptions(command)) expect(long).toContain(flags)
    expect(long).not.toMatch(/default:\s*\)/)
    for (const one of help.visibleArguments(command)) expect(long).toContain(help.argumentTerm(one))
  })

  it('has messages that a default key takes: eight hexadecimal digits, or `random`', async () => {
    const long = (await helpFor(program, words, true)).join(' ').replace(/\\\s+/g, '')
    const said = [...long.matchAll(/--message (?!<)([\w-]+)/g)].map(([, digits]) => digits!)
    expect(said.filter((digits) => !/^(?:[0-9a-f]{8}|random)$/.test(digits))).toEqual([])
  })

  it('names the long form where there is more in it', async () => {
    const [short, long] = [page, await helpFor(program, words, true)]
    if (words.length > 0 && long.length > short.length) expect(page.join(' ')).toContain(`undiffuse help ${name} --all`)
  })
})

describe('topics', () => {
  it.each([...topics, ...methodIds])('%s is explained in lines of a terminal', async (word) => {
    const lines = await topicLines(word, pageColumns)
    expect(lines!.filter((line) => line.length > pageColumns)).toEqual([])
  })

  it.each(kinds)(
    '$topic lists its methods, and each is explained with its options and their defaults',
    async (kind) => {
      const list = (await topicLines(kind.topic, pageColumns))!.join('\n')
      expect(topicOf(kind.methods)).toBe(kind.topic)
      for (const { definition } of kind.methods) {
        expect(list).toMatch(new RegExp(`^  ${definition.id}\\b`, 'm'))
        const page = (await topicLines(definition.id, pageColumns))!.join('\n')
        expect(page).toContain(`${definition.id} (${kind.one})`)
        for (const [name, field] of Object.entries(definition.fields)) {
          expect(page).toContain(field.default === undefined ? `  ${name}` : `  ${name}=${field.default}`)
        }
      }
    },
  )

  it.each(
    kinds.flatMap(({ methods }) =>
      methods.flatMap(({ definition: { id, also = {} } }) =>
        Object.entries(also).map(([other, name]) => [other, name, id] as const),
      ),
    ),
  )('the name %s of other programs leads to %s', async (other, name, id) => {
    const [here, gap, ...page] = (await topicLines(other.toUpperCase(), pageColumns))!
    expect(here!.startsWith(`\`${other.toUpperCase()}\` is called `)).toBe(true)
    expect(here).toContain(`\`${name}\``)
    expect(gap).toBe('')
    expect(page.join('\n')).toContain((await topicLines(id, pageColumns))!.join('\n'))
  })

  it('every list of methods that an operation takes is a topic', async () => {
    const operations = Object.values(await import('undiffuse/operations')).flatMap((one) =>
      typeof one === 'object' && one !== null && 'fields' in one ? [one.fields as Record<string, unknown>] : [],
    )
    const lists = operations.flatMap((fields) =>
      Object.values(fields).flatMap(
        (field) => (field as { methods?: (typeof kinds)[number]['methods'] }).methods ?? [],
      ),
    )
    expect(lists.length).toBeGreaterThan(20)
    for (const method of lists) expect(kinds.flatMap(({ methods }) => methods)).toContain(method)
  })

  it('masks are a page that knows every way of finding one', async () => {
    const page = await helpFor(program, ['masks'], false)
    expect(page.length).toBeLessThanOrEqual(pageLines)
    const mask = exactBlending.definition.fields.mask as Extract<Field, { type: 'choice' }>
    expect(foundMasks.map(([which]) => which)).toEqual(mask.choices)
    expect((await helpFor(program, [], false)).join(' ')).toMatch(/Topics of .*, masks,/)
  })

  it('a topic of two words may be written as two', async () => {
    const page = await helpFor(program, ['exit-codes'], false)
    for (const words of [['exit codes'], ['exit', 'codes']]) expect(await helpFor(program, words, false)).toEqual(page)
  })

  it('a word that names nothing is refused with what there is', async () => {
    const error = await helpFor(program, ['solver'], false).catch((reason: unknown) => reason)
    expect(isUndiffuseError(error) && error.message).toMatch(/a command, a topic or a method.*`solver`.*solvers/)
    for (const [word, meant] of [
      ['mask', 'masks'],
      ['genrate', 'generate'],
      ['editing', 'edit'],
      ['watermarks', 'watermark'],
      ['comparison', 'compare'],
      ['exit', 'exit-codes'],
    ] as const)
      await expect(helpFor(program, [word], false)).rejects.toMatchObject({
        remedy: expect.stringContaining(`Did you mean \`${meant}\`?`),
      })
    for (const [word, here] of [
      ['detecting', 'watermark detect'],
      ['marking', 'generate --watermark'],
      ['inpant', 'edit'],
    ] as const)
      await expect(helpFor(program, [word], false)).rejects.toMatchObject({
        remedy: expect.stringContaining(`\`${here}\`. Topics:`),
      })
  })

  it('the documentation has the same exit codes', async () => {
    const page = await readFile(new URL('../../docs/command-line.md', import.meta.url), 'utf8')
    const rows = [...page.matchAll(/^\| (\d+) \| (.*) \|$/gm)].map(([, code, meaning]) => [Number(code), meaning])
    expect(rows).toEqual(exitCodes)
  })

  it('exit codes are those of the library, each once', () => {
    const codes = exitCodes.map(([code]) => code)
    expect(new Set(codes).size).toBe(codes.length)
    for (const [name, { exitCode }] of Object.entries(errorTable)) {
      expect(exitCodes.find(([code]) => code === exitCode)?.[1]).toContain(`\`${name}\``)
    }
  })
})

describe('lines', () => {
  it('break between words, and a word that is too long stands alone', () => {
    expect(wrapped('one two three', 8, '  ')).toEqual(['  one', '  two', '  three'])
    expect(wrapped('one incomprehensible two', 8)).toEqual(['one', 'incomprehensible', 'two'])
  })

  it('of a command are continued where an option begins', () => {
    expect(typed('invert a.png --to latent -o latent.safetensors', 40)).toEqual([
      '  $ undiffuse invert a.png --to latent \\',
      '      -o latent.safetensors',
    ])
  })
})
