import { describe, expect, it } from 'vitest'
import { analyticModel } from '../../../test/laws/analytic-model.js'
import { shape } from '../../../test/laws/analytic-world.js'
import type { Profile } from '../../autoencoder/profile.js'
import type { UndiffuseError } from '../../core/errors.js'
import { Task } from '../../core/task.js'
import type { Inverter } from '../../diffusion/diffusion.js'
import { implicit } from '../../diffusion/inverters/implicit.js'
import { ddim } from '../../diffusion/solvers/ddim.js'
import { torchGenerator, torchNoise } from '../../math/noise.js'
import { combine, map, zeros } from '../../math/tensor.js'
import { scaledLayout } from '../../model/layout.js'
import { autoencoderOf } from '../../model/views.js'
import { mirrored, quarterTurned } from '../../pictures/motions.js'
import { composeRestorations, type Restoration, undoFlip, undoQuarterTurn } from '../../restorations/index.js'
import { generate } from '../../verbs/generate.js'
import { newKey, readKey, type WatermarkKey } from '../key.js'
import { zeroMessage } from '../watermark.js'
import { calibrationPictures } from './calibration.js'
import { detectAll, findingsIn } from './detect.js'
import { identifyAll } from './identify.js'

const random = torchGenerator(17)
const large = [4, 16, 16]

function keyOf(scheme: string, number: number, more: { latentShape?: readonly number[]; members?: number } = {}) {
  const secret = new Uint8Array(32).fill(number)
  return readKey(newKey({ scheme, model: 'analytic', latentShape: large, ...more }, secret), 'key.json')
}

const marked = (key: WatermarkKey, member = 0) => key.mark(member).imprint(random.noise(large), zeroMessage(key))
const read = (noise: ReturnType<typeof marked>, options: Partial<Parameters<typeof findingsIn>[1]>) =>
  findingsIn(noise, { keys: [], falsePositiveRate: 1e-6, ...options })

describe('a picture of another size', () => {
  const layout = scaledLayout({ name: 'analytic', imageChannels: 3, latentChannels: 4, downscaling: 8, side: 16 })
  const model = { ...analyticModel().model, layout }
  const key = keyOf('ring-id', 1)
  const remedies = async (height: number, width: number, undo?: readonly Restoration[]) => {
    const asked = detectAll([{ image: zeros([3, height, width]) }], { model, solver: ddim(), keys: [{ key }], undo })
    const error = await Promise.resolve(asked).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    return error as UndiffuseError
  }

  it.each([
    ['that no latent has', 110, 110, true],
    ['that another latent has', 96, 96, true],
    ['that is larger', 130, 200, false],
  ])('%s is told with the size of the key, and with what undoes it in code', async (_, height, width, isSmaller) => {
    const error = await remedies(height, width)
    expect(error).toMatchObject({ code: 'bad-shape', expected: 'pictures of 128×128 pixels', subject: `key ${key.id}` })
    expect(error.got).toBe(`${width}×${height} pixels`)
    expect(error.remedy).toContain('`undo: [undoResize()]`')
    expect(error.remedy.includes('`undo: [undoCrop()]`')).toBe(isSmaller)
    // A restoration that brings it to no size of the key does not hide what is wrong.
    expect((await remedies(height, width, [undoFlip()])).expected).toBe('pictures of 128×128 pixels')
  })

  it('of another model is told by the name of the model first', async () => {
    const image = zeros([3, 110, 110])
    const other = { ...model, name: 'another' }
    await expect(detectAll([{ image }], { model: other, solver: ddim(), keys: [{ key }] })).rejects.toMatchObject({
      code: 'bad-option',
    })
  })
})

