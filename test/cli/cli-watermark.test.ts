/**
 * Watermarks on the command line: keys that tell nobody their secret, marks that are found by their own key alone, and runs
 * over many pictures that broken ones do not end and a kill does not lose. With the bundled model, a few steps each. What
 * needs no process of its own runs in this one.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { command as generateCommand } from '../../apps/cli/commands/generate.js'
import { command as calibrateCommand } from '../../apps/cli/commands/watermark-calibrate.js'
import { command as detectCommand } from '../../apps/cli/commands/watermark-detect.js'
import { command as identifyCommand } from '../../apps/cli/commands/watermark-identify.js'
import { command as keygenCommand } from '../../apps/cli/commands/watermark-keygen.js'
import { type AnyOperationCommand, operate } from '../../apps/cli/operation-command.js'
import type { Terminal } from '../../apps/cli/terminal.js'
import { encodeSafetensors, readSafetensorsHeader } from '../../src/checkpoints/safetensors.js'
import { readTensors, safetensor } from '../../src/checkpoints/tensors.js'
import { torchNoise } from '../../src/math/noise.js'
import type { Tensor } from '../../src/math/tensor.js'
import { nodeFiles } from '../../src/node/files.js'
import { nodeHost } from '../../src/node/host.js'
import type { Told } from '../../src/operations/operation.js'
import { newKey, readKey } from '../../src/watermark/key.js'
import { zeroMessage } from '../../src/watermark/watermark.js'
import { keptModels } from '../hosts/kept-models.js'
import { type Ended, type StartOptions, undiffuse } from './command-line.js'

const model = 'undiffuse-scenes'
const latentShape = [4, 16, 16]
const solver = { solver: 'ddim:spacing=lambda', steps: 6 }
const prompt = 'a large red ball on the left, on blue stripes'
const message = 'c5'
/** Six naive steps without a prompt recover half of the noise: p-values of marks are then below 1e-9. */
const fpr = 1e-4

/** Nobody's: keys of tests come from numbers. */
const secretOf = (number: number) => Uint8Array.from({ length: 32 }, (_, i) => (number + 7 * i) % 256)
const hexOf = (secret: Uint8Array) => Buffer.from(secret).toString('hex')
const shading = { scheme: 'gaussian-shading:bits=8', latentShape, model }
const keys = {
  shading,
  other: shading,
  family: { scheme: 'tree-ring:pattern=rand', latentShape, model, members: 500 },
  zeros: { scheme: 'tree-ring:pattern=zeros', latentShape, model },
  small: { ...shading, latentShape: [4, 8, 8] },
  foreign: { ...shading, model: 'another-model' },
}
const names = Object.keys(keys) as readonly (keyof typeof keys)[]
const member = 321

let folder: string
const input = (name: string) => join(folder, name)
const key = (name: keyof typeof keys) => input(`${name}.json`)
const readTestKey = async (name: keyof typeof keys) => readKey(await readFile(key(name), 'utf8'), name)

/** Everything that any command said. */
const said: string[] = []

const models = keptModels(nodeHost().models)

/** What a command line gives. */
type Given = Readonly<Record<string, unknown>>

/** Runs a command in this process, on models that stay open: its result, and its words. `heard` may abort it at a stage of the work. */
async function call(
  command: AnyOperationCommand,
  given: Given,
  heard: (told: Told, controller: AbortController) => void = () => {},
) {
  const controller = new AbortController()
  const lines: string[] = []
  // biome-ignore lint/suspicious/noExplicitAny: results are JSON, of a shape for each command.
  let result: any
  const io: Terminal = {
    json: true,
    signal: controller.signal,
    say: (line = '') => lines.push(line),
    note: (line) => lines.push(line),
    leaveStdout() {},
    result: (value) => {
      result = JSON.parse(JSON.stringify(value))
    },
    progress: (told) => heard(told, controller),

    clear() {},
    keeps() {},
  }
  try {
    await operate(io, command, given, { ...nodeHost(), models })
    return { result, words: lines.join('\n') }
  } catch (error) {
    said.push(String(error))
    throw error
  } finally {
    said.push(lines.join('\n'), JSON.stringify(result) ?? '')
  }
}

const usual = solver
const undo = ['border'] as const
const inverting = { ...usual, decoder: 'encoder-only' } as const
const detect = (source: string, more: Given) =>
  call(detectCommand, { sources: [input(source)], ...inverting, fpr, undo, key: [key('shading')], ...more })
const generate = (output: string, more: Given) =>
  call(generateCommand, { ...usual, prompt, output: input(output), ...more })

const refusal = (code: string, wanted: RegExp) => ({ code, message: expect.stringMatching(wanted) })

/** Runs a command as people do. */
async function run(words: readonly string[], options: StartOptions = {}): Promise<Ended> {
  const ended = await undiffuse(words, options)
  said.push(ended.stdout, ended.stderr)
  return ended
}

