/**
 * The examples of docstrings run, in a world whose answers are known: an analytic denoiser and autoencoder. What an
 * example says it gives, behind `//`, is what it gives. Examples of files, models and runtimes are in docs.test.ts.
 */
import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ModuleKind, ScriptTarget, transpileModule } from 'typescript'
import { describe, expect, it } from 'vitest'
import * as attacking from '../../src/attacks/index.js'
import * as autoencoders from '../../src/autoencoder/index.js'
import * as coalescing from '../../src/core/coalesce.js'
import * as defining from '../../src/core/define.js'
import * as natures from '../../src/core/file-nature.js'
import * as members from '../../src/core/members.js'
import * as near from '../../src/core/nearest.js'
import * as optionNames from '../../src/core/option-names.js'
import * as progressing from '../../src/core/progress.js'
import * as relaying from '../../src/core/relay.js'
import { Task } from '../../src/core/task.js'
import * as side from '../../src/core/together.js'
import * as denoisers from '../../src/diffusion/denoiser.js'
import * as mixes from '../../src/diffusion/guidance-mix.js'
import * as baselines from '../../src/diffusion/guided-editing/index.js'
import * as diffusions from '../../src/diffusion/index.js'
import * as inversions from '../../src/diffusion/inverters/index.js'
import * as nearness from '../../src/diffusion/nearly-inverse.js'
import * as undoings from '../../src/diffusion/undoing.js'
import * as editing from '../../src/edit/index.js'
import * as iterations from '../../src/iterations/index.js'
import * as factors from '../../src/math/cholesky.js'
import * as eigen from '../../src/math/eigen.js'
import * as fourier from '../../src/math/fft.js'
import * as halves from '../../src/math/half.js'
import * as maths from '../../src/math/index.js'
import * as twister from '../../src/math/mersenne-twister.js'
import * as noises from '../../src/math/noise.js'
import * as statistics from '../../src/math/statistics.js'
import * as contract from '../../src/model/index.js'
import { pictureTools } from '../../src/node/picture-tools.js'
import * as pictures from '../../src/pictures/index.js'
import * as planes from '../../src/pictures/planes.js'
import * as restoring from '../../src/restorations/index.js'
import { generate } from '../../src/verbs/generate.js'
import { invert } from '../../src/verbs/invert.js'
import * as verbs from '../../src/verbs/side-by-side.js'
import * as marking from '../../src/watermark/index.js'
import * as detecting from '../../src/watermark/reading/detect.js'
import * as directions from '../../src/watermark/schemes/parts/direction.js'
import * as distances from '../../src/watermark/schemes/parts/distance.js'
import * as parity from '../../src/watermark/schemes/parts/parity-code.js'
import * as signs from '../../src/watermark/schemes/parts/signs.js'
import * as spectra from '../../src/watermark/schemes/parts/spectrum.js'
import { analyticAutoencoder, latentShape, pictureModel } from '../laws/analytic-autoencoder.js'
import { analyticModel, editableModel, editedPrompts } from '../laws/analytic-model.js'
import { guidedWorld, mixtureDenoiser, shape, unconditionalMixture } from '../laws/analytic-world.js'
import { linear } from '../laws/problems.js'

const { ddim, sample, variancePreserving, betas } = diffusions
const root = fileURLToPath(new URL('../..', import.meta.url))
const floors = [
  'src/math',
  'src/core',
  'src/pictures',
  'src/iterations',
  'src/autoencoder',
  'src/diffusion',
  'src/attacks',
  'src/restorations',
  'src/watermark',
  'src/edit',
]

interface Example {
  readonly name: string
  readonly code: string
}

