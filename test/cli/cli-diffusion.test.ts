/**
 * The command line from prompts to noise and back, on a tiny model with random weights: files, reports, what is exact, and
 * everything that can be wrong with models, prompts, numbers and files. Every failure leaves nothing.
 */
import { type ChildProcess, execFileSync } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeSafetensors, readSafetensorsHeader } from '../../src/checkpoints/safetensors.js'
import { readTensors, safetensor } from '../../src/checkpoints/tensors.js'
import { nmseDb } from '../../src/math/nmse.js'
import { torchNoise } from '../../src/math/noise.js'
import { type Tensor, zeros } from '../../src/math/tensor.js'
import { nodeFiles } from '../../src/node/files.js'
import { makePipeline } from '../../src/node/make-checkpoint.js'
import { textOf } from '../../src/node/png-text.js'
import { type Ended, type StartOptions, undiffuse } from './command-line.js'

/** Latents of the tiny model, and of several as files hold them. */
const latentShape = [4, 8, 8]
const filed = [1, ...latentShape]
/** Steps are solved to 1e-5 of their noise, and files are float32. */
const inversionToleranceDb = -80
/** Steps are solved to 1e-12 of their noise; float32 anywhere on the way would leave −150 at best. */
const wideToleranceDb = -180

let folder: string
const input = (name: string) => join(folder, name)
const prompt = 'a red ball'
/** Few steps and little guidance: random weights are stiff. */
const quick = () => ['--model', input('tiny'), '--steps', '8', '--guidance', '1.5']