describe('findings', () => {
  it('tell the mark that is there from those that are not, the surest first', () => {
    const keys = [1, 2, 3].map((number) => keyOf('ring-id', number))
    const findings = read(marked(keys[1]!), { keys: keys.map((key) => ({ key })), falsePositiveRate: 1e-5 })
    expect(findings.map(({ verdict }) => verdict)).toEqual(['marked', 'unmarked', 'unmarked'])
    expect(findings[0]!.key).toBe(keys[1]!.id)
    for (const { pValue, familyPValue } of findings) expect(familyPValue).toBe(Math.min(1, 3 * pValue))
  })

  it('ask a family who it is, and count all of its members', () => {
    const key = keyOf('tree-ring', 4, { members: 20_000 })
    const [finding] = read(marked(key, 777), { keys: [{ key, member: 'all' }] })
    expect(finding).toMatchObject({ member: 777, verdict: 'marked', basis: 'any-picture' })
    expect(finding!.familyPValue).toBeCloseTo(20_000 * finding!.pValue, 12)
  })

  it('decide nothing on a p-value that is only of white noise', () => {
    const key = keyOf('tree-ring:pattern=zeros', 5)
    const [finding] = read(marked(key), { keys: [{ key }] })
    expect(finding).toMatchObject({ basis: 'white-noise', verdict: 'undecided' })
    expect(finding!.pValue).toBeLessThan(1e-6)
  })

  it('name first what the verdict rests on, before smaller p-values that decide nothing', () => {
    const [zeros, shading] = [keyOf('tree-ring:pattern=zeros', 5), keyOf('gaussian-shading', 6)]
    // The first channel keeps its zeros; the message is in the signs of the others.
    const silent = marked(zeros)
    const noise = map(shading.mark().imprint(silent, zeroMessage(shading)), (value, i) =>
      i < 256 ? silent.data[i]! : value,
    )
    const findings = read(noise, { keys: [{ key: zeros }, { key: shading }] })
    expect(findings.map(({ verdict }) => verdict)).toEqual(['marked', 'undecided'])
    expect(findings[0]!.scheme).toBe('gaussian-shading')
    expect(findings[1]!.pValue).toBeLessThan(findings[0]!.pValue)
  })

  it('are undecided at a rate that no picture can reach: words of few signs, asked for many members', () => {
    const key = keyOf('ring-id', 7, { members: 100_000 })
    const at = (falsePositiveRate: number, noise = marked(key, 4711)) =>
      read(noise, { keys: [{ key, member: 'all' }], falsePositiveRate })[0]!
    expect(key.smallestPValue).toBe(2 ** -24)
    expect(at(0.01)).toMatchObject({ member: 4711, verdict: 'marked' })
    expect(at(1e-6)).toMatchObject({ member: 4711, verdict: 'undecided', basis: 'any-picture' })
    const plain = torchNoise(3, large)
    expect(at(1e-6, plain)).toMatchObject({ verdict: 'undecided', because: 'too-few' })
    expect(at(0.01, plain)).toMatchObject({ verdict: 'unmarked' })
  })

  it('claim no smaller p-value than a calibration supports', () => {
    const key = keyOf('tree-ring:pattern=zeros', 5)
    const calibration = { noises: Array.from({ length: 99 }, () => random.noise(large)) }
    const at = (falsePositiveRate: number, noise = marked(key)) =>
      read(noise, { keys: [{ key }], calibration, falsePositiveRate })[0]!
    expect(at(0.02)).toMatchObject({ basis: 'calibration', pValue: 0.01, verdict: 'marked' })
    expect(at(1e-6)).toMatchObject({ pValue: 0.01, verdict: 'undecided' })
    const plain = at(1e-6, torchNoise(123, large))
    expect(plain.pValue).toBeGreaterThan(0.01)
    expect(plain).toMatchObject({ verdict: 'undecided', because: 'too-few' })
    expect(at(0.02, torchNoise(123, large)).verdict).toBe('unmarked')
  })

  it('need as many unmarked pictures as the rate and the marks say', () => {
    const key = keyOf('tree-ring:pattern=zeros', 5)
    const [rate, keys] = [0.05, [{ key }, { key: keyOf('tree-ring:pattern=zeros', 6) }]]
    const needed = calibrationPictures(rate, keys.length)
    expect([needed, calibrationPictures(1e-6)]).toEqual([39, 999_999])
    const verdictWith = (count: number) => {
      const noises = Array.from({ length: count }, () => random.noise(large))
      return read(marked(key), { keys, calibration: { noises }, falsePositiveRate: rate })[0]!.verdict
    }
    expect([verdictWith(needed - 1), verdictWith(needed)]).toEqual(['undecided', 'marked'])
  })
})

