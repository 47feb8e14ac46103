/** Every key that commands print as JSON stands on the page about it. */
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Task } from '../../src/core/task.js'
import { map, zeros } from '../../src/math/tensor.js'
import { encodePng } from '../../src/node/write-image.js'
import { invertOperation, readSettings } from '../../src/operations/index.js'
import { memoryHost } from '../hosts/memory.js'
import { analyticModel } from '../laws/analytic-model.js'
import { undiffuse } from './command-line.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const page = await readFile(join(root, 'docs', 'json.md'), 'utf8')

/** What stands in the first column of the page's tables. */
const told = [...page.matchAll(/^\| (`[^|]*) \|/gm)].flatMap(([, cell]) =>
  [...cell!.matchAll(/`([^`]+)`/g)].map(([, key]) => key!),
)

/** `….exact` ends any path, `rows[].….exact` stands for one name between; a list is told with or without its entries. */
const patterns = told.map((key) => {
  const parts = key.replace(/\[\]$/, '').replace(/[.[\]]/g, '\\$&')
  return new RegExp(`^${parts.replace('…\\.', key.startsWith('…') ? '(?:.*\\.)?' : '[^.]+\\.')}(?:\\[\\])?$`)
})
const isTold = (path: string): boolean => patterns.some((pattern) => pattern.test(path))

/** The paths of all keys in a value. A key whose own keys are told needs no row of its own. */
function pathsIn(value: unknown, path = ''): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((one) => pathsIn(one, `${path}[]`))
  if (typeof value !== 'object' || value === null) return path === '' ? [] : [path.replace(/\[\]$/, '')]
  return Object.entries(value).flatMap(([key, one]) => pathsIn(one, path === '' ? key : `${path}.${key}`))
}

/** One folder for all command lines: what some of them make is there for others. */
let folder: string
const small = ['--decoder', 'encoder-only', '--json']

/** What a command line prints, whose paths begin with `./` in the folder. */
async function printedBy(words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await undiffuse(words.map((word) => word.replace('./', `${folder}/`)))
  // A picture that is not there has a line of its own, and 11 for all.
  expect([0, 11], `${words.join(' ')}: ${stderr}`).toContain(code)
  return stdout
}

/** The keys that a command line prints. */
async function keysOf(words: readonly string[]): Promise<readonly string[]> {
  const keys = [...new Set(pathsIn(JSON.parse(await printedBy(words))))]
  expect(keys.length).toBeGreaterThan(5)
  return keys
}

const keygen = (scheme: string, name: string) => ['watermark', 'keygen', '--scheme', scheme, '-o', `./${name}`]
const [two, prompted] = [
  ['--solver', 'ddim', '--steps', '2'],
  ['--prompt', 'a large red ball', '--guidance', '3'],
]
/** What is printed has the same keys, whether the steps are solved or not. */
const brief = ['--inverter', 'implicit:iterations=3']
const marked = ['generate', 'a red ball', ...two, '--watermark', './a.json', '--message', 'c0ffee00', '-o', './m.png']

const reading = ['watermark', 'detect', './ball.png', '--key']
const calibrating = ['watermark', 'calibrate', './ball.png', '--key', './b.json', ...two, '--decoder', 'encoder-only']

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'undiffuse-json-page-'))
  await copyFile(join(root, 'examples', 'ball.png'), join(folder, 'ball.png'))
  await writeFile(
    join(folder, 'mask.png'),
    await encodePng(map(zeros([1, 128, 128]), (_, i) => (i % 128 < 64 ? 1 : -1))),
  )
  for (const words of [
    keygen('gaussian-shading', 'a.json'),
    keygen('tree-ring', 'b.json'),
    [...keygen('ring-id', 'f.json'), '--members', '1000'],
    marked,
    [...calibrating, '-o', './c.safetensors'],
  ]) {
    await printedBy(words)
  }
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const printed: readonly { readonly name: string; readonly words: readonly string[] }[] = [
  {
    name: 'invert',
    words: ['invert', './ball.png', ...two, ...small, ...prompted, ...brief, '--report', './out', '-o', './n.npy'],
  },
  {
    name: 'invert, with restarts',
    words: [
      'invert',
      './ball.png',
      ...two,
      ...small,
      '--inverter',
      'implicit:restarts=1,iterations=3',
      '-o',
      './n.npy',
    ],
  },
  {
    name: 'invert --to latent',
    words: ['invert', './ball.png', '--to', 'latent', '--decoder', 'accelerated', '--json', '-o', './z.npy'],
  },
  {
    name: 'compare',
    words: [
      'compare',
      'a red ball',
      '--steps',
      '2',
      '--solvers',
      'ddim',
      '--inverters',
      'implicit:iterations=3',
      ...small,
      '--report',
      './out',
      '-o',
      './n',
    ],
  },
  {
    name: 'compare, of a picture',
    words: ['compare', './ball.png', '--steps', '2', '--solvers', 'scheduler', '--inverters', 'naive', ...small],
  },
  {
    name: 'edit',
    words: [
      ...['edit', './ball.png', '--from', 'a large red ball', '--to', 'a large green ball', ...two, ...small],
      ...['--method', 'naive', '--mask', './mask.png', '--save-mask', './m2.png', '--report', './out', '-o', './e.png'],
    ],
  },
  {
    name: 'watermark detect, of several',
    words: [
      ...reading,
      './a.json',
      './m.png',
      './none.png',
      '--message',
      'c0ffee00',
      ...two,
      ...small,
      '--sheet',
      './s.png',
    ],
  },
  {
    name: 'watermark detect --reference',
    words: [...reading, './b.json', '--reference', '--try-steps', '2', '3', '--undo', 'flip', ...small],
  },
  {
    name: 'watermark identify, of a family',
    words: [
      ...['watermark', 'identify', './ball.png', './none.png', '--key', './f.json'],
      ...['--try-steps', '2', '3', '--undo', 'flip', ...small],
    ],
  },
  {
    name: 'watermark identify, of a message',
    words: ['watermark', 'identify', './m.png', '--key', './a.json', ...two, ...small],
  },
  {
    name: 'watermark detect --calibration',
    words: [...reading, './b.json', '--calibration', './c.safetensors', '--json'],
  },
]