const read = (path: string): Promise<Map<string, Tensor>> => readTensors(nodeFiles, path)
const pixels = (path: string): Promise<Buffer> => sharp(path).raw().toBuffer()

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

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'undiffuse-diffusion-'))
  await makePipeline(input('tiny'), 'tiny')
  const made = ['generate', prompt, ...quick(), '--seed', '3', '-o', 'picture.png']
  await succeeded([...made, '--save-noise', 'noise.safetensors', '--save-latent', 'latent.safetensors'], {
    after: (work) => cp(work, folder, { recursive: true }),
  })
  const foreign = encodeSafetensors({ noise: safetensor(zeros([1, 16, 8, 8])) })
  await writeFile(input('foreign.safetensors'), Buffer.concat(foreign))
}, 60_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('undiffuse generate', () => {
  it("draws PyTorch's noise of the seed, and keeps how it was made", async () => {
    const noise = (await read(input('noise.safetensors'))).get('noise')
    expect(noise).toEqual({ shape: filed, data: torchNoise(3, latentShape).data })
    expect((await read(input('latent.safetensors'))).get('latent')?.shape).toEqual(filed)
    const { metadata } = await readSafetensorsHeader(nodeFiles, input('latent.safetensors'))
    const axes = 'pictures,channels,height,width'
    const modelFiles = expect.stringMatching(/^[0-9a-f]{16}$/)
    expect(metadata).toEqual({ axes, model: 'tiny', modelFiles, prompt, guidance: '1.5', steps: '8', seeds: '3' })
  })

  it('cuts a prompt that is too long, as pipelines do, and says what is not read', async () => {
    const words = ['generate', `${'ball '.repeat(14)}never`, '--model', input('tiny'), '--steps', '2', '-o', 'cut.png']
    const { stdout, notes } = await succeeded(words)
    expect(stdout + notes).toMatch(/The prompt is too long and was cut: ".*never" is not read\./)
  })

  it('writes into the picture what it was made from, and never a key or a message', async () => {
    const keygen = ['watermark', 'keygen', '--scheme', 'gaussian-shading:bits=8', '--model', input('tiny')]
    await succeeded([...keygen, '-o', input('mark.json')])
    const words = ['generate', prompt, ...quick(), '--seed', '3', '--watermark', input('mark.json'), '--message', 'a5']
    let texts: Readonly<Record<string, string>> = {}
    await succeeded([...words, '-o', 'new/folder/m.png'], {
      after: async (work) => {
        texts = textOf(await readFile(join(work, 'new/folder/m.png')))
      },
    })
    const { modelIdentity, ...others } = texts
    expect(modelIdentity).toMatch(/^[0-9a-f]{16}$/)
    expect(others).toEqual({ Software: 'undiffuse', model: 'tiny', prompt, guidance: '1.5', steps: '8', seed: '3' })
    const key = JSON.parse(await readFile(input('mark.json'), 'utf8'))
    for (const hidden of [key.secret, key.id, 'gaussian', 'a5'])
      expect(Object.values(others).join()).not.toContain(hidden)
    await succeeded([...words, '--no-recipe', '-o', 'm.png'], {
      after: async (work) => expect(textOf(await readFile(join(work, 'm.png')))).toEqual({}),
    })
  })

  it('`-` is standard output and standard input', async () => {
    const main = fileURLToPath(new URL('../../dist/apps/cli/main.js', import.meta.url))
    const shell = (line: string) =>
      execFileSync('sh', ['-c', line.replaceAll('undiffuse', `"${process.execPath}" "${main}"`)], { cwd: folder })
    const tiny = '--model tiny --steps 4 --guidance 1'
    const piped = shell(`undiffuse generate "${prompt}" ${tiny} -o - | undiffuse attack - --with flip -o - 2>/dev/null`)
    const file = ['--model', input('tiny'), '--steps', '4', '--guidance', '1', '-o', input('piped.png')]
    await succeeded(['generate', prompt, ...file])
    await succeeded(['attack', input('piped.png'), '--with', 'flip', '-o', input('flipped.png')])
    expect(await sharp(piped).raw().toBuffer()).toEqual(await pixels(input('flipped.png')))
    const found = shell(`undiffuse invert - --to latent --model tiny --decoder encoder-only -o - < piped.png`)
    expect(JSON.parse(found.subarray(8, 8 + Number(found.readBigUInt64LE())).toString()).latent.shape[0]).toBe(1)
    expectFailure(
      await undiffuse(['generate', prompt, '--model', input('tiny'), '-o', '-', '--count', '2']),
      2,
      /a folder/,
    )
  })

  it('makes the same picture from a noise file, which knows the rest', async () => {
    const words = ['generate', '--noise', input('noise.safetensors'), '--model', input('tiny'), '-o', 'again.png']
    await succeeded(words, {
      after: async (work) => {
        expect(await pixels(join(work, 'again.png'))).toEqual(await pixels(input('picture.png')))
      },
    })
  })

  it('makes several pictures of the seeds that follow, with a sheet where it is asked for, and tells programs', async () => {
    const words = ['generate', prompt, ...quick(), '--solver', 'dpm-solver-2m', '--size', '24x16', '--count', '2']
    const { stdout, left } = await succeeded([...words, '--seed', '5', '-o', 'a.png', '--sheet', 's.png', '--json'])
    expect(left.toSorted()).toEqual(['work/a-5.png', 'work/a-6.png', 'work/s.png'])
    expect(JSON.parse(stdout)).toMatchObject({
      prompt,
      solver: 'dpm-solver-2m:steps=8',
      steps: 8,
      widthPixels: 24,
      heightPixels: 16,
      pictures: [{ seed: 5 }, { seed: 6 }],
      evaluations: { denoises: 2 * 2 * 8, autoencoder: { decodes: 2 } },
    })
  })
})