async function succeeded(words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(words)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout
}

async function writeNoise(name: string, noises: readonly Tensor[]): Promise<void> {
  const data = Float64Array.from(noises.flatMap((noise) => [...noise.data]))
  const noise = safetensor({ shape: [noises.length, ...latentShape], data })
  await writeFile(input(name), Buffer.concat(encodeSafetensors({ noise }, { model })))
}

/** The results of `--output`, without the header and the time that each took. */
async function resultsIn(path: string) {
  const [, ...lines] = (await readFile(path, 'utf8')).trimEnd().split('\n')
  return lines.map((line) => {
    const { seconds: _, picture, ...others } = JSON.parse(line)
    return { picture: picture.split('/').at(-1), ...others }
  })
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'undiffuse-watermarks-'))
  await mkdir(input('many'))
  for (const [i, name] of names.entries()) await writeFile(key(name), newKey(keys[name], secretOf(i)))
  await generate('many/marked.png', { count: 4, watermark: key('shading'), message })
  await generate('many/plain.png', { count: 4, seed: 50 })
  await generate('member.png', { watermark: key('family'), member, saveNoise: input('noise.safetensors') })
  // The contact sheets of both stay there: nothing reads them.
  const whole = await readFile(input('many/plain-50.png'))
  await writeFile(input('many/another.png'), whole)
  await writeFile(input('many/marked-2-cut.png'), whole.subarray(0, whole.length / 2))
  await writeFile(input('many/text.png'), 'this is no picture')
  await sharp(whole).resize(64).png().toFile(input('many/small.png'))
  const tampered = (await readFile(key('family'), 'utf8')).replace('"members": 500', '"members": 600')
  await writeFile(input('tampered.json'), tampered)
  await writeFile(input('prompts.txt'), `${prompt}\n\na small green star on the right\n`)
}, 120_000)
afterAll(async () => {
  await models.closeAll()
  await rm(folder, { recursive: true, force: true })
})

describe('undiffuse watermark keygen', () => {
  it('writes a key for its owner alone, and prints all but the secret', async () => {
    const path = input('fresh.json')
    const words = ['watermark', 'keygen', '--scheme', 'gaussian-shading:bits=8', '--size', '128x64', '-o', path]
    const stdout = await succeeded([...words, '--json'])
    const text = await readFile(path, 'utf8')
    const { secret, id } = JSON.parse(text)
    expect(JSON.parse(stdout)).toMatchObject({ id, model, latentShape: [4, 8, 16], members: 1, messageBits: 8 })
    expect(readKey(text, 'fresh.json').messageBits).toBe(8)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    for (const words of said) expect(words).not.toContain(secret)
  })

  const keygen = (more: Given) => call(keygenCommand, { output: input('new.json'), ...more })

  it('takes no place of a key that is there, unless it is told to', async () => {
    const before = await readFile(key('other'), 'utf8')
    await expect(keygen({ output: key('other') })).rejects.toMatchObject(refusal('bad-option', /a new file.*--force/))
    expect(await readFile(key('other'), 'utf8')).toBe(before)
    await writeFile(input('old.json'), before)
    const { words } = await keygen({ output: input('old.json'), force: true })
    const { secret } = JSON.parse(await readFile(input('old.json'), 'utf8'))
    expect(before).not.toContain(secret)
    expect(words).not.toContain(secret)
  })

  it.each([
    [{ scheme: 'tree-rings' }, 'bad-option', /Did you mean `tree-ring`/],
    [{ scheme: 'gaussian-shading', members: 2 }, 'bad-option', /Expected one member .*in a message.*`ring-id`/],
    [{ scheme: 'tree-ring:mask=released', members: 2 }, 'bad-option', /Expected one member .*got 2.*`ring-id`/],
    [{ members: 1_000_001 }, 'bad-option', /1 to 1000000 members/],
    [{ size: { height: 12, width: 12 } }, 'bad-shape', /multiples of/],
    [{ model: 'nowhere' }, 'bad-model', /nowhere/],
    [{ output: 'package.json/key.json' }, 'unavailable', /not a folder/],
  ] as const)('refuses %j and leaves no file', async (more, code, wanted) => {
    const before = await readdir(folder)
    await expect(keygen(more)).rejects.toMatchObject(refusal(code, wanted))
    expect(await readdir(folder)).toEqual(before)
  })
})

