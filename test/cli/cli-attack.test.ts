/** `undiffuse attack` as people and scripts use it: files, reports, and what can be wrong. Every failure leaves nothing. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { attacks } from '../../src/index.js'
import { makePipeline } from '../../src/node/make-checkpoint.js'
import { type Ended, undiffuse } from './command-line.js'

let folder: string
const input = (name: string) => join(folder, name)

/** A picture that compresses neither to nothing nor without loss. */
const picture = (width: number, height: number) =>
  sharp(
    Uint8Array.from({ length: 3 * width * height }, (_, i) => 128 + 90 * Math.sin(i * 0.07) + 30 * Math.cos(i * 1.3)),
    { raw: { width, height, channels: 3 } },
  ).png()
const bytes = (path: string) => sharp(path).raw().toBuffer()

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'undiffuse-attack-'))
  await picture(32, 32).toFile(input('square.png'))
  await picture(32, 32).toFile(input('sheet.png'))
  await picture(25, 21).toFile(input('odd.png'))
  await mkdir(input('pictures'))
  await mkdir(input('other'))
  for (const [name, width] of [
    ['a', 24],
    ['b', 40],
  ] as const)
    await picture(width, 20).toFile(input(`pictures/${name}.png`))
  await picture(24, 20).toFile(input('other/a.png'))
  await writeFile(input('text.png'), 'this is no picture')
  await makePipeline(input('tiny'), 'tiny')
}, 60_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

interface Report {
  readonly model: string | null
  readonly results: readonly {
    readonly attack: string
    readonly seed: number
    readonly psnrDb: number | null
    readonly output: string
  }[]
  readonly outputs: { readonly pictures: readonly string[]; readonly sheet?: string }
}

function reportOf({ code, stdout, stderr }: Ended): Report {
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout)
}

describe.concurrent('right input', () => {
  it('writes one picture where it is told, as the library of pictures would', async () => {
    const words = ['attack', input('square.png'), '--with', 'jpeg:quality=30', '-o', 'worn.png', '--json']
    const ended = await undiffuse(words, {
      after: async (work) => {
        const jpeg = await sharp(input('square.png')).jpeg({ quality: 30 }).toBuffer()
        expect(await bytes(join(work, 'worn.png'))).toEqual(await sharp(jpeg).raw().toBuffer())
      },
    })
    const { model, results, outputs } = reportOf(ended)
    expect(ended.left).toEqual(['work/worn.png'])
    expect({ model, outputs }).toEqual({ model: null, outputs: { pictures: ['worn.png'] } })
    expect(results[0]!.psnrDb).toBeGreaterThan(10)
  })

  it('says how far the picture is, and nothing where it is the same', async () => {
    const { stdout, code } = await undiffuse(['attack', input('square.png'), '--with', 'none'])
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('no error') })
    expect(stdout).toContain('square.attacked.png')
    const ended = await undiffuse(['attack', input('square.png'), '--with', 'none', '--json'])
    expect(reportOf(ended).results[0]!.psnrDb).toBeNull()
  })

  it('gives each picture of a folder a seed, and makes a sheet where it is asked for', async () => {
    const words = [
      'attack',
      input('pictures'),
      '--with',
      'noise+crop',
      '--seed',
      '5',
      '-o',
      'out',
      '--sheet',
      's/sheet.png',
      '--json',
    ]
    const ended = await undiffuse(words, {
      after: async (work) => expect((await sharp(join(work, 's/sheet.png')).metadata()).format).toBe('png'),
    })
    const { results } = reportOf(ended)
    expect(results.map(({ seed, output }) => [seed, output])).toEqual([
      [5, join('out', 'a.png')],
      [6, join('out', 'b.png')],
    ])
    expect(ended.left.toSorted()).toEqual(['work/out/a.png', 'work/out/b.png', 'work/s/sheet.png'])
  })

  it('does all attacks, those by the model too', async () => {
    const words = ['attack', input('square.png'), '--with', 'all', 'regenerate:steps=2+jpeg', '--json']
    const { model, results } = reportOf(await undiffuse([...words, '--model', input('tiny')]))
    const ids = attacks.map(({ definition }) => definition.id).filter((id) => id !== 'none')
    expect(results.map(({ attack }) => attack)).toEqual([...ids, 'regenerate:steps=2+jpeg'])
    expect(new Set(results.map(({ output }) => output)).size).toBe(results.length)
    expect(model).toContain('tiny')
  })
})

describe.concurrent('wrong input', () => {
  it.each([
    ['an unknown attack', ['square.png'], ['--with', 'jpge'], 2, /Did you mean `jpeg`\?/],
    ['no attack', ['square.png'], [], 2, /--with/],
    ['a bad option', ['square.png'], ['--with', 'crop:share=2'], 2, /a finite number .*to 1 for `crop:share`, got 2/],
    ['a file that is no picture', ['square.png', 'text.png'], ['--with', 'jpeg'], 4, /text\.png/],
    [
      'another ending',
      ['square.png'],
      ['--with', 'jpeg', '-o', 'worn.jpg'],
      2,
      /ends in \.png, or a folder, for `--output`/,
    ],
    [
      'a sheet over a result',
      ['square.png'],
      ['--with', 'jpeg', '-o', 'a.png', '--sheet', 'a.png'],
      2,
      /`--output` too/,
    ],
    ['names that meet', ['pictures', 'other'], ['--with', 'jpeg'], 2, /results of different names/],
  ] as const)('%s', async (_, pictures, words, wantedCode, said) => {
    const { code, stdout, stderr, left } = await undiffuse(['attack', ...pictures.map(input), ...words])
    expect(stderr).toMatch(/^undiffuse: [^\n]+\n$/)
    expect(stderr).toMatch(said)
    expect({ code, stdout, left }).toEqual({ code: wantedCode, stdout: '', left: [] })
  })

  it('results over their own pictures', async () => {
    const before = await bytes(input('pictures/a.png'))
    const { code, stderr } = await undiffuse(['attack', input('pictures'), '--with', 'noise', '-o', input('pictures')])
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(/`--output`, got .*`a picture` too/) })
    expect(await bytes(input('pictures/a.png'))).toEqual(before)
  })

  it('a size that the model cannot take', async () => {
    const words = ['attack', input('odd.png'), '--with', 'vae', '--model', input('tiny'), '--json']
    const { code, stdout, left } = await undiffuse(words)
    expect({ code, left }).toEqual({ code: 3, left: [] })
    expect(JSON.parse(stdout).error.code).toBe('bad-shape')
  })
})