describe('undiffuse invert, to the noise', () => {
  it('finds the noise of a latent, with the prompt and solver that its file names', async () => {
    let found = new Map<string, Tensor>()
    let metadata: Readonly<Record<string, string>> = {}
    const given = ['--model', input('tiny'), '-o', 'n.safetensors', '--report', '.', '--json']
    const words = ['invert', input('latent.safetensors'), ...given]
    const { stdout, left } = await succeeded(words, {
      after: async (work) => {
        found = await read(join(work, 'n.safetensors'))
        metadata = (await readSafetensorsHeader(nodeFiles, join(work, 'n.safetensors'))).metadata
        expect(JSON.parse(await readFile(join(work, 'n.report.json'), 'utf8'))).toMatchObject({ to: 'noise' })
      },
    })
    expect(left.toSorted()).toEqual(
      ['report.json', 'residuals.svg', 'safetensors', 'sheet.png'].map((ending) => `work/n.${ending}`),
    )
    expect(nmseDb(found.get('noise')!, (await read(input('noise.safetensors'))).get('noise')!)).toBeLessThan(
      inversionToleranceDb,
    )
    expect(metadata).toMatchObject({ prompt, guidance: '1.5', steps: '8', noiseExact: 'given-latent' })
    const report = JSON.parse(stdout)
    expect(report).toMatchObject({ prompt, guidance: 1.5, solver: 'ddim', sources: [{ convergedSteps: 8 }] })
    expect(report.sources[0].steps).toHaveLength(8)
    const { denoises } = report.sources[0].evaluations
    // Guidance asks twice for each evaluation of a step.
    const asked = report.sources[0].steps.reduce(
      (sum: number, step: { evaluations: number }) => sum + step.evaluations,
      0,
    )
    expect(denoises).toBe(2 * asked)
  })

  it('finds the noise to the last digits where everything was computed and kept in 64 bits', async () => {
    const wide = ['--precision', '64']
    const made = [
      'generate',
      prompt,
      ...quick(),
      ...wide,
      '--save-latent',
      'wide.safetensors',
      '--save-noise',
      'w.safetensors',
    ]
    await succeeded(made, { after: (work) => cp(work, folder, { recursive: true }) })
    const strict = ['--inverter', 'implicit:iteration=anderson,tolerance=1e-12,iterations=60']
    const words = ['invert', input('wide.safetensors'), '--model', input('tiny'), ...wide, ...strict]
    let found = new Map<string, Tensor>()
    await succeeded([...words, '-o', 'n.safetensors', '--json'], {
      after: async (work) => {
        found = await read(join(work, 'n.safetensors'))
      },
    })
    const noise = (await read(input('w.safetensors'))).get('noise')!
    expect(nmseDb(found.get('noise')!, noise)).toBeLessThan(wideToleranceDb)
  })

  it("keeps a solver's memory with the latent, and is exact given both", async () => {
    const made = ['generate', prompt, ...quick(), '--solver', 'bdia', '--save-latent', 'with-memory.safetensors']
    await succeeded(made, { after: (work) => cp(work, folder, { recursive: true }) })
    const words = ['invert', input('with-memory.safetensors'), '--model', input('tiny'), '--json']
    const [found] = JSON.parse((await succeeded(words)).stdout).sources
    expect(found).toMatchObject({ noise: { exact: 'given-memory' }, evaluations: { denoises: 2 * 8 } })
  })

  it('finds latent and noise of pictures, several at once, and says what each is exact given', async () => {
    const pictures = [input('picture.png'), input('picture.png')]
    const words = [
      'invert',
      ...pictures,
      ...quick(),
      '--prompt',
      prompt,
      '--decoder',
      'accelerated:iterations=2',
      '--report',
      'r',
    ]
    let found = new Map<string, Tensor>()
    let metadata: Readonly<Record<string, string>> = {}
    const { stdout } = await succeeded([...words, '-o', 'both.safetensors'], {
      after: async (work) => {
        found = await read(join(work, 'both.safetensors'))
        metadata = (await readSafetensorsHeader(nodeFiles, join(work, 'both.safetensors'))).metadata
      },
    })
    for (const name of ['latent', 'noise']) expect(found.get(name)?.shape).toEqual([2, ...latentShape])
    expect(metadata).toMatchObject({ latentExact: 'no,no', inverter: 'automatic', steps: '8' })
    for (const words of ['PSNR', 'residual at most', 'a step', 'overhead', 'both.residuals.svg']) {
      expect(stdout).toContain(words)
    }
  })

  it('refines the noise of a picture, and tells the floor of its error with the cost of both', async () => {
    const few = ['--model', input('tiny'), '--steps', '2', '--guidance', '1', '--prompt', prompt]
    const finding = ['--refine', 'most-probable:rounds=1,products=2', '--floor', 'whole']
    const asked = [...finding, '--decoder', 'encoder-only', '--report', '.']
    // The whole floor takes a product for each number of the latent.
    await sharp(input('picture.png')).resize(8, 8).toFile(input('small.png'))
    const { stdout, notes } = await succeeded(['invert', input('small.png'), ...few, ...asked], {
      after: async (work) => {
        const [source] = JSON.parse(await readFile(join(work, 'small.report.json'), 'utf8')).sources
        const { refinement, floor, evaluations } = source
        expect(refinement.objectiveAfter).toBeLessThan(refinement.objectiveBefore)
        expect(evaluations.pushforwards).toBeGreaterThan(0)
        expect(floor).toMatchObject({ probes: 'whole' })
        expect(floor.nmseDb).toBeLessThan(0)
      },
    })
    expect(notes).toMatch(/at most \d+ evaluations[\s\S]*floor takes about \d+/)
    expect(stdout).toMatch(/objective \d+ → \d+/)
  })

  it('refines pictures only, through solvers that have a derivative', async () => {
    const refine = ['--model', input('tiny'), '--refine', 'most-probable']
    expectFailure(
      await undiffuse(['invert', input('latent.safetensors'), ...refine]),
      2,
      /a picture for `most-probable`/,
    )
    const inside = ['invert', input('picture.png'), ...refine, '--solver', 'edict', '--steps', '4']
    expectFailure(await undiffuse(inside), 6, /`most-probable`, got `edict`. `edict` asks the network inside/)
    expectFailure(await undiffuse([...inside, '--floor']), 6, /`--floor`, got `edict`/)
  })

  it('says that naive inversion solves nothing, and draws no chart of it', async () => {
    const given = ['--model', input('tiny'), '--inverter', 'naive', '--report', '.']
    const words = ['invert', input('latent.safetensors'), ...given]
    const { stdout, left } = await succeeded(words)
    expect(stdout).toMatch(/8 exhausted; residual not known[\s\S]*not exact/)
    expect(left.toSorted()).toEqual(
      ['report.json', 'safetensors', 'sheet.png'].map((ending) => `work/latent.noise.${ending}`),
    )
  })
})