describe('undiffuse generate --watermark', () => {
  it('marks the noise of the seed, and says of which key and member', async () => {
    const { id, mark } = await readTestKey('family')
    const found = (await readTensors(nodeFiles, input('noise.safetensors'))).get('noise')!
    const wanted = mark(member).imprint(torchNoise(0, latentShape))
    expect(found.data).toEqual(Float64Array.from(Float32Array.from(wanted.data)))
    const { metadata } = await readSafetensorsHeader(nodeFiles, input('noise.safetensors'))
    expect(metadata).toMatchObject({ watermarkKey: id, watermarkMember: `${member}` })
  })

  it.each([
    [{}, true],
    [{ recipe: false }, false],
  ])('says that pictures tell prompt and seed: with %j %s', async (more, isTold) => {
    const given = { ...usual, steps: 2, prompt, output: input('told.png'), watermark: key('family'), ...more }
    const { words } = await call(generateCommand, given)
    expect(/tell prompt and seed.*`--no-recipe` leaves/.test(words)).toBe(isTold)
  })

  it.each([
    [{ watermark: 'foreign.json' }, 'bad-option', /a key of `undiffuse-scenes`.*one of `another-model`/],
    [{ watermark: 'small.json' }, 'bad-shape', /pictures of 64×64 pixels.*got 128×128 pixels/],
    [{ watermark: 'family.json', member: 500 }, 'bad-option', /a member from 0 to 499/],
    [{ watermark: 'family.json', message: 'ff' }, 'bad-option', /no message/],
    [{ watermark: 'shading.json', message: '12345' }, 'bad-option', /of 8 bits, 2 hexadecimal digits/],
    [{ message: 'ff' }, 'bad-option', /a key for `--watermark`/],
    [{ watermark: 'none.json' }, 'unavailable', /no such file/],
    [{ watermark: 'many/plain-50.png' }, 'bad-option', /a watermark key/],
    [{ watermark: 'tampered.json' }, 'bad-option', /changed: its id/],
  ] as const)('refuses %j', async (more, code, wanted) => {
    const watermark = 'watermark' in more ? { watermark: input(more.watermark) } : {}
    await expect(generate('x.png', { ...more, ...watermark })).rejects.toMatchObject(refusal(code, wanted))
  })
})

