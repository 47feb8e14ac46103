/** An operation becomes a command without a word of its own: options from fields, its report, its settings' names. */
import { Command, CommanderError } from 'commander'
import { expected } from 'undiffuse'
import { operation, setting } from 'undiffuse/operations'
import { expect, it } from 'vitest'
import { addOperation, operate } from './operation-command.js'
import { inFlags } from './setting-names.js'
import type { Terminal } from './terminal.js'

const repeat = operation({
  id: 'repeat',
  title: 'say a word several times',
  fields: {
    word: { type: 'string', description: 'to be said', subject: true, required: true },
    times: { type: 'integer', minimum: 1, or: ['twice'], bare: 3, default: 1, description: 'how often' },
    share: { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1, description: 'of the word' },
    readFrom: { type: 'file', description: 'other words', many: true },
    output: { type: 'file', description: 'where to say it' },
  },
  async *run({ word, times }) {
    if (word === '') throw expected('bad-option', 'a word', setting('word'), 'none', `See ${setting('readFrom')}.`)
    const count = times === 'twice' ? 2 : (times as number)
    yield { stage: 'saying', done: 0, total: count, line: word }
    yield { stage: 'saying', done: count, note: { about: word, text: `it has ${word.length} letters` } }
    return { result: { said: Array(count).fill(word).join(' ') }, files: [], notes: [] }
  },
})

function terminal() {
  const said: string[] = []
  const notes: string[] = []
  const results: unknown[] = []
  const stages: string[] = []
  const io: Terminal = {
    json: false,
    signal: new AbortController().signal,
    say: (line = '') => said.push(line),
    note: (line) => notes.push(line),
    leaveStdout() {},
    result: (value) => results.push(value),
    progress: ({ stage }) => stages.push(stage),
    clear() {},
    keeps() {},
  }
  return { io, said, notes, results, stages }
}

it('is said without words of its own: its numbers; notes go elsewhere, and into the result', async () => {
  const { io, said, notes, results } = terminal()
  await operate(io, { operation: repeat }, { word: 'ha', times: 'twice' })
  expect(said).toEqual([expect.stringMatching(/^ {2}said +"ha ha"$/)])
  expect(notes).toEqual(['it has 2 letters'])
  expect(results).toEqual([{ said: 'ha ha', notes: ['it has 2 letters'] }])
})

it('its result tells a note once, with what to type, wherever it stands', async () => {
  const noting = operation({
    ...repeat,
    async *run() {
      yield { stage: '', done: 0, note: { about: 'small', text: 'cat: strange.', hint: 'list-words' as const } }
      const notes = ['early', 'at the end', 'in a row'].map((text) => ({ about: 'a/b.png', text }))
      return { result: { notes: ['early'], rows: [{ note: 'in a row' }] }, files: [], notes }
    },
  })
  const { io, notes, results } = terminal()
  await operate(io, { operation: noting }, { word: 'ha' })
  const strange = 'cat: strange. `undiffuse models small` lists them; for others see docs/your-own-model.md.'
  expect(results).toEqual([{ notes: [strange, 'at the end', 'early'], rows: [{ note: 'in a row' }] }])
  expect(notes).toEqual([strange, 'a/b.png: early', 'a/b.png: at the end', 'a/b.png: in a row'])
})

it('tells what is done from the beginning, in plain words', async () => {
  const stepping = operation({
    ...repeat,
    async *run() {
      yield { stage: 'ddim', done: 0, total: 1 }
      return { result: { said: '' }, files: [], notes: [] }
    },
  })
  const { io, stages } = terminal()
  await operate(io, { operation: stepping }, { word: 'ha' })
  expect(stages).toEqual(['opening files and networks', 'drawing the picture (ddim)'])
})

it('is said in its words where it has some, parts of it as they are finished', async () => {
  const { io, said } = terminal()
  const words = ({ said: all }: { readonly said: string }) => [`said ${all}`]
  await operate(io, { operation: repeat, words, lineWords: (line) => [`now ${line}`] }, { word: 'ho' })
  expect(said).toEqual(['now ho', 'said ho'])
})

it('tells what failed behind what did not, also where the run ends in an error', async () => {
  const lineWords = (line: unknown) => [JSON.stringify(line)]
  for (const isWhole of [true, false]) {
    const surveying = operation({
      ...repeat,
      async *run() {
        for (const line of [{ error: 1 }, { picture: 2 }, { error: 3 }, { picture: 4 }]) {
          yield { stage: '', done: 0, line }
        }
        if (!isWhole) throw new Error('ended')
        return { result: { said: '' }, files: [], notes: [] }
      },
    })
    const { io, said } = terminal()
    const run = operate(io, { operation: surveying, words: () => [], lineWords }, { word: 'ha' })
    await (isWhole ? run : expect(run).rejects.toThrow('ended'))
    expect(said).toEqual(['{"picture":2}', '{"picture":4}', '{"error":1}', '{"error":3}'])
  }
})

it('names settings as the command line does', async () => {
  await expect(operate(terminal().io, { operation: repeat }, { word: '' })).rejects.toMatchObject({
    code: 'bad-option',
    message: 'Expected a word for `<word>`, got none. See `--read-from`.',
  })
  expect(inFlags(`${setting('times', 'twice')} and \`settings\``, repeat.fields)).toBe('`--times twice` and `settings`')
  const recipe = { recipe: { type: 'boolean', default: true, description: 'tell it', off: 'leave it out' } } as const
  expect(inFlags(setting('recipe', 'false'), recipe)).toBe('`--no-recipe`')
})

/** What commander makes of words, without running anything. */
function parsed(...words: readonly string[]) {
  const program = new Command().exitOverride().configureOutput({ writeErr() {}, outputError() {} })
  addOperation(program, { operation: repeat })
  const command = program.commands[0]!
  let found: unknown
  command.exitOverride().action((word, options) => {
    found = { word, ...options }
  })
  program.parse(['repeat', ...words], { from: 'user' })
  return found
}

it('has an option for each field', () => {
  const many = ['--read-from', 'a,b', '--read-from', 'c']
  expect(parsed('ha', '--times', '2', ...many, '-o', 'x')).toMatchObject({
    word: 'ha',
    times: 2,
    readFrom: ['a', 'b', 'c'],
    output: 'x',
  })
  expect(parsed('ha', '--times')).toMatchObject({ times: 3 })
  expect(parsed('ha')).toMatchObject({ times: 1 })
})

it.each([
  [['ha', '--times', '0'], /whole number of at least 1, or `twice`/],
  [['ha', '--share', '1'], /above 0 and below 1/],
  [[], /missing required argument 'word'/],
  [['ha', '--tmies', '2'], /Did you mean --times/],
])('refuses %j', (words, said) => {
  expect(() => parsed(...words)).toThrow(CommanderError)
  expect(() => parsed(...words)).toThrow(said)
})