describe('undiffuse roundtrip', () => {
  it('from a seed: all 8-bit values come back given the latent, and the picture alone is told apart', async () => {
    const words = ['roundtrip', '--prompt', prompt, ...quick(), '--seed', '3', '--decoder', 'accelerated:iterations=2']
    const { stdout, left } = await succeeded([...words, '--report', '.', '--json'], {
      after: async (work) => {
        expect(await pixels(join(work, 'roundtrip.again.png'))).toEqual(await pixels(input('picture.png')))
      },
    })
    expect(left).toHaveLength(6)
    const [latent, picture] = JSON.parse(stdout).legs
    expect(latent).toMatchObject({ given: 'latent', again: { equalValuesShare: 1 }, noise: { exact: 'given-latent' } })
    expect(latent.noiseNmseDb).toBeLessThan(inversionToleranceDb)
    expect(picture).toMatchObject({ given: 'picture', latent: { exact: 'no' } })
    expect(picture.noiseNmseDb).toBeGreaterThan(latent.noiseNmseDb)
  })

  it('from a picture, by a solver that undoes itself given its memory', async () => {
    const words = ['roundtrip', input('picture.png'), ...quick(), '--prompt', prompt, '--solver', 'bdia']
    const { stdout } = await succeeded([...words, '--decoder', 'encoder-only'])
    expect(stdout).toMatch(/picture alone[\s\S]*not exact[\s\S]*latent → noise[\s\S]*memory[\s\S]*100\.00 %/)
  })
})

it('undiffuse checkpoint make writes a model that runs, and nothing over another', async () => {
  await succeeded(['checkpoint', 'make', '--like', 'tiny', '--random-weights', 'made', '--dtype', 'float16'], {
    after: (work) => cp(join(work, 'made'), input('made'), { recursive: true }),
  })
  await succeeded(['generate', prompt, '--model', input('made'), '--steps', '2'])
  const again = ['checkpoint', 'make', '--like', 'tiny', '--random-weights', input('made')]
  expectFailure(await undiffuse(again), 2, /new or empty folder/)
})

describe.concurrent('help', () => {
  it.each([
    [['generate', '--help'], /--save-noise[\s\S]*Example/],
    [['roundtrip', '--help'], /--seed[\s\S]*--inverter[\s\S]*Example/],
    [['checkpoint', 'make', '--help'], /--random-weights[\s\S]*Example/],
  ])('%j', async (words, said) => {
    expect((await succeeded(words)).stdout).toMatch(said)
  })
})

describe.concurrent('models that are not what they say', () => {
  /** The tiny model with one file edited, or gone. */
  const spoilt = (file: string, edit?: (text: string) => string): StartOptions => ({
    before: async (work) => {
      const path = join(work, 'model', file)
      await cp(input('tiny'), join(work, 'model'), { recursive: true })
      if (edit) await writeFile(path, edit(await readFile(path, 'utf8')))
      else await rm(path)
    },
  })
  const scheduler = 'scheduler/scheduler_config.json'

  it.each([
    ['an unknown scheduler', spoilt(scheduler, (text) => text.replace('DDIMS', 'Fancy')), 5, /DDIMScheduler.*Fancy/],
    ['an unknown prediction', spoilt(scheduler, (text) => text.replace('"epsilon"', '"score"')), 5, /epsilon.*score/],
    ['no merges', spoilt('tokenizer/merges.txt'), 5, /merges\.txt.*no such file/],
    ['no vocabulary', spoilt('tokenizer/vocab.json'), 5, /vocab\.json.*no such file/],
    ['no weights', spoilt('unet/diffusion_pytorch_model.safetensors'), 5, /unet/],
    [
      'another width',
      spoilt('unet/config.json', (text) => text.replace(/("cross_attention_dim": )\d+/, '$132')),
      5,
      /32/,
    ],
  ])('%s', async (_, options, code, said) => {
    expectFailure(await undiffuse(['generate', prompt, '--model', 'model', '--steps', '2'], options), code, said)
  })
})