describe('undiffuse watermark detect', () => {
  it('finds marks in a folder with broken pictures, and nobody else’s; a killed run loses nothing', async () => {
    const sampling = ['--solver', solver.solver, '--steps', `${solver.steps}`, '--decoder', 'encoder-only']
    const asked = ['--key', key('shading'), '--fpr', `${fpr}`, '--message', message, '--chunk', '3']
    const words = ['watermark', 'detect', input('many'), ...sampling, ...asked, '-o']
    const sheet = input('whole.png')
    const request = { message, chunk: 3 }
    const { result: summary, words: report } = await detect('many', { ...request, output: input('whole.jsonl'), sheet })
    expect(summary).toMatchObject({ pictures: 12, marked: 4, unmarked: 5, undecided: 0, failed: 3, sheetRows: 9 })
    expect(summary).toMatchObject({ outputs: { results: input('whole.jsonl'), sheet } })
    expect(summary.results).toBeUndefined()
    for (const name of ['cut', 'text', 'small'])
      expect(report).toMatch(RegExp(`^ {2}failed +.*${name}\\.png: Expected`, 'm'))
    const { width, height } = await sharp(sheet).metadata()
    // Four cells of 256 pixels beside each other, and nine below.
    expect(width).toBeGreaterThan(4 * 256)
    expect(height).toBeGreaterThan(9 * 256)
    const results = await resultsIn(input('whole.jsonl'))
    for (const { picture, verdict, error, findings } of results) {
      if (/cut|text|small/.test(picture)) {
        expect(error.code).toBe(picture === 'small.png' ? 'bad-shape' : 'bad-image')
        continue
      }
      expect({ picture, verdict }).toEqual({ picture, verdict: picture.startsWith('marked') ? 'marked' : 'unmarked' })
      if (verdict === 'marked') expect(findings[0]).toMatchObject({ message, isExpectedMessage: true })
    }

    const killed = input('killed.jsonl')
    const part = async () => await readFile(`${killed}.part`, 'utf8').catch(() => '')
    const linesOf = async () => (await part()).split('\n').length - 1
    const again = { ...request, output: killed, resume: true }
    const { code } = await run([...words, killed], {
      meanwhile: async (child) => {
        while ((await linesOf()) < 4 && child.exitCode === null) await setTimeout(10)
        child.kill('SIGSTOP')
        const second = detect('many', again)
        await expect(second).rejects.toMatchObject(refusal('unavailable', RegExp(`no other run.*process ${child.pid}`)))
        child.kill('SIGKILL')
      },
    })
    expect(code).toBe(null)
    expect(await readdir(folder)).toContain('killed.jsonl.part.lock')
    const done = await linesOf()
    expect(done).toBeGreaterThanOrEqual(4)
    expect(done).toBeLessThan(1 + results.length)
    // As if the disk had been cut off in the middle of a line.
    await writeFile(`${killed}.part`, `${await part()}{"picture":"`)
    await expect(detect('many', { ...again, resume: false })).rejects.toMatchObject(
      refusal('bad-option', /no unfinished run.*--resume/),
    )
    await expect(detect('many', { ...again, fpr: 1e-3 })).rejects.toMatchObject(
      refusal('bad-option', /falsePositiveRate `0\.0001`.*got `0\.001`/),
    )
    // Some failed, which the exit code says; the others are done.
    expect(await run([...words, killed, '--resume'])).toMatchObject({ code: 11, stderr: '' })
    expect(await resultsIn(killed)).toEqual(results)
    expect((await readdir(folder)).filter((name) => name.startsWith('killed'))).toEqual(['killed.jsonl'])
    // Nothing is left to do. One of them alone: nothing is computed, and no other one is counted.
    const one = await detect('many/plain-50.png', again)
    expect(one.result).toMatchObject({ pictures: 1, marked: 0, unmarked: 1, failed: 0, networkRuns: 0 })
    expect(one.result.earlier).toEqual({ lines: 12, others: 11 })
    expect(one.words).toMatch(/before {7}12 lines, 11 of pictures that were not asked for/)
    const nothing = await detect('many', { ...again, sheet: input('again.png') })
    expect(nothing.result).toMatchObject({ marked: 4, unmarked: 5, failed: 3, networkRuns: 0, sheetRows: 0 })
    expect(nothing.result.outputs).toEqual({ results: killed })
    expect(nothing.words).toMatch(/none: this run read none of 12 pictures/)
    expect(await readdir(folder)).not.toContain('again.png')
  })

  describe('of pictures that were changed', () => {
    beforeAll(async () => {
      const picture = sharp(input('many/marked-0.png'))
      await picture.clone().flop().png().toFile(input('mirrored.png'))
      // Padded it would be of the right size, and everything in it eight pixels off.
      await picture.clone().extract({ left: 8, top: 0, width: 112, height: 128 }).png().toFile(input('part.png'))
    })

    it('reads a mirrored one as what it may have been, and pays for it', async () => {
      const mirrored = await detect('mirrored.png', { undo: ['none'] })
      expect(mirrored.result.results[0]).toMatchObject({ candidates: 1, verdict: 'unmarked' })
      const found = (await detect('mirrored.png', { undo: ['border', 'flip', 'quarter-turn'] })).result.results[0]
      const [finding] = found.findings
      expect(finding).toMatchObject({ verdict: 'marked', message, undone: 'mirrored (horizontal)' })
      expect(found.candidates).toBeGreaterThanOrEqual(5)
      expect(finding.familyPValue).toBeCloseTo(found.candidates * finding.pValue, 12)
    })

    it('tries nothing where no p-value holds for any picture', async () => {
      const zeros = await detect('mirrored.png', { undo: ['flip', 'quarter-turn'], key: [key('zeros')] })
      expect(zeros.result.results[0].findings[0]).toMatchObject({ verdict: 'undecided', undone: null })
    })

    it('puts a part back where it was', async () => {
      const asked = ['--key', key('shading'), '--undo', 'crop', '--fpr', '1e-4']
      const sampling = ['--solver', solver.solver, '--steps', `${solver.steps}`, '--decoder', 'encoder-only']
      const stdout = await succeeded(['watermark', 'detect', input('part.png'), ...asked, ...sampling])
      expect(stdout).toMatch(/read as {6}put back as 112×128 at \(8, 0\)/)
      expect(stdout).toMatch(/in 3 ways to read the picture/)
    })

    it.each([
      ['part.png', undefined, 'bad-shape', /128×128.*112×128.*--undo resize/],
      ['many/small.png', undefined, 'bad-shape', /--undo resize/],
      ['part.png', ['none', 'flip'], 'bad-option', /`none` alone/],
      ['part.png', ['corp'], 'bad-option', /`crop`/],
    ] as const)('refuses %s with %j', async (picture, asked, code, wanted) => {
      await expect(detect(picture, asked ? { undo: asked } : {})).rejects.toMatchObject(refusal(code, wanted))
    })
  })

  it('writes nothing over a key or a picture', async () => {
    const secret = await readFile(key('shading'), 'utf8')
    await expect(detect('many', { output: key('shading') })).rejects.toMatchObject(
      refusal('bad-option', /`--output`.*which is `--key` too/),
    )
    const sheet = input('many/plain-50.png')
    await expect(detect('many', { sheet })).rejects.toMatchObject(refusal('bad-option', /which is `a source` too/))
    expect(await readFile(key('shading'), 'utf8')).toBe(secret)
    await writeNoise('pair.safetensors', [torchNoise(1, latentShape), torchNoise(2, latentShape)])
    await expect(detect('pair.safetensors', { output: input('pair.safetensors') })).rejects.toMatchObject(
      refusal('bad-option', /`--output`.*which is `a source` too/),
    )
    const saved = input('q.safetensors')
    await expect(generate('q.png', { saveNoise: saved, saveLatent: saved })).rejects.toMatchObject(
      refusal('bad-option', /`--save-latent`.*which is `--save-noise` too/),
    )
  })

  it('says of one picture what the verdict rests on, and what its key and others find', async () => {
    const { result } = await detect('many/marked-0.png', { key: [key('shading'), key('other')] })
    const [first, second] = result.results[0].findings
    expect(first).toMatchObject({ verdict: 'marked', basis: 'any-picture', message })
    expect(first.familyPValue).toBeCloseTo(2 * first.pValue, 12)
    expect(second.verdict).toBe('unmarked')
    expect(result.power.map(({ powers }: { powers: unknown[] }) => powers.length)).toEqual([4, 4])
    const { words } = await detect('noise.safetensors', { message: message.toUpperCase(), correlation: 0.6 })
    for (const part of [/not marked/, /exact for any picture/, /the one expected/, /at 0\.60/]) {
      expect(words).toMatch(part)
    }
  })

  it('reads noise files without a network, each noise in them, and by their own key alone', async () => {
    const mark = (await readTestKey('shading')).mark()
    await writeNoise('two.safetensors', [
      mark.imprint(torchNoise(1, latentShape), zeroMessage(mark)),
      torchNoise(2, latentShape),
    ])
    const verdicts = async (name: keyof typeof keys) => {
      const { result } = await detect('two.safetensors', { key: [key(name)] })
      expect(result.networkRuns).toBeUndefined()
      return result.results.map(({ verdict }: { verdict: string }) => verdict)
    }
    expect(await verdicts('shading')).toEqual(['marked', 'unmarked'])
    const { words } = await detect('two.safetensors', { message })
    expect(words).toMatch(/two\.safetensors 1: .*message \w+, (not )?the one expected/)
    expect(await verdicts('other')).toEqual(['unmarked', 'unmarked'])
    expect(await verdicts('zeros')).toEqual(['undecided', 'undecided'])
    const { result } = await detect('two.safetensors', { key: [key('family')], reference: true })
    expect(result.results[0].findings[0].reference.label).toBe('miscalibrated')
    const asAnybody = await detect('noise.safetensors', { key: [key('family')], member: 'all' })
    expect(asAnybody.result.results[0].findings[0]).toMatchObject({ verdict: 'marked', member })
  })

  it('draws noise files, a dozen at most, and says how many they are', async () => {
    await writeNoise(
      'thirteen.safetensors',
      Array.from({ length: 13 }, (_, seed) => torchNoise(seed, latentShape)),
    )
    const sheet = input('thirteen.png')
    const { result, words } = await detect('thirteen.safetensors', { sheet })
    expect(result).toMatchObject({ pictures: 13, sheetRows: 12, outputs: { sheet } })
    expect(words).toMatch(/the first 12 that this run read, of 13 pictures/)
    const { width, height } = await sharp(sheet).metadata()
    expect(width).toBeLessThan(3 * 256)
    expect(height).toBeGreaterThan(12 * 256)
    await writeNoise(
      'many.safetensors',
      Array.from({ length: 1001 }, () => torchNoise(0, latentShape)),
    )
    await expect(detect('many.safetensors', { sheet })).rejects.toMatchObject(
      refusal('bad-option', /at most 1000 pictures for `--sheet`, got 1001/),
    )
  })

  it('`-o -` is standard output: a line for each picture, and the report beside it', async () => {
    await writeNoise('streamed.safetensors', [torchNoise(1, latentShape), torchNoise(2, latentShape)])
    const words = ['watermark', 'detect', input('streamed.safetensors'), '--key', key('shading'), '-o']
    const { code, stdout, stderr, left } = await run([...words, '-'])
    expect({ code, left }).toEqual({ code: 0, left: [] })
    expect(stderr).toMatch(/^2 pictures: 0 marked.*\n(?:.*\n)*wrote standard output\n$/m)
    await succeeded([...words, input('streamed.jsonl')])
    const written = (text: string) =>
      text
        .trimEnd()
        .split('\n')
        .map((line) => ({ ...JSON.parse(line), seconds: 0 }))
    const [, ...lines] = written(await readFile(input('streamed.jsonl'), 'utf8'))
    expect(written(stdout)).toEqual(lines)

    const gone = await run([...words, '-'], { meanwhile: (child) => child.stdout?.destroy() })
    expect(gone).toMatchObject({ code: 141, stderr: '', left: [] })
    for (const [more, wanted] of [
      [['--json'], /one thing on standard output.*`--json` as well/],
      [['--resume'], /a file for `--output`, got `-`, with `--resume`.*leave `--resume` out/],
    ] as const) {
      const refused = await run([...words, '-', ...more])
      expect(refused).toMatchObject({ code: 2, stderr: expect.stringMatching(wanted), left: [] })
    }
    const who = ['watermark', 'identify', input('noise.safetensors'), '--key', key('family'), '-o', '-']
    const identified = await run(who)
    expect(JSON.parse(identified.stdout)).toMatchObject({ verdict: 'marked', member })
    expect(identified).toMatchObject({ code: 0, stderr: expect.stringMatching(/^wrote standard output$/m), left: [] })
  })

  it('ends with 1 where no picture is marked, if that is asked', async () => {
    const words = ['watermark', 'detect', input('noise.safetensors'), '--exit-code', '--key']
    expect((await run([...words, key('other')])).code).toBe(1)
  })

  it.each([
    [
      'many/marked-0.png',
      () => ({ key: [key('foreign')] }),
      'bad-option',
      /a key of `undiffuse-scenes`.*`another-model`/,
    ],
    [
      'noise.safetensors',
      () => ({ key: [key('foreign')] }),
      'bad-option',
      /a key of `undiffuse-scenes`.*`another-model`/,
    ],
    [
      'many/marked-0.png',
      () => ({ key: [key('small')] }),
      'bad-shape',
      /a picture of 64×64 for `marked-0\.png`, got 128×128/,
    ],
    [
      'many/small.png',
      () => ({ output: input('one.jsonl') }),
      'bad-shape',
      /a picture of 128×128 for `small\.png`, got 64×64/,
    ],
    ['many/text.png', () => ({ output: input('one.jsonl') }), 'bad-image', /picture.*text that starts with/],
    ['many/marked-0.png', () => ({ key: [key('shading'), key('small')] }), 'bad-shape', /4 channels × 8×8/],
    ['many/marked-0.png', () => ({ key: [input('tampered.json')] }), 'bad-option', /changed: its id/],
    ['many/marked-0.png', () => ({ key: [key('family')], message: 'ff' }), 'bad-option', /no message/],
    ['many/marked-0.png', () => ({ key: [key('family')], member: 500 }), 'bad-option', /0 to 499/],
    ['many/marked-0.png', () => ({ reference: true }), 'bad-option', /tree-ring/],
    ['many/marked-0.png', () => ({ resume: true }), 'bad-option', /--output/],
    ['many/marked-0.png', () => ({ calibration: input('noise.safetensors') }), 'bad-option', /a calibration/],
    ['many/marked-0.png', () => ({ output: input('tampered.json/a.jsonl') }), 'unavailable', /not a folder/],
    ['many/marked-0.png', () => ({ sheet: input('tampered.json/a.png') }), 'unavailable', /not a folder/],
    ['many/marked-0.png', () => ({ sheet: input('a.jpg') }), 'bad-option', /ends in \.png/],
    ['many/marked-0.png', () => ({ sheet: input('many/marked-0.png') }), 'bad-option', /which is `a source` too/],
    [
      'many/marked-0.png',
      () => ({ sheet: input('a.png'), output: input('a.png') }),
      'bad-option',
      /which is `--output` too/,
    ],
  ] as const)('%s %#: refuses what does not fit, and leaves nothing', async (source, more, code, wanted) => {
    const before = await readdir(folder)
    await expect(detect(source, more())).rejects.toMatchObject(refusal(code, wanted))
    expect(await readdir(folder)).toEqual(before)
  })

  it('is refused on the command line without a key, and with rates and members that are none', async () => {
    for (const [words, wanted] of [
      [['--key', 'a', '--fpr', '1'], /above 0 and below 1/],
      [['--key', 'a', '--member', 'some'], /whole number.*`all`/],
    ] as const) {
      const { code, stderr } = await run(['watermark', 'detect', 'x.png', ...words])
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(wanted) })
    }
  })
})

