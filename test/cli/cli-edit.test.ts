/**
 * The command line of edits, on a tiny model with random weights: files, reports, the lock on the background, and everything
 * that can be wrong. Every failure leaves nothing.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { map, zeros } from '../../src/math/tensor.js'
import { nodeHost } from '../../src/node/host.js'
import { makePipeline } from '../../src/node/make-checkpoint.js'
import { encodePng } from '../../src/node/write-image.js'
import { checkedBackground } from '../../src/operations/editing/masks.js'
import { type Ended, type StartOptions, undiffuse } from './command-line.js'

let folder: string
const input = (name: string) => join(folder, name)
const side = 16
const prompts = ['--from', 'a red ball', '--to', 'a red star']
/** Few steps and little guidance: random weights are stiff. */
const quick = () => ['--model', input('tiny'), '--steps', '4', '--guidance', '1.5', '--decoder', 'encoder-only']

async function succeeded(words: readonly string[], options: StartOptions = {}): Promise<Ended> {
  const ended = await undiffuse(words, options)
  expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 0, stderr: '' })
  return ended
}

function expectFailure({ code, stdout, stderr, left }: Ended, wantedCode: number, said: RegExp) {
  expect(stderr).toMatch(/^undiffuse: [^\n]+\n$/)
  expect(stderr).toMatch(said)
  expect({ code, stdout, left }).toEqual({ code: wantedCode, stdout: '', left: [] })
}

const pixels = (path: string): Promise<Buffer> => sharp(path).removeAlpha().raw().toBuffer()

