/**
 * `undiffuse bench watermark --table three-keys`: the experiment of Hong et al., which of three tree-ring keys is in a
 * picture, for each decoder inversion, with their mask and with a centred one. Result only.
 */
import { performance } from 'node:perf_hooks'
import {
  centredDisc,
  type DiffusionModel,
  decoderInverters,
  generate,
  imprintReleased,
  invert,
  inverters,
  latentShapeAt,
  mean,
  nmseDb,
  parse,
  type ReleasedKey,
  type Runtime,
  relay,
  releasedDisc,
  releasedDistance,
  round8,
  type Shape,
  type Signal,
  type Steps,
  sideBySide,
  solvers,
  type Tensor,
  torchGenerator,
} from 'undiffuse'
import { heldOutPrompts } from '../../training/scenes/prompts.js'
import { type Machine, machine } from '../shared/machine.js'
import { inRow } from '../shared/rows.js'

/** Values of the rings, innermost first, in units of the published constant. Source: dec-inv's released script. */
const publishedKeys = [
  [1.2, 0.6, 1.4, 0.8, 0.2, 1.8],
  [1.2, 0.2, 1.2, 1.4, 0.6, 1.4],
  [0.4, 1.4, 1.6, 0.6, 0.8, 1.2],
] as const
const radius = 6
const channel = 0
/** 80 of the plain Fourier transform of noise 64 wide, in units of the orthonormal one. */
const constant = 80 / 64
/** Width of the noise that was published. */
export const publishedSide = 64

export const masks = ['released', 'centred'] as const
export type MaskName = (typeof masks)[number]

export interface ThreeKeysOptions {
  readonly solver: string
  readonly guidance: number
  readonly inverter: string
  readonly decoders: readonly string[]
  /** Each with every key. */
  readonly prompts: number
  readonly chunk: number
  readonly signal?: Signal | undefined
}

/** counts[i][j]: pictures with key i that were taken for key j. */
export type Confusion = readonly (readonly number[])[]

export interface ThreeKeysRow {
  readonly mask: MaskName
  readonly decoder: string
  readonly confusion: Confusion
  readonly accuracy: number
  readonly noiseNmseDb: number
  readonly latentNmseDb: number
  /** Of the whole inversion, for one picture. */
  readonly secondsPerPicture: number
  readonly peakMemoryBytes: number
}

export interface PerfectRecovery {
  readonly mask: MaskName
  readonly latentShape: Shape
  readonly confusion: Confusion
  readonly accuracy: number
}

export interface ThreeKeysResult extends Omit<ThreeKeysOptions, 'signal'> {
  readonly benchmark: 'watermark-three-keys'
  readonly model: string
  readonly machine: Machine
  /** With the very noise that was marked: what the keys themselves allow. */
  readonly perfect: readonly PerfectRecovery[]
  readonly rows: readonly ThreeKeysRow[]
}

const discs = { released: releasedDisc, centred: centredDisc } as const

/** The three published keys on noise of this shape. Throws a RangeError where the mask does not fit. */
export function threeKeys(mask: MaskName, latentShape: Shape): readonly ReleasedKey[] {
  const [height, width] = latentShape.slice(-2)
  if (Math.min(height!, width!) <= 2 * radius) throw new RangeError(`Expected noise wider than ${2 * radius}.`)
  const places = discs[mask](height!, width!, radius)
  const centreRow = mask === 'released' ? height! / 2 - 1 : height! / 2
  return publishedKeys.map((values) => {
    const real = Float64Array.from(places, (place) => {
      const distance = Math.hypot((place % width!) - width! / 2, Math.floor(place / width!) - centreRow)
      return constant * values[Math.max(1, Math.ceil(distance)) - 1]!
    })
    return { channel, places, real, imaginary: new Float64Array(places.length) }
  })
}

/** The key at the smallest released distance. */
function nearest(noise: Tensor, keys: readonly ReleasedKey[]): number {
  const distances = keys.map((key) => releasedDistance(noise, key))
  return distances.indexOf(Math.min(...distances))
}

const accuracyOf = (confusion: Confusion): number => {
  const all = confusion.flat().reduce((sum, count) => sum + count, 0)
  return confusion.reduce((sum, row, i) => sum + row[i]!, 0) / all
}