describe('a folder whose scheduler ends at sigma = 0', () => {
  const euler = {
    _class_name: 'EulerDiscreteScheduler',
    beta_schedule: 'scaled_linear',
    beta_start: 0.00085,
    beta_end: 0.012,
  }
  const withEuler = (more: StartOptions = {}): StartOptions => ({
    ...more,
    before: async (work) => {
      await cp(input('tiny'), join(work, 'model'), { recursive: true })
      await writeFile(join(work, 'model', 'scheduler', 'scheduler_config.json'), JSON.stringify(euler))
    },
  })
  const model = ['--model', 'model', '--steps', '8', '--guidance', '1.5']
  const undoable = ['--solver', 'scheduler:end=cleanest']

  it('is said before anything is made that is to be undone, with the solver to pass', async () => {
    const said = /`roundtrip`, got `euler`.*`--solver scheduler:end=cleanest`/
    expectFailure(await undiffuse(['roundtrip', '--prompt', prompt, ...model], withEuler()), 6, said)
    const named = ['roundtrip', '--prompt', prompt, ...model, '--solver', 'euler']
    expectFailure(await undiffuse(named, withEuler()), 6, /`--solver euler:spread=levels,end=cleanest`/)
  })

  it('can be undone on the grid that is offered, which files remember', async () => {
    await succeeded(['generate', prompt, ...model, ...undoable, '-o', 'x.png', '--save-latent', 'z.safetensors'], {
      ...withEuler({
        after: async (work) => {
          const { metadata } = await readSafetensorsHeader(nodeFiles, join(work, 'z.safetensors'))
          expect(metadata).toMatchObject({ solver: 'scheduler:end=cleanest', steps: '8' })
        },
      }),
    })
    await succeeded(['roundtrip', '--prompt', prompt, ...model, ...undoable, '--decoder', 'encoder-only'], withEuler())
  })
})

