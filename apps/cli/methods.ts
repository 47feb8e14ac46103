/** The kinds of methods, and the pages of help about them: from their definitions and their pages in docs/methods. */
import { readFile } from 'node:fs/promises'
import {
  attacks,
  type Defined,
  decoderInverters,
  describeField,
  edits,
  errorTable,
  type Field,
  inverters,
  refiners,
  restorations,
  solvers,
  watermarks,
} from 'undiffuse'
import { bundledFile } from 'undiffuse/node'
import { paragraphs, table, wrapped } from './help.js'
import { maskLines } from './masks-page.js'
import { programName } from './program-name.js'
import { someFailedExitCode, voidMaskExitCode } from './terminal.js'

/** Methods of one kind, as `undiffuse help <topic>` lists them. */
interface Kind {
  readonly topic: string
  readonly title: string
  /** What one of them is called. */
  readonly one: string
  readonly methods: readonly Defined<unknown>[]
  /** What the names of their pages begin with. */
  readonly prefix: string
  /** What else may stand in their place. */
  readonly note?: string
}

export const kinds: readonly Kind[] = [
  {
    topic: 'solvers',
    title: 'How pictures are sampled',
    one: 'solver',
    methods: solvers,
    prefix: '',
    note: "What a name does not say has the defaults of its page, in files and in code too. So `ddim` is not `ddim:spacing=lambda`, whose levels can be undone best; `compare` and `bench samplers` alone add that, by `--grid`. Where no solver is named, the model's own is taken; that of the bundled models can be undone. `scheduler` is the solver in the model's scheduler_config.json, on its grid. `scheduler:end=cleanest` leaves out its step to sigma = 0, so that it can be undone. `scheduler:state=bfloat16` rounds each state, as diffusers does in bfloat16.",
  },
  { topic: 'inverters', title: 'How a solver is undone', one: 'inverter', methods: inverters, prefix: '' },
  {
    topic: 'decoders',
    title: 'How a decoder is undone',
    one: 'decoder inversion',
    methods: decoderInverters,
    prefix: 'decoder-',
  },
  { topic: 'refiners', title: 'What makes a found noise more probable', one: 'refiner', methods: refiners, prefix: '' },
  { topic: 'schemes', title: 'How noise is marked', one: 'watermark', methods: watermarks, prefix: '' },
  { topic: 'attacks', title: 'What marks must survive', one: 'attack', methods: attacks, prefix: '' },
  {
    topic: 'restorations',
    title: 'What is undone before a mark is read',
    one: 'restoration',
    methods: restorations,
    prefix: 'undo-',
  },
  { topic: 'edits', title: 'How pictures are edited', one: 'edit', methods: edits, prefix: 'edit-' },
]

/** The topic that lists these methods. */
export const topicOf = (methods: readonly Defined<unknown>[]): string | undefined =>
  kinds.find((kind) => kind.methods === methods)?.topic

/** Methods of this id with their kinds: `crop` is an attack, and it is undone. */
const named = (id: string) =>
  kinds.flatMap((kind) =>
    kind.methods.flatMap(({ definition }) => (definition.id === id ? [{ kind, definition }] : [])),
  )

/** What papers and other programs call methods of these kinds, and what each is here: `implicit:iteration=picard` of `aidi`. */
const elsewhere = (word: string): readonly string[] => [
  ...new Set(
    kinds.flatMap(({ methods }) =>
      methods.flatMap(({ definition: { also = {} } }) => (Object.hasOwn(also, word) ? [also[word]!] : [])),
    ),
  ),
]

const onVerdicts =
  'An edit that is likely to miss is written, with 0: scripts read `verdict` of `--json`. Marks are told by `verdict` too, and by the code with `watermark detect --exit-code`.'

/** What can be asked of `undiffuse help` besides commands. */
export const topics: readonly string[] = [...kinds.map(({ topic }) => topic), 'masks', 'exit-codes']

export const methodIds: readonly string[] = [
  ...new Set(kinds.flatMap(({ methods }) => methods.map(({ definition }) => definition.id))),
]

