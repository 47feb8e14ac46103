/**
 * The command line as people and scripts use it: right input, and everything that can be wrong with input, output and
 * the terminal. Every failure is one line with a remedy, an exit code, and no file left.
 */
import { type ChildProcess, execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { crc32 } from 'node:zlib'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeSafetensors, readSafetensorsHeader } from '../../src/checkpoints/safetensors.js'
import { readTensors, safetensor } from '../../src/checkpoints/tensors.js'
import { combine, norm, subtract, type Tensor, zeros } from '../../src/math/tensor.js'
import { nodeFiles } from '../../src/node/files.js'
import { newKey } from '../../src/watermark/key.js'
import { modelFile, node, value } from '../onnx-files.js'
import { type Ended, type StartOptions, undiffuse } from './command-line.js'

const golden = (name: string) => fileURLToPath(new URL(`../golden/${name}`, import.meta.url))
const [kl, tiny] = [golden('autoencoder-kl'), golden('autoencoder-tiny')]
const quick = ['--model', tiny, '--decoder', 'accelerated:iterations=3']

let inputs: string
const input = (name: string) => join(inputs, name)

/** A picture that does not compress to nothing, without a random generator. */
const noise = (width: number, height: number, channels: 3 | 4 = 3) =>
  sharp(
    Uint8Array.from({ length: width * height * channels }, (_, i) => (i * 2654435761) >>> 24),
    { raw: { width, height, channels } },
  )

/** A PNG whose header claims another size. */
function claimingSize(png: Uint8Array, width: number, height: number): Buffer {
  const bytes = Buffer.from(png)
  bytes.writeUInt32BE(width, 16)
  bytes.writeUInt32BE(height, 20)
  bytes.writeUInt32BE(crc32(bytes.subarray(12, 29)), 29)
  return bytes
}

/** A .safetensors file with any header over any number of bytes of data. */
function rawSafetensors(header: unknown, dataBytes: number, claimedLength?: bigint): Buffer {
  const json = Buffer.from(JSON.stringify(header))
  const prefix = Buffer.alloc(8)
  prefix.writeBigUInt64LE(claimedLength ?? BigInt(json.length))
  return Buffer.concat([prefix, json, Buffer.alloc(dataBytes)])
}
const entry = (begin: number, end: number) => ({ dtype: 'F32', shape: [2], data_offsets: [begin, end] })

beforeAll(async () => {
  inputs = await mkdtemp(join(tmpdir(), 'undiffuse-inputs-'))
  const png = await noise(32, 24).png().toBuffer()
  const files: Record<string, Uint8Array | string> = {
    'picture.png': png,
    'text.png': 'this is no picture',
    'empty.png': '',
    'truncated.png': png.subarray(0, png.length / 2),
    'bomb.png': claimingSize(png, 16000, 16000),
    'one.png': await noise(1, 1).png().toBuffer(),
    'wide.png': await noise(40, 20).png().toBuffer(),
    'alpha.png': await noise(16, 16, 4).png().toBuffer(),
    'deep.png': await noise(16, 16).toColourspace('rgb16').png().toBuffer(),
    'cmyk.jpg': await noise(16, 16).toColourspace('cmyk').jpeg().toBuffer(),
    'past-the-end.safetensors': rawSafetensors({ latent: entry(0, 8), more: entry(8, 16) }, 8),
    'overlapping.safetensors': rawSafetensors({ latent: entry(0, 8), more: entry(4, 12) }, 12),
    'huge-header.safetensors': rawSafetensors({}, 0, 2n ** 31n),
    'determinant.onnx': modelFile({
      opset: 17,
      inputs: [value('x', [2, 2])],
      outputs: [value('y', [])],
      nodes: [node('Det', ['x'], ['y'])],
    }),
    'divided.onnx': modelFile({
      opset: 17,
      inputs: [value('x', [2, 2])],
      outputs: [value('y', [2, 2])],
      nodes: [node('Div', ['x', 'x'], ['y'])],
    }),
    'square.safetensors': Buffer.concat(
      encodeSafetensors({ x: safetensor(zeros([2, 2])), cotangent: safetensor(zeros([])) }),
    ),
  }
  for (const [name, content] of Object.entries(files)) await writeFile(input(name), content)
  await mkdir(input('pictures'))
  for (const [i, size] of [32, 32, 32].entries()) {
    await noise(size, size)
      .modulate({ brightness: 1 - 0.2 * i })
      .png()
      .toFile(join(input('pictures'), `picture${i + 9}.png`))
  }
  await mkdir(input('empty'))
  await mkdir(input('unet'))
  await writeFile(join(input('unet'), 'config.json'), '{"_class_name": "UNet2DConditionModel", "in_channels": 4}')
  await cp(
    join(tiny, 'diffusion_pytorch_model.safetensors'),
    join(input('unet'), 'diffusion_pytorch_model.safetensors'),
  )
})
afterAll(() => rm(inputs, { recursive: true }))