/** Grey by place, so that pictures of equal size differ. */
const png = (width: number, height: number, grey: (x: number, y: number) => number) =>
  sharp(Buffer.from(Array.from({ length: width * height }, (_, i) => grey(i % width, Math.floor(i / width)))), {
    raw: { width, height, channels: 1 },
  })
    .png()
    .toBuffer()

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'undiffuse-edit-'))
  await makePipeline(input('tiny'), 'tiny')
  await writeFile(input('picture.png'), await png(side, side, (x, y) => 8 * x + 7 * y))
  await writeFile(input('odd.png'), await png(side - 3, side - 1, (x, y) => 8 * x + 7 * y))
  await writeFile(input('mask.png'), await png(side, side, (x) => (x < 5 ? 255 : 0)))
  await writeFile(input('odd-mask.png'), await png(side - 3, side - 1, (x) => (x < 5 ? 255 : 0)))
  const painted = Buffer.from(
    Array.from({ length: side ** 2 }, (_, i) => [255, 255, 255, i % side < 5 ? 255 : 0]).flat(),
  )
  await sharp(painted, { raw: { width: side, height: side, channels: 4 } }).toFile(input('painted.png'))
  await writeFile(input('white.png'), await png(side, side, () => 255))
  await writeFile(input('black.png'), await png(side, side, () => 0))
}, 60_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('undiffuse edit', () => {
  it('writes the edit, a sheet, the mask and a report', async () => {
    const words = [
      'edit',
      input('picture.png'),
      ...prompts,
      ...quick(),
      // Grown, the mask of random weights covers everything.
      '--method',
      'exact-blending:dilation=0,mask=difference',
      '-o',
      'e.png',
      '--save-mask',
      'm.png',
      '--report',
      '.',
      '--json',
    ]
    let written = ''
    const { stdout, left } = await succeeded(words, {
      after: async (work) => {
        for (const name of ['e.png', 'm.png']) expect((await sharp(join(work, name)).metadata()).width).toBe(side)
        written = await readFile(join(work, 'e.report.json'), 'utf8')
      },
    })
    expect(left.toSorted()).toEqual(['work/e.png', 'work/e.report.json', 'work/e.sheet.png', 'work/m.png'])
    const report = JSON.parse(stdout)
    expect(JSON.parse(written)).toEqual(report)
    expect(report).toMatchObject({
      from: 'a red ball',
      to: 'a red star',
      method: 'exact-blending:dilation=0,mask=difference',
      steps: 4,
      lock: { boundLevels: 0, largestLevels: 0 },
    })
    expect(report.mask.given).toBeNull()
    // Guidance asks twice: the target's steps, and at least as many to find them; attention for both prompts.
    expect(report.evaluations.denoises).toBeGreaterThan(2 * 2 * 4 + 2)
  })

  it.each(['exact-blending:dilation=0', 'bdia-round-trip:dilation=0'])(
    "keeps the picture's own pixels outside a mask when the background is locked: %s",
    async (method) => {
      const given = ['--method', method, '--mask', input('mask.png'), '--lock-background', '--feather', '2']
      const words = ['edit', input('picture.png'), ...prompts, ...quick(), ...given, '-o', 'e.png', '--json']
      const { stdout } = await succeeded(words, {
        after: async (work) => {
          const [ours, theirs] = [await pixels(join(work, 'e.png')), await pixels(input('picture.png'))]
          const at = (picture: Buffer, x: number, y: number) => picture[3 * (y * side + x)]
          for (let y = 0; y < side; y++) {
            for (let x = 5; x < side; x++) expect(at(ours, x, y), `${x}, ${y}`).toBe(at(await grey(theirs), x, y))
          }
          expect(ours.equals(await grey(theirs))).toBe(false)
        },
      })
      const { lock, background, mask } = JSON.parse(stdout)
      expect(mask.shareOfPixels).toBe(5 / side)
      expect(lock).toMatchObject({ boundLevels: 0, featherPixels: 2, largestLevels: 0 })
      // Random decoders keep nothing: the lock has something to do.
      expect(lock.largestLevelsBefore).toBeGreaterThan(0)
      expect(background).toMatchObject({ nmse: 0, psnrDb: null, largestLevels: 0 })
    },
  )

  it('allows as many levels as it is told', async () => {
    const given = ['--method', 'naive:dilation=0', '--mask', input('mask.png'), '--lock-background']
    const words = ['edit', input('picture.png'), ...prompts, ...quick(), ...given, '--background-bound', '3', '--json']
    const { stdout } = await succeeded(words)
    expect(JSON.parse(stdout).lock).toMatchObject({ boundLevels: 3, largestLevels: 3 })
  })

  it('pads pictures that do not fit, mask and all, cuts what it added, and says in words what it did', async () => {
    const given = ['--method', 'naive:dilation=0', '--mask', input('odd-mask.png'), '--lock-background']
    const words = ['edit', input('odd.png'), ...prompts, ...quick(), ...given, '-o', 'e.png']
    const { stdout } = await succeeded(words, {
      after: async (work) => {
        expect(await sharp(join(work, 'e.png')).metadata()).toMatchObject({ width: side - 3, height: side - 1 })
      },
    })
    expect(stdout).toMatch(
      /“a red ball” → “a red star”[\s\S]*checked in the file[\s\S]*odd-mask\.png[\s\S]*wrote +e\.png/,
    )
  })
})

describe('what is odd about a mask is said, in words and in the report', () => {
  const edited = async (code: number, ...more: readonly string[]) => {
    const words = ['edit', input('picture.png'), ...prompts, ...quick(), '-o', 'e.png', '--report', '.', ...more]
    let report = ''
    const { stdout, notes, ...ended } = await undiffuse(words, {
      after: async (work) => {
        report = await readFile(join(work, 'e.report.json'), 'utf8')
      },
    })
    expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code, stderr: '' })
    return { stdout, notes, report: JSON.parse(report) }
  }
  /** More words than a text encoder hears: what follows changes nothing. */
  const unheard = 'red '.repeat(80)
  const masks: [name: string, words: () => readonly string[], share: number, note: RegExp][] = [
    [
      'what is transparent is outside',
      () => ['--method', 'naive:dilation=0', '--mask', input('painted.png'), '--lock-background'],
      5 / side,
      /transparent parts on black/,
    ],
    [
      'one that grows over the whole picture leaves nothing to lock',
      () => ['--method', 'naive:dilation=64', '--mask', input('mask.png')],
      1,
      /nothing of the source is kept.*dilation/,
    ],
    [
      'one that is found to be empty',
      () => ['--method', 'exact-blending:mask=difference', '--from', `${unheard} ball`, '--to', `${unheard} star`],
      0,
      /Nothing to change was found: what is written shows the source\./,
    ],
  ]
  it.each(masks)('%s', async (_, words, share, note) => {
    const code = share === 0 || share === 1 ? 12 : 0
    const { stdout, notes, report } = await edited(code, ...words())
    const { mask, lock } = report
    expect(mask.shareOfPixels).toBe(share)
    expect(mask.notes.join(' ')).toMatch(note)
    // Random weights know no picture: another mask is not advised.
    expect(report.known).toBe('hardly')
    expect(stdout).not.toContain('`undiffuse help masks`')
    // Nothing is called locked where nothing is outside.
    if (share === 1) expect(lock).toBeNull()
    expect(notes).toMatch(new RegExp(`^note: .*${note.source}`, 'm'))
    expect(stdout).not.toMatch(note)
  })
})