describe('detectAll', () => {
  const { model } = analyticModel()
  const solver = ddim({ steps: 10, spacing: 'lambda' })
  // Sixteen numbers hold no more than a few bits of certainty.
  const key = keyOf('gaussian-shading:bits=2', 9, { latentShape: shape })

  it('finds the mark in a picture of a model, through decoder and sampler', async () => {
    const noise = key.mark().imprint(torchNoise(4, shape), 'c')
    const made = await generate({ model, prompt: 'a', guidance: 1, noise, solver })
    const unmarked = await generate({ model, prompt: 'a', guidance: 1, seed: 77, solver })
    const [found, other] = await detectAll([{ image: made.image }, { image: unmarked.image }], {
      model,
      solver,
      prompt: 'a',
      guidance: 1,
      keys: [{ key }],
      falsePositiveRate: 1e-3,
    })
    expect(found!.findings[0]!.reading).toMatchObject({ message: 'c', agreement: 1 })
    expect(found!.findings[0]!.verdict).toBe('marked')
    expect(other!.findings[0]!.verdict).toBe('unmarked')
    expect(found!.inversion.inverter).toBe('automatic')
    // A prompt of the picture's own is a known prompt as well.
    const asked = { model, solver, guidance: 1, keys: [{ key }] }
    const [own] = await detectAll([{ image: made.image, prompt: 'a' }], asked)
    expect(own!.inversion.inverter).toBe('automatic')
  })

  /** A profile that says that gradient steps are worth their time. */
  const profile: Profile = {
    ...{ weights: '00000000', latents: 'a test', latentCount: 1, latentShape: shape, steps: 'fitted', roundTrips: 1 },
    ...{ shares: [[0.5]], pullbacks: 5 },
    expected: { residualNmseDb: -3, encoderNmseDb: -3, fittedNmseDb: [-4], andersonNmseDb: [-4], gradientNmseDb: -9 },
  }

  /** So small a noise has no room for one. */
  const familyOf = (one: WatermarkKey): WatermarkKey => ({
    ...one,
    ...{ members: 2, messageBits: 0 },
    // biome-ignore lint/correctness/useYield: two members are one piece.
    *identifyInPieces() {
      return { member: 0, score: 0, pValue: 1, familyPValue: 1, runnerUpScore: 0 }
    },
  })

  it('takes gradient steps of the decoder only where a prompt is known', async () => {
    const image = await autoencoderOf(model).decode(torchNoise(4, shape))
    const pullbacksOf = async (source: { prompt?: string }) => {
      const [sources, asked] = [[{ image, ...source }], { model: { ...model, profile }, solver, guidance: 1 }]
      const [[detected], [identified]] = [
        await detectAll(sources, { ...asked, keys: [{ key }] }),
        await identifyAll(sources, { ...asked, key: familyOf(key) }),
      ]
      return [detected!, identified!].map(({ inversion }) => inversion.evaluations.autoencoder.pullbacks > 0)
    }
    expect(await pullbacksOf({})).toEqual([false, false])
    expect(await pullbacksOf({ prompt: 'a' })).toEqual([true, true])
  })

  it('says where a key was made for other weights', async () => {
    const image = await autoencoderOf(model).decode(torchNoise(4, shape))
    const [modelFiles, others] = ['0123456789abcdef', 'fedcba9876543210']
    const told = { model: 'analytic', modelFiles, latentShape: shape }
    const own = readKey(newKey({ ...told, scheme: 'gaussian-shading:bits=2' }, new Uint8Array(32).fill(7)), 'key.json')
    for (const [files, otherWeights] of [
      [undefined, undefined],
      [modelFiles, undefined],
      [others, true],
    ] as const) {
      const asked = { model, solver, modelFiles: files }
      const [detected] = await detectAll([{ image }], { ...asked, keys: [{ key: own }, { key }] })
      const ofOwn = detected!.findings.find((finding) => finding.key === own.id)
      const ofOther = detected!.findings.find((finding) => finding.key === key.id)
      expect([ofOwn!.otherWeights, ofOther!.otherWeights]).toEqual([otherWeights, undefined])
      const [identified] = await identifyAll([{ image }], { ...asked, key: familyOf(own) })
      expect(identified!.otherWeights).toBe(otherWeights)
    }
  })

  it('reads everything that a picture may have been, and multiplies p by how many that are', async () => {
    const noise = key.mark().imprint(torchNoise(4, shape), 'c')
    const { image } = await generate({ model, prompt: 'a', guidance: 1, noise, solver })
    const changed = mirrored(image, 'vertical')
    const options = { model, solver, prompt: 'a', guidance: 1, falsePositiveRate: 1e-3, chunk: 2 }
    const undo = [undoQuarterTurn(), undoFlip(), undoFlip({ direction: 'vertical' })]
    const asked = { ...options, keys: [{ key }], undo }
    const [given, found] = await detectAll([{ image }, { image: changed }], asked)
    expect(given!.findings[0]!.undone).toBe(undefined)
    expect(found!.candidates).toBe(6)
    const [finding] = found!.findings
    expect(finding).toMatchObject({ undone: 'mirrored (vertical)', pValue: given!.findings[0]!.pValue })
    expect(finding!.familyPValue).toBeCloseTo(6 * finding!.pValue, 12)
    expect(found!.inversion.noise).toEqual(given!.inversion.noise)
    // As it is, nothing is found.
    const [alone] = await detectAll([{ image: changed }], { ...asked, undo: [] })
    expect(alone!.findings[0]!.pValue).toBeGreaterThan(0.01)
  })

  it('undoes one change after another where restorations are joined, and one alone where they are listed', async () => {
    const noise = key.mark().imprint(torchNoise(4, shape), 'c')
    const { image } = await generate({ model, prompt: 'a', guidance: 1, noise, solver })
    const changed = quarterTurned(mirrored(image, 'horizontal'), 1)
    const options = { model, solver, prompt: 'a', guidance: 1, falsePositiveRate: 1e-3, keys: [{ key }] }
    const detected = async (...undo: ReturnType<typeof undoFlip>[]) =>
      (await detectAll([{ image: changed }], { ...options, undo }))[0]!
    const [listed, joined] = [
      await detected(undoQuarterTurn(), undoFlip()),
      await detected(composeRestorations([undoQuarterTurn(), undoFlip()])),
    ]
    expect(listed).toMatchObject({ candidates: 5, findings: [{ verdict: 'unmarked' }] })
    const undone = 'turned by 270°, mirrored (horizontal)'
    expect(joined).toMatchObject({ candidates: 4, findings: [{ verdict: 'marked', undone }] })
  })

  /** Finds a wrong noise, except where `isRight`, and says that its steps ended so. */
  const mistaken = (
    outcome: 'converged' | 'exhausted',
    isRight: (steps: number) => boolean = () => false,
  ): Inverter => ({
    name: 'mistaken',
    accepts: () => true,
    async *invert(clean, solver, diffusion) {
      const { x, index } = clean
      if (isRight(index)) return yield* implicit().invert(clean, solver, diffusion)
      const [state] = Array.from({ length: index + 1 }, (_, i) => ({ index: i, x: combine([-1, x]), memory: [] }))
      const step = { value: x, residual: 0.5, iterations: 1, evaluations: 1, outcome, history: [0.5] }
      return {
        states: Array.from({ length: index + 1 }, (_, i) => ({ ...state!, index: i })),
        solutions: Array.from({ length: index }, () => step),
      }
    },
  })

  it('reads without the prompt where steps are not solved, pays for it, and concludes nothing from finding nothing', async () => {
    const noise = key.mark().imprint(torchNoise(4, shape), 'c')
    const options = { model, solver, prompt: 'a', guidance: 1, keys: [{ key }], falsePositiveRate: 0.05 }
    const [marked, plain] = [
      await generate({ model, prompt: 'a', guidance: 1, noise, solver }),
      await generate({ model, prompt: 'a', guidance: 1, seed: 77, solver }),
    ]
    const sources = [{ image: marked.image }, { image: plain.image }]
    const [found, other] = await detectAll(sources, { ...options, inverter: mistaken('exhausted') })
    const readWith = 'naive inversion without the prompt'
    expect([found!.candidates, other!.candidates]).toEqual([2, 2])
    expect(found!.findings[0]).toMatchObject({ verdict: 'marked', readWith })
    expect(found!.findings[0]!.familyPValue).toBe(2 * found!.findings[0]!.pValue)
    expect(found!.inversion.decoder).toBeDefined()
    expect(other!.findings[0]).toMatchObject({ verdict: 'undecided', because: 'not-recovered' })
    // What solves its steps is read once, and concludes.
    const [recovered] = await detectAll([{ image: plain.image }], options)
    expect(recovered).toMatchObject({ candidates: 1, findings: [{ verdict: 'unmarked' }] })
  })

  it('reads pictures as made in each of several numbers of steps, and pays for each', async () => {
    const noise = key.mark().imprint(torchNoise(4, shape), 'c')
    const { image } = await generate({ model, prompt: 'a', guidance: 1, noise, solver: ddim({ steps: 3 }) })
    const samplers = [10, 3].map((steps) => ({ model, solver: ddim({ steps }) }))
    const [found] = await detectAll([{ image }], {
      ...{ model, prompt: 'a', guidance: 1, keys: [{ key }], falsePositiveRate: 1e-2, samplers },
      inverter: mistaken('converged', (steps) => steps === 3),
    })
    expect(found!.candidates).toBe(2)
    expect(found!.findings[0]).toMatchObject({ verdict: 'marked', readWith: '3 steps' })
    expect(found!.findings[0]!.familyPValue).toBe(2 * found!.findings[0]!.pValue)
    // The second way starts from the latent that the first has found, and tells what that took.
    expect(found!.inversion.evaluations.autoencoder.encodes).toBe(1)
  })

  it('refuses what can mean nothing before anything runs', async () => {
    const image = await autoencoderOf(model).decode(torchNoise(4, shape))
    const unasked: typeof model = { ...model, ask: () => expect.unreachable('No network runs.') }
    const fails = (more: object, message: RegExp) =>
      expect(new Task(stepsOf(detectAll([{ image }], { model: unasked, keys: [{ key }], ...more })))).rejects.toThrow(
        message,
      )
    await fails({ keys: [] }, /at least one key/)
    await fails({ falsePositiveRate: 0 }, /a rate in \(0, 1\)/)
    await fails({ keys: [{ key: keyOf('prc', 1) }] }, /latents of 4 channels × 16×16/)
    await fails({ model: { ...unasked, name: 'other' } }, /a key of `other`/)
    await fails({ keys: [{ key, member: 3 }] }, /the number 0, its only member/)
    await fails({ guidance: 3 }, /a prompt for `guidance`, got 3 alone/)
    const neither = readKey(
      newKey(
        { scheme: 'tree-ring:pattern=zeros,radius=1', model: 'analytic', latentShape: [4, 16, 16] },
        new Uint8Array(32).fill(7),
      ),
      'k',
    )
    await expect(identifyAll([{ image }], { model: unasked, key: neither })).rejects.toThrow(
      /a family of keys.*`detectAll` says whether the mark is there/,
    )
  })

  it('identifyAll tells the message of a key without a family, as detectAll reads it', async () => {
    const noise = key.mark().imprint(torchNoise(4, shape), 'c')
    const { latent } = await generate({ model, prompt: 'a', guidance: 1, noise, solver })
    const asked = { model, solver, prompt: 'a', guidance: 1 }
    const [[identified], [detected]] = [
      await identifyAll([{ latent }], { ...asked, key }),
      await detectAll([{ latent }], { ...asked, keys: [{ key }] }),
    ]
    const { reading, pValue, familyPValue } = detected!.findings[0]!
    expect(reading.message).toBe('c')
    expect(identified!.identification).toEqual({ by: 'message', message: 'c', pValue, familyPValue })
  })
})

async function* stepsOf<T>(task: Task<T>) {
  for await (const progress of task) yield progress
  return await task
}