describe('of a family', () => {
  const asked = () => ({ key: [key('family')] })
  it.each([
    [{}, /not marked/, /member 0 alone was; the other 499 were not: `--member all`, or `undiffuse watermark identify`/],
    [{ member: 7 }, /not marked/, /member 7 alone was; the other 499 were not/],
  ])('detect %j says whom it did not ask', async (more, verdict, wanted) => {
    const { words } = await detect('noise.safetensors', { ...asked(), ...more })
    expect(words).toMatch(verdict)
    expect(words).toMatch(wanted)
    const { words: many } = await call(detectCommand, {
      sources: [input('noise.safetensors'), input('noise.safetensors')],
      key: [key('family')],
      ...more,
    })
    expect(many).toMatch(wanted)
  })

  it.each([{ member: 'all' }, { member }])('detect %j finds it, and says nothing of the others', async (more) => {
    const { words } = await detect('noise.safetensors', { ...asked(), ...more })
    expect(words).toMatch(/: marked/)
    expect(words).not.toMatch(/not asked/)
    expect(words).toMatch(/p-value +below 1e-70: exact/)
  })
})

describe('undiffuse watermark identify', () => {
  it('finds the member, or none', async () => {
    const sampling = ['--solver', solver.solver, '--steps', `${solver.steps}`, '--decoder', 'encoder-only']
    const asked = ['--key', key('family'), '--fpr', '1e-3', '--prompt', prompt, '--json']
    // Steps that are not solved would be read by naive inversion too.
    const undoing = ['--inverter', 'automatic', '--guidance', '1']
    const pictures = [input('member.png'), input('many/plain-50.png')]
    const words = ['watermark', 'identify', ...sampling, ...undoing, ...asked, ...pictures]
    const { results } = JSON.parse(await succeeded(words))
    expect(results[0]).toMatchObject({ verdict: 'marked', by: 'family', member })
    expect(results[0].familyPValue).toBeCloseTo(500 * results[0].pValue, 12)
    expect(results[1]).toMatchObject({ verdict: 'unmarked' })
  })

  it('finds the member in a picture that was turned', async () => {
    await sharp(input('member.png')).rotate(90).png().toFile(input('turned.png'))
    const inverter = 'automatic'
    const request = {
      ...inverting,
      inverter,
      guidance: 1,
      undo: ['quarter-turn'],
      key: key('family'),
      fpr: 1e-3,
      prompt,
    }
    const { result, words } = await call(identifyCommand, { sources: [input('turned.png')], ...request })
    const [found] = result.results
    expect(found).toMatchObject({ verdict: 'marked', member, candidates: 4, undone: 'turned by 90°' })
    expect(found.familyPValue).toBeCloseTo(4 * 500 * found.pValue, 12)
    expect(words).toMatch(/turned by 90°, of 4 ways to read it/)
  })

  const identify = (name: keyof typeof keys) =>
    call(identifyCommand, { sources: [input('noise.safetensors')], ...inverting, undo, key: key(name), fpr })

  it('tells the message of schemes that have no families, and refuses those that have neither', async () => {
    expect((await identify('shading')).words).toMatch(/this scheme has none/)
    await expect(identify('zeros')).rejects.toMatchObject(refusal('unsupported', /a family/))
  })
})

