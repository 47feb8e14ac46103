/**
 * What every attack must do: keep the size, give back 8-bit pictures, give the same bytes for the same seed, do more harm
 * when it is told to, none when it is told to do nothing, and stop when asked. A new attack is tested here first.
 */
import { describe, expect, it } from 'vitest'
import { type Attack, attackPicture } from '../../src/attacks/index.js'
import { Task } from '../../src/core/task.js'
import { attacks as attackList } from '../../src/index.js'
import { map, type Tensor, tensor, torchNoise } from '../../src/math/index.js'
import { pictureTools } from '../../src/node/picture-tools.js'
import { byteOf, pixelOf, psnrDb, round8 } from '../../src/pictures/pixels.js'
import { renderScene } from '../../training/scenes/render.js'
import { describeScene } from '../../training/scenes/scene.js'
import { analyticImageShape, analyticModel } from './analytic-model.js'

interface Known {
  /** Whether another seed gives another picture. */
  readonly random: boolean
  /** Options that change nothing. */
  readonly neutral?: Readonly<Record<string, unknown>>
  /** Options from mild to strong. Places are fixed, so that strength alone differs. */
  readonly ladders: readonly (readonly Readonly<Record<string, unknown>>[])[]
}

const each = (name: string, values: readonly number[], others = {}) =>
  values.map((value) => ({ [name]: value, ...others }))
const centred = { position: 'centre', ratio: 1 }

/** By id: an attack that is not here fails. */
const known: Readonly<Record<string, Known>> = {
  none: { random: false, neutral: {}, ladders: [] },
  jpeg: { random: false, ladders: [each('quality', [95, 60, 25, 5]), [{ subsampling: '4:4:4' }, {}]] },
  webp: { random: false, ladders: [each('quality', [95, 60, 25, 5])] },
  resize: {
    random: false,
    neutral: { factor: 1 },
    ladders: [each('factor', [0.5, 0.25, 0.1])],
  },
  blur: { random: false, neutral: { sigma: 0 }, ladders: [each('sigma', [0.5, 1, 2, 4, 8])] },
  noise: { random: true, neutral: { deviation: 0 }, ladders: [each('deviation', [0.02, 0.05, 0.1, 0.3])] },
  brightness: {
    random: false,
    neutral: { factor: 1 },
    ladders: [each('factor', [1.1, 1.5, 2, 4]), each('factor', [0.9, 0.5, 0.2, 0])],
  },
  contrast: {
    random: false,
    neutral: { factor: 1 },
    ladders: [each('factor', [1.1, 1.5, 2, 4]), each('factor', [0.9, 0.5, 0.2, 0])],
  },
  saturation: {
    random: false,
    neutral: { factor: 1 },
    ladders: [each('factor', [1.1, 1.5, 2, 4]), each('factor', [0.9, 0.5, 0.2, 0])],
  },
  crop: { random: true, neutral: { share: 1 }, ladders: [each('share', [0.9, 0.6, 0.3, 0.05], centred)] },
  'crop-resize': {
    random: true,
    neutral: { share: 1, ratio: 1 },
    ladders: [each('share', [0.95, 0.8, 0.5], centred)],
  },
  erase: { random: true, neutral: { share: 0 }, ladders: [each('share', [0.05, 0.2, 0.6, 1], centred)] },
  rotation: {
    random: false,
    neutral: { degrees: 0 },
    ladders: ['nearest', 'linear'].flatMap((filter) => [
      each('degrees', [2, 8, 30], { filter }),
      each('degrees', [-2, -8, -30], { filter }),
    ]),
  },
  flip: { random: false, ladders: [] },
  vae: { random: false, ladders: [] },
  regenerate: { random: true, ladders: [each('strength', [0.05, 0.3, 0.9])] },
}

/** Not square, so that exchanged sides are found. */
const [width, height] = [56, 40]
const { image } = renderScene(describeScene(7), { size: 64, x: 4, y: 12, width, height })
const scene = round8(tensor([3, height, width], image.data))
/** Of the size that the analytic model takes, and within the range of pixels. */
const small = round8(map(torchNoise(3, analyticImageShape), (value) => 0.3 * value))