/** Which key is read from the marked noise itself, `count` noises for each key. */
export function perfectRecovery(mask: MaskName, latentShape: Shape, count: number): PerfectRecovery {
  const keys = threeKeys(mask, latentShape)
  const random = torchGenerator(0)
  const confusion = keys.map((key) => {
    const row = keys.map(() => 0)
    for (let i = 0; i < count; i++) row[nearest(imprintReleased(random.noise(latentShape), key), keys)]!++
    return row
  })
  return { mask, latentShape, confusion, accuracy: accuracyOf(confusion) }
}

/** A model in a process of its own, for its memory; and how to end it. */
export interface FreshModel {
  readonly model: DiffusionModel
  readonly runtime: Runtime
}

/**
 * Marks the noise of every prompt with each key, generates, inverts from the 8-bit picture with the prompt known, and
 * takes the key at the smallest distance.
 *
 * The same noises and prompts for all decoders and masks; each decoder in a process of its own. Cost: 3 × prompts ×
 * masks pictures, made once and inverted by every decoder.
 */
export async function* benchThreeKeys(
  open: () => Promise<FreshModel>,
  { signal, ...options }: ThreeKeysOptions,
): Steps<ThreeKeysResult> {
  const { prompts, chunk, guidance, decoders } = options
  const solver = parse(solvers, options.solver)
  const inverter = parse(inverters, options.inverter)
  const captions = heldOutPrompts(prompts).map(({ prompt }) => prompt)
  const rows: ThreeKeysRow[] = []
  const perfect: PerfectRecovery[] = []
  let name = ''
  const total = masks.length * (decoders.length + 1)
  let done = 0

  for (const mask of masks) {
    const making = await open()
    let made: readonly Made[]
    try {
      const { model } = making
      name = model.name
      const shape = latentShapeAt(model)
      perfect.push(...[[4, publishedSide, publishedSide], shape].map((one) => perfectRecovery(mask, one, 100)))
      const keys = threeKeys(mask, shape)
      const items = captions.flatMap((prompt, p) => keys.map((key, k) => ({ prompt, key, k, seed: p })))
      const generations = yield* relay(
        sideBySide(model, items, chunk, ({ prompt, key, seed }, shared) => {
          const noise = imprintReleased(torchGenerator(seed).noise(shape), key)
          return generate({ model: shared, prompt, noise, guidance, solver, signal })
        }),
        inRow(`${mask} mask`, done, total),
      )
      made = generations.map(({ image, latent, noise }, i) => ({ ...items[i]!, image: round8(image), latent, noise }))
    } finally {
      await making.runtime.close()
    }
    done++
    for (const decoder of decoders) {
      const fresh = await open()
      try {
        const { model, runtime } = fresh
        const keys = threeKeys(mask, latentShapeAt(model))
        const begin = performance.now()
        const found = yield* relay(
          sideBySide(model, made, chunk, ({ image, prompt }, shared) =>
            invert(
              { image },
              { model: shared, prompt, guidance, solver, inverter, decoder: parse(decoderInverters, decoder), signal },
            ),
          ),
          inRow(`${mask} mask, ${decoder}`, done, total),
        )
        const seconds = (performance.now() - begin) / 1000
        const confusion = keys.map(() => keys.map(() => 0))
        found.forEach(({ noise }, i) => {
          confusion[made[i]!.k]![nearest(noise, keys)]!++
        })
        rows.push({
          mask,
          decoder,
          confusion,
          accuracy: accuracyOf(confusion),
          noiseNmseDb: mean(found.map(({ noise }, i) => nmseDb(noise, made[i]!.noise))),
          latentNmseDb: mean(found.map(({ latent }, i) => nmseDb(latent, made[i]!.latent))),
          secondsPerPicture: seconds / made.length,
          peakMemoryBytes: (await runtime.usage()).peakMemoryBytes,
        })
      } finally {
        await fresh.runtime.close()
      }
      done++
    }
  }
  return { benchmark: 'watermark-three-keys', model: name, machine: machine(), ...options, perfect, rows }
}

interface Made {
  readonly prompt: string
  readonly k: number
  readonly image: Tensor
  readonly latent: Tensor
  readonly noise: Tensor
}