async function examplesIn(folder: string): Promise<Example[]> {
  const files = await readdir(join(root, folder), { recursive: true })
  const found: Example[] = []
  for (const file of files.filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts')).sort()) {
    const text = await readFile(join(root, folder, file), 'utf8')
    for (const [comment] of text.matchAll(/\/\*\*[\s\S]*?\*\//g)) {
      const example = comment.slice(0, -2).split('@example')[1]
      if (example === undefined) continue
      const code = example
        .split('\n')
        .map((line) => line.replace(/^\s*\* ?/, ''))
        .join('\n')
        .trim()
      found.push({ name: `${folder}/${file}: ${code.split('\n')[0]}`, code })
    }
  }
  return found
}

const examples = (await Promise.all(floors.map(examplesIn))).flat()

/** What examples speak of without saying where it comes from. */
async function world(): Promise<Record<string, unknown>> {
  const single = analyticAutoencoder(0.2)
  const image = await single.decode(maths.torchNoise(3, latentShape))
  const schedule = variancePreserving(betas('scaled-linear'))
  const noise = maths.torchNoise(5, shape)
  const walked = async (solver: diffusions.Solver) => {
    const diffusion = { grid: solver.grid(schedule), ...guidedWorld(1), schedule }
    const { states } = await new Task(sample(noise, solver, diffusion))
    return { diffusion, states }
  }
  const { diffusion, states } = await walked(ddim({ steps: 10 }))
  const { model } = analyticModel()
  const told = { scheme: 'gaussian-shading:bits=4', model: model.name, latentShape: shape }
  const key = marking.readKey(marking.newKey(told, new Uint8Array(32).fill(7)), 'key.json')
  const mark = marking.treeRing().watermark(marking.secretOf(new Uint8Array(32).fill(7)), [4, 16, 16], 0)
  const bending = async (x: maths.Tensor) => maths.map(x, (value) => Math.cos(value))
  /** An embedding moves the world: x₀ + embedding. */
  const [prompt, empty] = [0.3, 0].map((by) => maths.map(noise, (value) => by * value)) as [maths.Tensor, maths.Tensor]
  const moved = (x: maths.Tensor, level: diffusions.NoiseLevel, embedding: maths.Tensor) =>
    maths.combine([1, x], [-level.alpha, embedding])
  const embedded: baselines.EmbeddedDenoiser = {
    denoise: async (x, level, embedding) =>
      maths.combine([1, await guidedWorld(1).denoise(moved(x, level, embedding), level)], [1, embedding]),
    pullback: async (x, level, embedding, cotangent) => {
      const inner = await guidedWorld(1).pullback(moved(x, level, embedding), level, cotangent)
      return maths.combine([1, cotangent], [-level.alpha, inner])
    },
  }
  const editable = editableModel()
  const made = await generate({ model: editable, prompt: editedPrompts[0], guidance: 1, solver: ddim({ steps: 10 }) })
  return {
    ...maths,
    ...noises,
    ...statistics,
    ...fourier,
    ...halves,
    ...eigen,
    ...factors,
    ...nearness,
    ...twister,
    ...defining,
    ...coalescing,
    ...side,
    ...near,
    ...members,
    ...natures,
    ...optionNames,
    ...progressing,
    ...relaying,
    Task,
    ...iterations,
    ...autoencoders,
    ...denoisers,
    ...diffusions,
    ...mixes,
    ...inversions,
    ...baselines,
    ...pictures,
    ...planes,
    ...undoings,
    ...attacking,
    ...restoring,
    ...detecting,
    ...directions,
    ...distances,
    ...marking,
    ...parity,
    ...signs,
    ...spectra,
    mark,
    key,
    /** Families need more room than the noise of this world has. */
    family: {
      ...{ ...key, messageBits: 0 },
      // biome-ignore lint/correctness/useYield: two members are one piece.
      *identifyInPieces() {
        return { member: 1, score: 3, pValue: 0.1, familyPValue: 0.2, runnerUpScore: 1 }
      },
    },
    pictures: pictureTools,
    model,
    marked: [image],
    unmarked: [image],
    watermarked: image,
    invert,
    ...contract,
    ...verbs,
    ...editing,
    editable,
    picture: made.image,
    source: noise,
    mask: maths.zeros([1, 2, 4]),
    image,
    images: [image, image],
    photo: image,
    plain: pictureModel(single).model,
    autoencoder: single,
    pictureModel: pictureModel(single).model,
    latent: await single.encode(image),
    items: [1, 2],
    first: await single.encode(image),
    second: await single.encode(image),
    meeting: { leave() {}, close() {} },
    call: (i: number) => i,
    work: async function* () {},
    inverter: autoencoders.encoderOnly(),
    signal: undefined,
    bar: { update() {} },
    problem: linear(),
    /** A linear system with a symmetric matrix: 2x = right. */
    apply: async (x: maths.Tensor) => maths.combine([2, x]),
    right: maths.tensor([2], [1, 2]),
    residualAtTheStart: maths.tensor([2], [1, 1]),
    encoded: await single.encode(image),
    again: (await single.roundTrip(await single.encode(image))).latent,
    latents: await Promise.all([1, 2, 3, 4].map(async (seed) => maths.torchNoise(seed, latentShape))),
    cotangent: noise,
    target: maths.tensor([2], [1, 2]),
    beta: 0.5,
    start: maths.tensor([2], [0, 0]),
    g: bending,
    schedule,
    noise,
    noises: [noise],
    latentShape: shape,
    randomBytes: (count: number) => new Uint8Array(randomBytes(count)),
    solver: ddim({ steps: 10 }),
    diffusion: { ...diffusion, denoiser: embedded, prompt, empty },
    embeddings: diffusion.grid.map(() => empty),
    edited: noise,
    clean: states.at(-1)!,
    sampled: states,
    states,
    grid: diffusion.grid,
    network: guidedWorld(1).denoise,
    x: noise,
    level: diffusion.grid[3],
    withPrompt: guidedWorld(1).denoise,
    withEmptyPrompt: mixtureDenoiser(unconditionalMixture).denoise,
    denoise: guidedWorld(1).denoise,
  }
}

/** `expression // value` as a check, where the value is a literal; numbers in comments are rounded. */
const checked = (code: string): string =>
  code
    .split('\n')
    .map((line) => {
      const [, expression, value] = /^(.*\S)\s*\/\/ (-?[\d.]+|'[^']*'|\[[^\]]*\]|\{[^}]*\})$/.exec(line) ?? []
      if (expression === undefined || /^const/.test(expression)) return line
      const [setup, last] = expression.includes('; ') ? expression.split(/; (?=[^;]*$)/) : ['', expression]
      return `${setup}; claim(${last}, ${value})`
    })
    .join('\n')

/** Values in comments have at least three digits. */
const commented = 5e-3

function claim(got: unknown, told: unknown): void {
  if (typeof told === 'number') expect(Math.abs((got as number) - told)).toBeLessThanOrEqual(commented * Math.abs(told))
  else if (ArrayBuffer.isView(got) || Array.isArray(got)) {
    const values = Array.from(got as ArrayLike<number>)
    expect(values.length).toBe((told as number[]).length)
    ;(told as number[]).forEach((value, i) => {
      claim(values[i], value)
    })
  } else if (typeof told === 'object') {
    for (const [key, value] of Object.entries(told as object)) claim((got as Record<string, unknown>)[key], value)
  } else expect(got).toBe(told)
}

const AsyncGenerator = Object.getPrototypeOf(async function* () {}).constructor as new (
  ...source: string[]
) => (...values: unknown[]) => AsyncGenerator<unknown, unknown>

it('finds the examples', () => expect(examples.length).toBeGreaterThanOrEqual(60))

describe('examples of docstrings', async () => {
  const names: Record<string, unknown> = { ...(await world()), claim }
  it.each(examples)('$name', async ({ name, code }) => {
    const declared = [...code.matchAll(/const (?:\{([^}]*)\}|(\w+))/g)].flatMap(([, several, one]) =>
      several ? several.split(',').map((part) => part.split(':').at(-1)!.trim()) : [one!],
    )
    // Edits have a world of their own, where prompts show different things.
    const own = name.startsWith('src/edit') ? { ...names, model: names.editable } : names
    const given = Object.entries(own).filter(([name]) => !declared.includes(name) && /^[A-Za-z]\w*$/.test(name))
    const target = { target: ScriptTarget.ES2022, module: ModuleKind.ESNext }
    const { outputText } = transpileModule(`async function* example() {\n${checked(code)}\n}`, {
      compilerOptions: target,
    })
    const body = outputText.slice(outputText.indexOf('{') + 1, outputText.lastIndexOf('}'))
    const run = new AsyncGenerator(...given.map(([name]) => name), body)(...given.map(([, value]) => value))
    for await (const _ of run);
  })
})