/** What must hold of every failure. */
function expectFailure({ code, stdout, stderr, left }: Ended, wantedCode: number, ...said: readonly RegExp[]) {
  expect(stderr).toMatch(/^undiffuse: [^\n]+\n$/)
  for (const words of said) expect(stderr).toMatch(words)
  expect({ code, stdout, left }).toEqual({ code: wantedCode, stdout: '', left: [] })
}

describe.concurrent('right input', () => {
  it('writes latent, sheet and report, and says what it found', async () => {
    let latent: Tensor | undefined
    let metadata: Readonly<Record<string, string>> = {}
    const words = ['invert', input('picture.png'), ...quick, '-o', 'found.safetensors', '--report', '.']
    const { code, stdout, stderr, left } = await undiffuse(words, {
      alone: true,
      after: async (folder) => {
        const path = join(folder, 'found.safetensors')
        latent = (await readTensors(nodeFiles, path)).get('latent')
        metadata = (await readSafetensorsHeader(nodeFiles, path)).metadata
        expect((await sharp(join(folder, 'found.sheet.png')).metadata()).format).toBe('png')
      },
    })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(left.toSorted()).toEqual(['work/found.report.json', 'work/found.safetensors', 'work/found.sheet.png'])
    expect(latent?.shape).toEqual([1, 4, 3, 4])
    expect(metadata).toMatchObject({ model: 'autoencoder-tiny', decoder: 'accelerated:iterations=3', width: '32' })
    for (const words of ['PSNR', 'residual', 'exhausted', '3 round trips', 'overhead', 'MiB']) {
      expect(stdout).toContain(words)
    }
  })

  it('with --json prints one JSON value, the same as the report, and nothing is worse than the encoder', async () => {
    let written: unknown
    const words = [
      'invert',
      input('pictures'),
      ...quick,
      '--chunk',
      '2',
      '-o',
      'v.safetensors',
      '--report',
      'r',
      '--json',
    ]
    const { code, stdout, stderr } = await undiffuse(words, {
      after: async (folder) => {
        written = JSON.parse(await readFile(join(folder, 'r', 'v.report.json'), 'utf8'))
      },
    })
    const report = JSON.parse(stdout)
    expect({ code, stderr, report }).toEqual({ code: 0, stderr: '', report: { ...(written as object), notes: [] } })
    expect(report.pictures.map(({ picture }: { picture: string }) => picture)).toEqual(
      [9, 10, 11].map((i) => join(input('pictures'), `picture${i}.png`)),
    )
    for (const picture of report.pictures) {
      expect(picture.pixelResidualAfter).toBeLessThanOrEqual(picture.pixelResidualBefore)
      expect(picture.evaluations).toEqual({ encodes: 1, decodes: 0, roundTrips: 3, pullbacks: 0 })
    }
    // Two chunks, each with one encode and three round trips.
    expect(report.networkRuns).toBe(8)
    expect(report.peakMemoryBytes).toBeGreaterThan(2 ** 20)
    expect(report.seconds).toBeGreaterThan(report.networkSeconds)
  })

  it.each([
    ['pad', [1, 4, 3, 5]],
    ['crop', [1, 4, 2, 5]],
    ['resize', [1, 4, 3, 5]],
  ])('fits a picture of 40×20 by --fit %s', async (fit, shape) => {
    let latent: Tensor | undefined
    const words = ['invert', input('wide.png'), ...quick, '--decoder', 'encoder-only', '--fit', fit]
    const { code, stdout } = await undiffuse(words, {
      after: async (folder) => {
        latent = (await readTensors(nodeFiles, join(folder, 'wide.safetensors'))).get('latent')
      },
    })
    expect({ code, shape: latent?.shape }).toEqual({ code: 0, shape })
    expect(stdout).toMatch(new RegExp(`40×20 → 40×${8 * shape[2]!} by ${fit}`))
  })

  /** On a machine that runs other tests; alone it takes a third. */
  const exampleMilliseconds = 180_000

  it(
    'alone, takes a prompt to a picture and back with the bundled model, and says what came back',
    async () => {
      const { code, stdout, left } = await undiffuse([], { alone: true })
      expect({ code, left: left.toSorted() }).toEqual({
        code: 0,
        left: ['again.png', 'png', 'report.json', 'residuals.svg', 'safetensors', 'sheet.png'].map(
          (ending) => `work/out/example.${ending}`,
        ),
      })
      const [givenLatent, givenPicture] = stdout.split('picture alone')
      const equal = (text = '') => Number(/([\d.]+) % of the picture's 8-bit values/.exec(text)?.[1])
      expect(equal(givenLatent)).toBeGreaterThanOrEqual(99.9)
      expect(equal(givenPicture)).toBeGreaterThan(0)
      expect(givenPicture).toMatch(/latent -[\d.]+ dB, noise -[\d.]+ dB/)
    },
    exampleMilliseconds,
  )

  it('computes in 16 bits and with little memory when told so', async () => {
    const words = ['invert', input('picture.png'), '--model', kl, '--decoder', 'accelerated:iterations=2', '--json']
    const { code, stdout } = await undiffuse([...words, '--precision', '16', '--lean'])
    expect({ code, report: JSON.parse(stdout) }).toMatchObject({
      code: 0,
      report: { precisionBits: 16, networkRuns: 3 },
    })
  })

  it('inverts pictures with alpha, of 16 bits and in CMYK, and says how each was read', async () => {
    const pictures = ['alpha.png', 'deep.png', 'cmyk.jpg'].map(input)
    const { code, notes } = await undiffuse(['invert', ...pictures, ...quick, '--decoder', 'encoder-only'])
    expect(code).toBe(0)
    for (const note of [/alpha\.png.*white/, /deep\.png.*16 bits/, /cmyk\.jpg.*CMYK/]) expect(notes).toMatch(note)
  })

  it.each([
    [['--help'], /undiffuse invert photo\.png/],
    [['invert', '--help'], /--decoder|--inverter[\s\S]*Example/],
    [['help', 'decoders'], /accelerated/],
    [['help', 'watermark', 'detect'], /--key[\s\S]*Example/],
    [['help', 'ddim'], /steps=50/],
    [['run', '--help'], /--vjp[\s\S]*Example/],
    [['example', '--help'], /Example/],
    [['report', '--help'], /Example/],
    [['bench', 'decoder', '--help'], /Example/],
    [['bench', 'cost', '--help'], /Example/],
    [['models', '--help'], /Example/],
    [['doctor', '--help'], /Example/],
    [['--version'], /^\d+\.\d+\.\d+\n$/],
  ])('%j', async (words, said) => {
    const { code, stdout, stderr } = await undiffuse(words)
    expect({ code, stderr, said: said.test(stdout) }).toEqual({ code: 0, stderr: '', said: true })
  })

  it('models lists the words of one, with examples', async () => {
    const { stdout } = await undiffuse(['models', 'undiffuse-scenes'])
    expect(stdout).toMatch(/Its 35 words:\n {2}shapes +ball cube cone/)
    expect(stdout).toMatch(/Examples:\n {2}a large red ball/)
    expect(stdout).toContain('made for pictures of 128×128')
    const { code, stderr } = await undiffuse(['models', 'another'])
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('undiffuse-scenes') })
  })

  it.each(['doctor', 'models'])('%s --json', async (command) => {
    const { code, stdout } = await undiffuse([command, '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toHaveProperty('models')
  })
})

describe.concurrent('undiffuse run against diffusers and PyTorch autograd', () => {
  /** Both sides compute in float32; what is left is the order of their sums. */
  const outputTolerance = 1e-4
  const gradientTolerance = 1e-3

  it.each(['autoencoder-kl', 'autoencoder-tiny'])('%s', async (name) => {
    const io = await readTensors(nodeFiles, join(golden(name), 'io.safetensors'))
    const get = (tensor: string) => io.get(tensor)!
    const cotangent = combine([2, get('decoded')], [-2, get('image')])
    const feed = { latent: safetensor(get('latent')), cotangent: safetensor(cotangent) }
    let results = new Map<string, Tensor>()
    const words = ['run', golden(name), '--feed', 'in.safetensors', '--vjp', 'decoded=cotangent', '--wrt', 'latent']
    const { code, stderr } = await undiffuse([...words, '-o', 'out.safetensors'], {
      before: (folder) => writeFile(join(folder, 'in.safetensors'), encodeSafetensors(feed)),
      after: async (folder) => {
        results = await readTensors(nodeFiles, join(folder, 'out.safetensors'))
      },
    })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const error = (ours: string, theirs: string) => subtract(results.get(ours)!, get(theirs))
    expect(Math.max(...error('decoded', 'decoded').data.map(Math.abs))).toBeLessThan(outputTolerance)
    expect(norm(error('gradient.latent', 'grad_latent')) / norm(get('grad_latent'))).toBeLessThan(gradientTolerance)
  })
})

describe('undiffuse run of the networks of a text-to-image model, against diffusers and transformers', () => {
  /** Both sides compute in float32; what is left is the order of their sums. */
  const outputTolerance = 1e-4
  const gradientTolerance = 1e-3
  const relativeError = (ours: Tensor | undefined, theirs: Tensor) => norm(subtract(ours!, theirs)) / norm(theirs)

  async function results(name: string, words: readonly string[] = []): Promise<Map<string, Tensor>> {
    let found = new Map<string, Tensor>()
    const feed = join(golden(name), 'io.safetensors')
    const all = ['run', golden(name), '--feed', feed, ...words, '-o', 'out.safetensors']
    const { code, stderr } = await undiffuse(all, {
      after: async (folder) => {
        found = await readTensors(nodeFiles, join(folder, 'out.safetensors'))
      },
    })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    return found
  }

  // Those of the other families are compared in test/networks.test.ts: here is what the command adds, on most inputs.
  it.each(['unet-sdxl'])('%s', async (name) => {
    const io = await readTensors(nodeFiles, join(golden(name), 'io.safetensors'))
    const wrt = ['sample', 'encoder_hidden_states']
    const found = await results(name, ['--vjp', 'out=cotangent', '--wrt', wrt.join()])
    expect(relativeError(found.get('out'), io.get('out')!)).toBeLessThan(outputTolerance)
    for (const input of wrt) {
      expect(relativeError(found.get(`gradient.${input}`), io.get(`grad_${input}`)!)).toBeLessThan(gradientTolerance)
    }
  })

  it.each(['clip-text-sd2'])('%s', async (name) => {
    const io = await readTensors(nodeFiles, join(golden(name), 'io.safetensors'))
    const found = await results(name)
    for (const output of ['last_hidden_state', 'penultimate_hidden_state', 'pooled']) {
      expect(relativeError(found.get(output), io.get(output)!)).toBeLessThan(outputTolerance)
    }
  })
})

describe.concurrent('bad command lines', () => {
  it.each([
    [['invrt', 'x.png'], /got `invrt`.*Did you mean invert\?.*--help/],
    [['invert'], /Expected `<source>`.*got nothing.*invert --help/],
    [['invert', 'x.png', '--decodr', 'x'], /got `--decodr`.*Did you mean --decoder\?/],
    [['invert', 'x.png', '--precision', '8'], /Expected one of 16, 32, 64 for `--precision`, got `8`/],
    [['invert', 'x.png', '--chunk', '0'], /at least 1/],
    [['invert', 'x.png', '--decoder', 'acelerated'], /Did you mean `accelerated`\?/],
    [['invert', 'x.png', '--decoder', 'accelerated:iterations=none'], /integer.*iterations.*`none`/],
    [['invert', 'x.png', '-o', 'latent.txt'], /ends in \.safetensors/],
  ])('%j', async (words, said) => {
    expectFailure(await undiffuse(words), 2, said)
  })

  it('in a process of their own', async () => {
    expectFailure(await undiffuse(['invrt'], { alone: true }), 2, /got `invrt`/)
  })

  it('--to noise needs more than an autoencoder', async () => {
    expectFailure(await undiffuse(['invert', input('picture.png'), ...quick, '--to', 'noise']), 5, /a unet.*got vae/)
  })

  it('tells programs in JSON as well', async () => {
    for (const words of [['invrt'], ['invert', 'missing.png']]) {
      const { code, stdout, stderr } = await undiffuse([...words, ...quick, '--json'])
      expect(code).toBeGreaterThan(0)
      const { error } = JSON.parse(stdout)
      expect(stderr).toBe(`undiffuse: ${error.message}\n`)
      expect(error.code).toMatch(/^bad-/)
    }
  })
})

describe.concurrent('bad pictures', () => {
  it.each([
    ['missing.png', 4, /no such file/],
    ['text.png', 4, /text that starts with "this is no picture"/],
    ['empty.png', 4, /an empty file/],
    ['truncated.png', 4, /does not decode.*fetch it again/],
    ['bomb.png', 4, /at most \d+ pixels.*16000×16000.*smaller/],
    ['empty', 4, /a folder without pictures/],
    ['one.png', 3, /at least 8 pixels.*1×1.*--fit resize/],
  ])('%s', async (name, code, said) => {
    expectFailure(await undiffuse(['invert', input(name), ...quick]), code, said)
  })

  it('pictures of two sizes', async () => {
    expectFailure(
      await undiffuse(['invert', input('picture.png'), input('wide.png'), ...quick]),
      3,
      /pictures of 32×24, as the first is, for `wide\.png`, got 40×20.*one at a time/,
    )
  })

  it('a size that does not fit, when it must', async () => {
    const words = ['invert', input('wide.png'), ...quick, '--fit', 'refuse']
    expectFailure(await undiffuse(words), 3, /multiples of 8.*got 40×20.*Pad to 40×24/)
  })

  it('one pixel is enough when it is resized', async () => {
    const { code } = await undiffuse(['invert', input('one.png'), ...quick, '--fit', 'resize'])
    expect(code).toBe(0)
  })
})

describe.concurrent('bad models and tensors', () => {
  it.each([
    ['past-the-end', /inside the file|more/],
    ['overlapping', /starts where the tensor before it ends/],
    ['huge-header', /claims 2147483648/],
  ])('%s.safetensors', async (name, said) => {
    const file = input(`${name}.safetensors`)
    expectFailure(await undiffuse(['run', kl, '--feed', file, '-o', 'out.safetensors']), 5, said)
    const before = async (folder: string) => {
      await cp(join(tiny, 'config.json'), join(folder, 'config.json'))
      await cp(file, join(folder, 'diffusion_pytorch_model.safetensors'))
    }
    expectFailure(await undiffuse(['invert', input('picture.png'), '--model', '.'], { before }), 5, said)
  })

  it('the configuration of a UNet', async () => {
    const words = ['invert', input('picture.png'), '--model', input('unet')]
    expectFailure(await undiffuse(words), 5, /AutoencoderKL|vae/)
  })

  it('no model at the path', async () => {
    const words = ['invert', input('picture.png'), '--model', 'nowhere']
    expectFailure(await undiffuse(words), 5, /`nowhere`, which is not there\. Bundled: `undiffuse-scenes`/)
  })

  it('an operator without a gradient rule', async () => {
    const words = ['run', input('determinant.onnx'), '--feed', input('square.safetensors'), '--vjp', 'y=cotangent']
    expectFailure(await undiffuse([...words, '-o', 'out.safetensors']), 6, /Det/, /node_y/)
  })

  it('NaN in what a network makes of finite numbers', async () => {
    const words = ['run', input('divided.onnx'), '--feed', input('square.safetensors'), '-o', 'out.safetensors']
    expectFailure(await undiffuse(words), 7, /output `y`, got NaN in 4 of 4/)
  })

  it('a device that does not exist', async () => {
    const words = ['invert', input('picture.png'), ...quick, '--device', 'abacus']
    expectFailure(await undiffuse(words), 9, /cpu.*abacus.*doctor/)
  })
})

describe.concurrent('outputs that cannot be written', () => {
  /** Long enough to be noticed: outputs must be tried before. */
  const endless = ['--model', kl, '--decoder', 'gradient-free:iterations=1000000']

  it.each([
    ['that is a folder', ['-o', 'folder.safetensors'], /a folder/],
    ['below a file', ['-o', 'file/x.safetensors'], /not a folder/],
    ['with a report below a file', ['--report', 'file'], /not a folder/],
  ])('%s', async (_, words, said) => {
    const before = async (folder: string) => {
      await mkdir(join(folder, 'folder.safetensors'))
      await writeFile(join(folder, 'file'), '')
    }
    const ended = await undiffuse(['invert', input('picture.png'), ...endless, ...words], { before })
    expectFailure(ended, 9, /`[^`]+`/, said)
  })

  // Root may write anywhere.
  it.skipIf(process.getuid?.() === 0)('in a folder without permission', async () => {
    const before = (folder: string) => mkdir(join(folder, 'closed'), { mode: 0o500 })
    const words = ['invert', input('picture.png'), ...endless, '-o', 'closed/x.safetensors']
    expectFailure(await undiffuse(words, { before }), 9, /no permission/)
  })

  it('on a disk that is full when it comes to writing', async () => {
    const environment = { NODE_OPTIONS: `--import=${new URL('full-disk.mjs', import.meta.url)}` }
    const words = ['invert', input('picture.png'), ...quick, '-o', 'x.safetensors', '--report', 'r']
    expectFailure(await undiffuse(words, { environment }), 9, /no space left.*Free some space/)
  })
})

describe('the terminal', () => {
  /** Waits until a child of the process is under way: the one that runs the networks. */
  async function networksRun({ pid }: ChildProcess): Promise<void> {
    const children = `/proc/${pid}/task/${pid}/children`
    for (let i = 0; i < 400 && (await readFile(children, 'utf8').catch(() => '')) === ''; i++) await setTimeout(25)
  }
  /** The promise is one second; a machine that runs other tests gets another one. */
  const longestMilliseconds = 2000

  it.each([
    ['while the network opens', 100],
    ['in the middle of a run', 1500],
  ])('Ctrl-C %s ends it within a second and leaves nothing', async (_, wait) => {
    let sent = 0
    const interrupt: StartOptions['meanwhile'] = async (child) => {
      await networksRun(child)
      await setTimeout(wait)
      sent = performance.now()
      child.kill('SIGINT')
    }
    const words = ['invert', input('picture.png'), '--model', kl, '--decoder', 'gradient-free:iterations=1000000']
    const ended = await undiffuse([...words, '-o', 'x.safetensors'], { meanwhile: interrupt })
    expect(performance.now() - sent).toBeLessThan(longestMilliseconds)
    expectFailure(ended, 130, /interrupted/)
  })

  it('is not commanded by names: characters of control are dots, and a name is on one line', async () => {
    const name = 'x\x1b[2J\x1b]0;y\x07\nmarked evil'
    const before = (folder: string) => cp(input('picture.png'), join(folder, `${name}.png`))
    const { code, stdout } = await undiffuse(['invert', `${name}.png`, ...quick], { before })
    expect(code).toBe(0)
    expect(stdout).toContain('x·[2J·]0;y··marked evil')
    expect(stdout).not.toMatch(/(?!\n)\p{Cc}/u)
    const { stderr } = await undiffuse(['invert', 'missing\x1b[2J.png', ...quick])
    expect(stderr).toMatch(/missing·\[2J\.png.*no such file/)
  })

  it('is not commanded by what a noise file says of its model', async () => {
    const noise = fileURLToPath(new URL('../golden/failing-inputs/m-model.safetensors', import.meta.url))
    const key = newKey({ scheme: 'tree-ring', model: 'm', latentShape: [4, 16, 16] }, new Uint8Array(32).fill(7))
    const before = (folder: string) => writeFile(join(folder, 'key.json'), key)
    const { stderr } = await undiffuse(['watermark', 'detect', noise, '--key', 'key.json'], { before })
    expect(stderr).toContain('a key of `·[2J·]0;pwned·EVIL`')
    expect(stderr).not.toMatch(/(?!\n)\p{Cc}/u)
  })

  it('a reader of stdout that has gone ends it without a word', async () => {
    const words = ['invert', input('picture.png'), ...quick, '--json']
    const { code, stderr } = await undiffuse(words, { meanwhile: (child) => child.stdout?.destroy() })
    expect({ code, stderr }).toEqual({ code: 141, stderr: '' })
  })

  it.runIf(existsSync('/dev/full'))('a full disk behind stdout is said', () => {
    const main = fileURLToPath(new URL('../../dist/apps/cli/main.js', import.meta.url))
    const shell = `"${process.execPath}" "${main}" models --json > /dev/full`
    expect(() => execFileSync('sh', ['-c', shell], { stdio: 'pipe' })).toThrow(/stdout.*no space left/)
  })
})