/** The first sentence of the method's docstring, from its page. */
async function sentenceOf({ prefix }: Kind, id: string): Promise<string> {
  const page = await readFile(bundledFile('docs', 'methods', `${prefix}${id}.md`), 'utf8')
  return page.split('\n\n')[2] ?? ''
}

/** Commas without spaces can break no line: choices are told with spaces. */
const optionRow = ([name, field]: readonly [string, Field]): readonly [string, string] => [
  field.default === undefined ? name : `${name}=${field.default}`,
  `${field.description} (${describeField(field)})`,
]

async function methodLines(id: string, columns: number): Promise<readonly string[]> {
  const pages = named(id).map(async ({ kind, definition: { title, source, fields } }) => {
    const options = Object.entries(fields).map(optionRow)
    return [
      ...wrapped(`${id} (${kind.one}): ${title}`, columns),
      '',
      ...wrapped(await sentenceOf(kind, id), columns),
      ...wrapped(`Source: ${source}`, columns),
      '',
      ...(options.length === 0 ? ['It has no options.'] : [`Options, as in ${id}:name=value,name=value`]),
      ...table(options, columns),
      '',
      `The equation and the cost: docs/methods/${kind.prefix}${id}.md`,
    ]
  })
  return (await Promise.all(pages)).flatMap((lines, i) => (i === 0 ? lines : ['', ...lines]))
}

function kindLines({ title, one, methods, note = '' }: Kind, columns: number): readonly string[] {
  const rows = methods.map(({ definition }) => [definition.id, definition.title] as const)
  const example = methods.find(({ definition }) => Object.keys(definition.fields).length > 0)!.definition.id
  return [
    `${title}:`,
    '',
    ...table(rows, columns),
    '',
    ...wrapped(note, columns),
    ...wrapped(`The options of one ${one}: ${programName()} help ${example}`, columns),
  ]
}

/** What each exit code of the command line means; those of errors are the library's. */
export const exitCodes: readonly (readonly [code: number, meaning: string])[] = [
  [0, 'done'],
  [1, '`watermark detect --exit-code` found no mark'],
  ...Object.entries({
    'bad-option': 'a wrong command line, option or setting',
    'bad-shape': 'a picture or tensor of another size than expected',
    'bad-image': 'a picture file that is missing or cannot be read',
    'bad-model': 'a model folder, weights or tensors that cannot be used',
    unsupported: 'something that undiffuse cannot do',
    'not-finite': 'NaN or infinity where numbers were expected',
    'not-converged': 'an iteration that did not end where it had to',
    unavailable: 'any other file, folder or device that is missing, locked or full',
    'runtime-failed': 'the networks could not be run',
  } satisfies Record<keyof typeof errorTable, string>).map(
    ([code, meaning]) => [errorTable[code as keyof typeof errorTable].exitCode, `${meaning} (\`${code}\`)`] as const,
  ),
  [someFailedExitCode, 'some pictures failed, the others are done'],
  [voidMaskExitCode, 'edited, but its mask became one of everything or of nothing'],
  [70, 'a defect of undiffuse: please report it'],
  [130, 'interrupted (Ctrl-C)'],
  [141, 'the reader of the output has gone'],
]

/** The page about a topic or a method, by its name here or elsewhere; undefined for any other word. */
export async function topicLines(word: string, columns: number): Promise<readonly string[] | undefined> {
  if (word === 'exit-codes') {
    return [
      'How the process ends:',
      '',
      ...table(
        exitCodes.map(([code, meaning]) => [`${code}`, meaning]),
        columns,
      ),
      '',
      ...paragraphs(onVerdicts, columns),
    ]
  }
  if (word === 'masks') return maskLines(columns)
  const kind = kinds.find(({ topic }) => topic === word)
  if (kind) return kindLines(kind, columns)
  if (methodIds.includes(word)) return await methodLines(word, columns)
  const names = elsewhere(word.toLowerCase())
  if (names.length === 0) return undefined
  const here = names.map((name) => `\`${name}\``).join(' or ')
  const pages = await Promise.all(names.map((name) => methodLines(name.split(':')[0]!, columns)))
  return [...wrapped(`\`${word}\` is called ${here} here.`, columns), ...pages.flatMap((page) => ['', ...page])]
}