/** One channel as three. */
async function grey(picture: Buffer): Promise<Buffer> {
  return picture.length === 3 * side * side
    ? picture
    : Buffer.from([...picture].flatMap((value) => [value, value, value]))
}

it('refuses to write a file whose background is not the source', async () => {
  const source = map(zeros([3, side, side]), () => 0.2)
  const mask = map(zeros([1, side, side]), (_, i) => (i % side < 5 ? 1 : 0))
  const changed = (at: number) => map(source, (value, i) => (i === at ? value + 3 / 127.5 : value))
  const check = (png: Uint8Array, boundLevels: number) =>
    checkedBackground(png, { source, mask, boundLevels }, nodeHost().pictures)
  const inside = await check(await encodePng(changed(2)), 0)
  expect(inside).toMatchObject({ largestLevels: 0 })
  const outside = await encodePng(changed(7))
  await expect(check(outside, 2)).rejects.toMatchObject({ code: 'runtime-failed' })
  await expect(check(outside, 3)).resolves.toMatchObject({ largestLevels: 3 })
})

describe.concurrent('bad command lines', () => {
  const edit = (...more: readonly string[]) => [
    'edit',
    input('picture.png'),
    ...prompts,
    '--model',
    input('tiny'),
    ...more,
  ]
  it.each([
    [() => ['edit', input('picture.png'), '--from', 'a'], 2, /--to/],
    [() => ['edit', input('nowhere.png'), ...prompts], 4, /no such file/],
    [() => edit('--method', 'exact'), 2, /exact-blending/],
    [() => edit('--mask', input('odd.png')), 3, /16×16.*13×15/],
    [() => edit('--mask', input('black.png')), 2, /white/],
    [() => edit('--mask', input('white.png'), '--lock-background'), 2, /a black part.*--lock-background/],
    [() => edit('--to', 'A red ball.'), 2, /another word than in `--from`/],
    [() => edit('--steps', '3', '--method', 'bdia-round-trip:strength=0.3'), 2, /at least 2 steps.*strength/],
    [() => edit('--mask', input('mask.png'), '--method', 'naive:blendFrom=0.6,blendUntil=0.4'), 2, /blendFrom/],
    [() => edit('--save-mask', input('e.png'), '-o', input('e.png')), 2, /`--save-mask`.*`--output` too/],
    [() => edit('--no-lock-background', '--background-bound', '1'), 2, /--lock-background/],
    [() => edit('--lock-background', '--method', 'naive'), 2, /a mask.*exact-blending/],
    [() => edit('-o', 'a.jpg'), 2, /ends in \.png/],
  ] as const)('%#', async (words, code, said) => {
    expectFailure(await undiffuse(words()), code, said)
  })
})

it('help shows an example and where the methods are listed', async () => {
  const { stdout } = await succeeded(['edit', '--help'])
  expect(stdout).toMatch(/undiffuse help edits[\s\S]*--lock-background[\s\S]*Examples/)
})