it('a bad option leads to the help of its command', async () => {
  const { code, stderr } = await run(['watermark', 'detect', input('member.png'), '--key', key('family'), '--nope'])
  expect(code).toBe(2)
  expect(stderr).toMatch(/See `undiffuse watermark detect --help`\.$/m)
})

describe('undiffuse watermark calibrate', () => {
  it('keeps the noise of pictures that can be read, and of those that the model makes; goes on where it ended', async () => {
    const output = input('set.safetensors')
    const more = { generated: 2, prompts: input('prompts.txt'), seed: 70, chunk: 3 }
    const ended = call(
      calibrateCommand,
      { pictures: [input('many')], ...inverting, ...more, output },
      // In the second chunk.
      ({ parts }, controller) => {
        if ((parts?.done ?? 0) >= 5) controller.abort(new Error('enough'))
      },
    )
    await expect(ended).rejects.toThrow('enough')
    const before = (await readFile(`${output}.part`, 'utf8')).split('\n')
    expect(before.length).toBeGreaterThan(4)

    const sampling = ['--solver', solver.solver, '--steps', `${solver.steps}`, '--decoder', 'encoder-only']
    const made = ['--generated', '2', '--prompts', input('prompts.txt'), '--seed', '70', '--resume']
    const words = ['watermark', 'calibrate', input('many'), ...sampling, ...made, '-o', output]
    const calibrated = await run([...words, '--json'])
    expect(calibrated.code).toBe(11)
    const report = JSON.parse(calibrated.stdout)
    expect(report).toMatchObject({ pictures: 11, generated: 2, failed: 3, smallestPValue: 1 / 12 })
    // Six naive steps without the prompt.
    expect(report.correlation).toBeGreaterThan(0.3)
    expect(report.correlation).toBeLessThan(1)
    expect((await readTensors(nodeFiles, output)).get('noise')?.shape).toEqual([11, ...latentShape])
    expect((await readdir(folder)).filter((name) => /\.(part|lock)$/.test(name))).toEqual([])
  })

  it('says which keys its bound on p-values is of', async () => {
    const given = { pictures: [input('many/plain-50.png')], ...inverting, output: input('keys.safetensors') }
    const { words } = await call(calibrateCommand, { ...given, key: [key('shading'), key('zeros')] })
    const { id } = await readTestKey('zeros')
    expect(words).toMatch(RegExp(`^ {2}p-values +of key ${id}: 0\\.5 and more: .*nothing is decided$`, 'm'))
  })

  /** A request that says nothing of how pictures are inverted: the calibration does. */
  const judged = (source: string, more: Given) => {
    const { solver: _, steps: __, decoder: ___, ...unsaid } = inverting
    const request = {
      ...unsaid,
      undo,
      key: [key('zeros')],
      fpr,
      calibration: input('set.safetensors'),
    }
    return call(detectCommand, { sources: [input(source)], ...request, ...more })
  }

  it('supports no smaller p-value than it can, and decides nothing below', async () => {
    const { result } = await judged('many/marked-0.png', {})
    expect(result.settings).toMatchObject({ solver: `${solver.solver},steps=6`, decoder: 'encoder-only' })
    const [finding] = result.results[0].findings
    expect(finding.basis).toBe('calibration')
    expect(finding.pValue).toBeGreaterThanOrEqual(1 / 12)
    expect(result.power[0]).toMatchObject({ correlationFrom: 'calibration', powers: [{ share: 0 }] })

    // Noise that is nearer to zeros than that of any picture: the calibration has nothing like it.
    await writeNoise('zeros.safetensors', [(await readTestKey('zeros')).mark().imprint(torchNoise(1, latentShape))])
    for (const [fpr, verdict] of [
      [1e-3, 'undecided'],
      [0.1, 'marked'],
    ] as const) {
      const [found] = (await judged('zeros.safetensors', { fpr })).result.results
      expect(found.verdict).toBe(verdict)
      expect(found.findings[0].pValue).toBeCloseTo(1 / 12, 12)
    }
    const { result: few } = await judged('many/marked-0.png', { fpr: 1e-3 })
    expect(few.calibration).toMatchObject({ pictures: 11, neededPictures: 999 })
    expect(few.results[0].findings[0]).toMatchObject({ verdict: 'undecided', because: 'too-few' })
    const lines = detectCommand.words!(few, [], { sources: [input('many/marked-0.png')] } as never).join('\n')
    expect(lines).toContain('a rate of 0.001 needs a calibration of 999 pictures, and this is of 11')
  })

  it.each([
    [
      { steps: 9 },
      'bad-option',
      /`ddim:spacing=lambda,steps=6`.*`--solver` and `--steps`, got `ddim:spacing=lambda,steps=9`/,
    ],
    [{ decoder: 'accelerated' }, 'bad-option', /decoder `encoder-only`/],
    [{ inverter: 'implicit' }, 'bad-option', /inverter `naive`/],
    [{ prompt }, 'bad-option', /promptKnown `false`/],
    [{ key: ['small'] }, 'bad-shape', /noise of 4×8×8.*got 4×16×16/],
  ] as const)('is refused with %j', async (more, code, wanted) => {
    const keys = 'key' in more ? { key: [key('small')] } : {}
    await expect(judged('many/marked-0.png', { ...more, ...keys })).rejects.toMatchObject(refusal(code, wanted))
  })

  it('is refused of other weights of the same name, and where it does not say of which it is', async () => {
    const set = input('set.safetensors')
    const { metadata } = await readSafetensorsHeader(nodeFiles, set)
    const noise = safetensor((await readTensors(nodeFiles, set)).get('noise')!)
    const { modelFiles, ...old } = metadata
    expect(modelFiles).toMatch(/^[0-9a-f]{16}$/)
    for (const [name, more, wanted] of [
      ['retrained', { modelFiles: '0123456789abcdef' }, /the weights that.*--model.*others of the same name/],
      ['old', {}, /names its weights.*got one without.*watermark calibrate/],
    ] as const) {
      const calibration = input(`${name}.safetensors`)
      await writeFile(calibration, Buffer.concat(encodeSafetensors({ noise }, { ...old, ...more })))
      await expect(judged('many/marked-0.png', { calibration })).rejects.toMatchObject(refusal('bad-option', wanted))
    }
  })

  it('is refused for noise that was recovered with another solver', async () => {
    const noise = safetensor({ shape: latentShape, data: torchNoise(1, latentShape).data })
    const said = { model, steps: '6', guidance: '1', inverter: 'naive' }
    await writeFile(input('otherwise.safetensors'), Buffer.concat(encodeSafetensors({ noise }, said)))
    await expect(judged('otherwise.safetensors', {})).rejects.toMatchObject(
      refusal('bad-option', /`ddim:spacing=lambda,steps=6`.*scheduler, 6 steps/),
    )
  })

  it.each([
    [{}, 'bad-option', /pictures.*none/],
    [{ generated: 2 }, 'bad-option', /--prompts/],
    [{ output: 'x.json' }, 'bad-option', /\.safetensors/],
  ] as const)('refuses %j', async (more, code, wanted) => {
    const given = { ...inverting, output: input('c.safetensors'), ...more }
    await expect(call(calibrateCommand, given)).rejects.toMatchObject(refusal(code, wanted))
  })
})

it('has help with examples for each command', async () => {
  const helps = ['keygen', 'detect', 'identify', 'calibrate'].map((command) => ['watermark', command, '--help'])
  for (const stdout of await Promise.all(helps.map(succeeded))) expect(stdout).toMatch(/Options:[\s\S]*Examples:/)
})

it('never printed a secret', () => {
  for (const i of names.keys()) for (const text of said) expect(text).not.toContain(hexOf(secretOf(i)))
  expect(said.length).toBeGreaterThan(40)
})