const { model } = analyticModel()
const pictureFor = ({ needsModel }: Attack): Tensor => (needsModel ? small : scene)
const attacked = async (attack: Attack, seed = 1, image = pictureFor(attack)): Promise<Tensor> =>
  await attackPicture(image, attack, { pictures: pictureTools, model, seed })

const made = attackList.map(({ definition }) => ({ id: definition.id, definition }))

it('knows every attack', () => {
  expect(made.map(({ id }) => id).sort()).toEqual(Object.keys(known).sort())
})

describe.each(made)('$id', ({ id, definition }) => {
  const { random, neutral, ladders } = known[id]!
  const attack = definition.make()

  it('keeps the size and gives 8-bit pixels', async () => {
    const image = pictureFor(attack)
    const { shape, data } = await attacked(attack)
    expect(shape).toEqual(image.shape)
    expect(data.every((value) => value === pixelOf(byteOf(value)))).toBe(true)
    expect(attack.name).toBe(id)
  })

  it('gives the same bytes for the same seed, and leaves what it was given', async () => {
    const image = pictureFor(attack)
    const before = image.data.slice()
    const [first, again] = [await attacked(attack), await attacked(attack)]
    expect(again).toEqual(first)
    expect(image.data).toEqual(before)
  })

  it(random ? 'gives others for another seed' : 'takes no notice of the seed', async () => {
    const [first, other] = [await attacked(attack, 1), await attacked(attack, 2)]
    if (random) expect(other.data).not.toEqual(first.data)
    else expect(other.data).toEqual(first.data)
  })

  it('sees the picture as a file holds it', async () => {
    const image = pictureFor(attack)
    const between = map(image, (value) => value + 0.3 / 255)
    expect(await attacked(attack, 1, between)).toEqual(await attacked(attack, 1, image))
  })

  if (neutral) {
    it('changes nothing where it is told to', async () => {
      const idle = definition.make(neutral)
      expect((await attacked(idle)).data).toEqual(pictureFor(idle).data)
    })
  }

  it.each(ladders)('does more harm the stronger it is: %j …', async (...ladder) => {
    const harm: number[] = []
    for (const options of ladder) {
      const stronger = definition.make(options)
      harm.push(psnrDb(await attacked(stronger), pictureFor(stronger)))
    }
    expect(harm).toEqual(harm.toSorted((a, b) => b - a))
    expect(new Set(harm).size).toBe(harm.length)
  })

  it('stops before it starts, with the reason', async () => {
    const reason = new Error('enough')
    const options = { pictures: pictureTools, model, signal: AbortSignal.abort(reason) }
    await expect(attackPicture(pictureFor(attack), attack, options)).rejects.toBe(reason)
    const steps = attack.apply(pictureFor(attack), { ...options, seed: 1 })
    await expect(new Task(steps)).rejects.toBe(reason)
  })

  it('refuses what is no picture', async () => {
    const grey = tensor([1, 4, 4], new Float64Array(16))
    await expect(attacked(attack, 1, grey)).rejects.toMatchObject({ code: 'bad-shape' })
    const broken = map(pictureFor(attack), (value, i) => (i === 5 ? Number.NaN : value))
    await expect(attacked(attack, 1, broken)).rejects.toMatchObject({ code: 'not-finite' })
  })

  it('refuses a seed that is none', async () => {
    await expect(attacked(attack, -1)).rejects.toMatchObject({ code: 'bad-option' })
    await expect(attacked(attack, 0.5)).rejects.toMatchObject({ code: 'bad-option' })
  })

  if (attack.needsModel) {
    it('says that it needs a model', async () => {
      const alone = attackPicture(small, attack, { pictures: pictureTools })
      await expect(alone).rejects.toMatchObject({ code: 'unsupported' })
      await expect(alone).rejects.toThrow(`for the attack \`${id}\`, got none`)
    })
  }
})