describe('every key is on the page that is printed by', () => {
  it.each(printed)('$name', async ({ words }) => {
    expect((await keysOf(words)).filter((key) => !isTold(key))).toEqual([])
  })

  it('invert with a refiner and a floor, in a world in closed form', async () => {
    const { model } = analyticModel()
    const host = memoryHost(model)
    await host.paint('a.png', zeros([1, 4, 4]))
    const given = { sources: 'a.png', solver: 'ddim', steps: 2, floor: 'whole', refine: 'most-probable:rounds=1' }
    const { fields, run, id } = invertOperation
    const { result } = await new Task(run(readSettings(fields, given, id), host))
    const keys = pathsIn(JSON.parse(JSON.stringify(result)))
    expect(keys).toContain('sources[].floor.nmseDb')
    expect(keys).toContain('sources[].refinement.rounds')
    expect(keys.filter((key) => !isTold(key))).toEqual([])
  })
})

it('tells what identify prints and detect does not', () => {
  const section = page.slice(page.indexOf('## `watermark identify`'))
  for (const key of [
    'familyWiseErrorRate',
    'key.id',
    'results[].by',
    'results[].runnerUpScore',
    'results[].inversionSeconds',
  ])
    expect(section).toContain(`\`${key}\``)
})

it('knows keys that are on no page', () => {
  expect(['results[].findings[].invented', 'invented', 'rows[].fromLatent.invented'].filter(isTold)).toEqual([])
  expect(told.length).toBeGreaterThan(120)
})