describe.concurrent('bad command lines', () => {
  const tiny = () => ['--model', input('tiny')]
  it.each([
    [() => ['generate', ...tiny()], 2, /a prompt/],
    [() => ['generate', 'ball '.repeat(25_000), ...tiny()], 2, /at most 100000 characters/],
    [() => ['generate', prompt, ...tiny(), '--guidance', 'NaN'], 2, /finite number.*guidance/],
    [() => ['generate', prompt, ...tiny(), '--steps', '0'], 2, /at least 1/],
    [() => ['generate', prompt, ...tiny(), '--steps', '10001'], 2, /at most .*10001/],
    [() => ['generate', prompt, ...tiny(), '--solver', 'ddim:steps=10001'], 2, /from 1 to 10000.*10001/],
    [() => ['generate', prompt, ...tiny(), '--solver', 'ddim:steps=5', '--steps', '6'], 2, /once.*ddim:steps/],
    [() => ['generate', prompt, ...tiny(), '--solver', 'dim'], 2, /Did you mean `ddim`/],
    [() => ['generate', prompt, ...tiny(), '--size', '0x8'], 2, /128 or 192x128/],
    [() => ['generate', prompt, ...tiny(), '--size', '17'], 3, /multiples of/],
    [() => ['generate', prompt, ...tiny(), '-o', 'a.jpg'], 2, /ends in \.png/],
    [() => ['generate', prompt, ...tiny(), '-o', input('picture.png/a.png')], 9, /not a folder/],
    [() => ['generate', prompt, ...tiny(), '--noise', input('foreign.safetensors')], 3, /4 channels.*16×8×8/],
    [
      () => ['generate', prompt, ...tiny(), '--noise', input('picture.png')],
      5,
      /a \.safetensors or \.npy file with a noise for `picture\.png`, got a PNG picture/,
    ],
    [
      () => ['generate', ...tiny(), '--noise', input('latent.safetensors')],
      2,
      /a tensor `noise`.*got `latent`. Invert the latent to its noise first/,
    ],
    [() => ['generate', prompt, ...tiny(), '--noise', input('noise.safetensors'), '--seed', '1'], 2, /--seed/],
    [() => ['invert', input('picture.png'), ...tiny(), '--inverter', 'reversible'], 6, /ddim.*implicit/],
    [() => ['invert', input('latent.safetensors'), ...tiny(), '--solver', 'ddim:end=zero'], 6, /sigma = 0.*cleanest/],
    [() => ['invert', input('latent.safetensors'), input('picture.png'), ...tiny()], 2, /some of each/],
    [() => ['invert', input('picture.png'), ...tiny(), '--to', 'latent', '--prompt', prompt], 2, /--to noise/],
    [() => ['invert', input('picture.png'), ...tiny(), '--to', 'latent', '--precision', '64'], 2, /--precision 64/],
    [() => ['roundtrip', ...tiny()], 2, /a prompt/],
    [() => ['roundtrip', input('picture.png'), ...tiny(), '--seed', '1'], 2, /a picture or a seed/],
  ] as const)('%#', async (words, code, said) => {
    expectFailure(await undiffuse(words()), code, said)
  })

  it.each([
    [['roundtrip', 'a.sheet.png', '--prompt', prompt, '--report', '.'], /`--report`, got .*which is `the picture` too/],
    [['invert', '.', '-o', 'a.safetensors', '--report', '.'], /`sheet`, got .*which is `a source` too/],
    [
      ['invert', '.', '--to', 'latent', '-o', 'a.safetensors', '--report', '.'],
      /`sheet`, got .*which is `a picture` too/,
    ],
  ] as const)('writes nothing over a picture: %j', async (words, said) => {
    const before = (work: string) => cp(input('picture.png'), join(work, 'a.sheet.png'))
    const after = async (work: string) => {
      expect(await readFile(join(work, 'a.sheet.png'))).toEqual(await readFile(input('picture.png')))
    }
    expectFailure(await undiffuse([...words, ...tiny()], { before, after }), 2, said)
  })
})

describe('Ctrl-C', () => {
  /** Waits until a child of the process is under way: the one that runs the networks. */
  async function networksRun({ pid }: ChildProcess): Promise<void> {
    const children = `/proc/${pid}/task/${pid}/children`
    for (let i = 0; i < 400 && (await readFile(children, 'utf8').catch(() => '')) === ''; i++) await setTimeout(25)
  }
  /** The promise is one second; a machine that runs other tests gets another one. */
  const longestMilliseconds = 2000

  it.each([
    [['generate', prompt, '--count', '2000']],
    [['invert', 'latent.safetensors', '--steps', '900', '--inverter', 'implicit:iteration=forward-step,tolerance=0']],
  ])('in the middle of %j leaves nothing', async (words) => {
    let sent = 0
    const interrupt: StartOptions['meanwhile'] = async (child) => {
      await networksRun(child)
      await setTimeout(1500)
      sent = performance.now()
      child.kill('SIGINT')
    }
    const all = words.map((word) => (word === 'latent.safetensors' ? input(word) : word))
    const ended = await undiffuse([...all, '--model', input('tiny')], { meanwhile: interrupt })
    expect(performance.now() - sent).toBeLessThan(longestMilliseconds)
    expectFailure(ended, 130, /interrupted/)
  })

  it('in the second row of `compare` keeps the files of the first, and says so', async () => {
    const noises = input('noises')
    const slow = 'implicit:iteration=forward-step,tolerance=0'
    const words = ['compare', prompt, '--inverters', 'naive', slow, '--solvers', 'ddim', '--steps', '50', '-o', noises]
    const written = () => readdir(noises).catch(() => [])
    const interrupt: StartOptions['meanwhile'] = async (child) => {
      for (let i = 0; i < 1000 && (await written()).length < 3; i++) await setTimeout(25)
      child.kill('SIGINT')
    }
    const ended = await undiffuse([...words, '--model', input('tiny')], { meanwhile: interrupt })
    expectFailure(ended, 130, /interrupted; these files are whole and were kept: .*noise\.safetensors.*from-picture/)
    expect((await written()).filter((name) => !name.endsWith('.safetensors'))).toEqual([])
    for (const name of await written()) expect((await read(join(noises, name))).has('noise')).toBe(true)
  })
})
