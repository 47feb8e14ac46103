import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DiffusionModel, doorOf, type Estimating, map, Task, type Tensor, tensor, zeros } from 'undiffuse'
import { expect, test } from 'vitest'
import { pictureModel } from '../../test/laws/analytic-autoencoder.js'
import { analyticModel } from '../../test/laws/analytic-model.js'
import { mixtureDenoiser } from '../../test/laws/analytic-world.js'
import { heldOutPrompts } from '../../training/scenes/prompts.js'
import { attributes } from '../../training/scenes/reader/network.js'
import type { Reading, SceneReader } from '../../training/scenes/reader/reader.js'
import { fileCells, noCells } from '../shared/cells.js'
import { benchEdit, type EditBenchOptions } from './edit.js'
import { changedScene, renderedEdit, sceneChanges } from './sources.js'
import { editSheet, editText } from './text.js'

const [side, factor] = [128, 8]
const shape = [3, side / factor, side / factor]

/** Means over squares of pixels, and squares of one colour. */
const pooled = (image: Tensor): Tensor => {
  const latent = zeros(shape)
  const width = side / factor
  image.data.forEach((value, i) => {
    const [channel, y, x] = [Math.floor(i / side ** 2), Math.floor(i / side) % side, i % side]
    latent.data[(channel * width + Math.floor(y / factor)) * width + Math.floor(x / factor)]! += value / factor ** 2
  })
  return latent
}
const repeated = (latent: Tensor, more = 0): Tensor => {
  const width = side / factor
  return map(zeros([3, side, side]), (_, i) => {
    const [channel, y, x] = [Math.floor(i / side ** 2), Math.floor(i / side) % side, i % side]
    return latent.data[(channel * width + Math.floor(y / factor)) * width + Math.floor(x / factor)]! + more
  })
}

/** Squares, and a little of all of them everywhere: a mask's inside is seen outside it, as with every decoder. */
const decoded = (latent: Tensor): Tensor =>
  repeated(latent, (0.3 * latent.data.reduce((a, b) => a + b, 0)) / latent.data.length)

/** A world of plain colours: each prompt is one, told by its letters; attention looks at the left. */
function plainModel(): { readonly model: DiffusionModel; asked(): number } {
  let count = 0
  const colourOf = (text: string) => ([...text].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 20) / 60 - 0.17
  const world = (text: string) =>
    mixtureDenoiser([{ weight: 1, mean: map(zeros(shape), () => colourOf(text)), deviation: 0.1 }])
  const { model: pictures } = pictureModel(
    {
      encode: async (image) => pooled(image),
      decode: async (latent) => decoded(latent),
      roundTrip: async (latent) => ({ image: decoded(latent), latent: pooled(decoded(latent)) }),
    },
    { picture: [3, side, side], latent: shape },
  )
  const textOf = ({ condition: { text = '' } }: Estimating) => text
  const door = doorOf('plain', {
    denoise(asks) {
      count += asks.length
      return Promise.all(asks.map((one) => world(textOf(one)).denoise(one.x, one.level)))
    },
    looks: async (asks) => asks.map(() => map(zeros([20, 16, 16]), (_, i) => (i % 16 < 3 ? 0.1 : 0.01))),
    pullback: async (asks) => asks.map(() => tensor([1], [0])),
  })
  const model: DiffusionModel = {
    ...analyticModel().model,
    ...pictures,
    name: 'plain',
    condition: async (text = '') => ({
      text,
      values: { encoder_hidden_states: tensor([1], [0]) },
      words: text.split(' ').map((_, k) => [k]),
    }),
    answers: new Set([...pictures.answers, ...door.answers]),
    ask: (kind, asks, signal) => (door.answers.has(kind) ? door : pictures).ask(kind, asks, signal),
  }
  return { model, asked: () => count }
}

/** Reads the first held-out scene, always: so every colour stays what it was, and none becomes another. */
const reader: SceneReader = {
  async readScene() {
    const { variation: _, ...words } = heldOutPrompts(1)[0]!.scene
    const probability = Object.fromEntries(attributes.map((name) => [name, 1])) as Reading['probability']
    return { ...words, probability, features: new Float64Array(64) }
  },
  sceneFeatures: async () => new Float64Array(64),
  close: async () => {},
}

const options: EditBenchOptions = {
  generated: 2,
  rendered: 2,
  solver: 'ddim:spacing=lambda',
  steps: 4,
  guidance: 2,
  cells: noCells,
  modelVersion: 'v',
}

test('compares every method with the oracle, and goes on from what is kept', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'undiffuse-bench-edit-'))
  try {
    const first = plainModel()
    const cells = await fileCells(folder, { resume: false })
    const { result, examples } = await new Task(benchEdit(first.model, reader, { ...options, cells }))
    const { generated, rendered } = result
    const rowOf = (name: string) => generated!.rows.find((row) => row.name === name)!
    expect(rowOf('oracle').overOracle).toEqual({ ratio: 1, low: 1, high: 1 })
    // From the 8-bit picture alone, as good as the oracle.
    expect(rowOf('exact').overOracle!.ratio).toBeLessThan(1.3)
    expect(rowOf('exact')).toMatchObject({ convergedShare: 1, changed: { right: 0, share: 0 } })
    expect(rowOf('oracle').evaluations).toBe(2 * 4)
    expect(rowOf('naive').evaluations).toBe(2 * 2 * 4)
    expect(rowOf('naive').nmse.mean).toBeGreaterThan(10 * rowOf('oracle').nmse.mean)
    const kept = rendered!.rows.find((row) => row.name === 'the source itself, inverted')!
    const { source, mask } = renderedEdit(0)
    const nearest = repeated(pooled(source))
    let [error, power] = [0, 0]
    source.data.forEach((value, i) => {
      if (mask.data[i % side ** 2] !== 0) return
      error += (nearest.data[i]! - value) ** 2
      power += value ** 2
    })
    // In 8 bits: half a level at most from the numbers here.
    expect(Math.abs(examples.rendered[0]!.results[1]!.measures.background.nmse / (error / power) - 1)).toBeLessThan(
      0.02,
    )
    expect(kept.evaluations).toBe(0)
    // Attention looks at the three left columns of entries, less than a quarter; grown by one, 32 columns of pixels.
    const looked = map(mask, (_, i) => (i % side < 32 ? 1 : 0))
    const both = mask.data.filter((value, i) => value === 1 && looked.data[i] === 1).length
    const any = mask.data.filter((value, i) => value === 1 || looked.data[i] === 1).length
    const byAttention = examples.rendered[0]!.results.find(({ name }) => name === 'exact, mask by attention')!
    expect(byAttention.measures.maskOverlap).toBeCloseTo(both / any, 12)
    expect(editText(result)).toMatch(/exact, guided from the source[\s\S]*the target itself, encoded/)
    expect((await editSheet('sheet', examples.rendered)).length).toBeGreaterThan(1000)

    const second = plainModel()
    const resumed = await fileCells(folder, { resume: true })
    const again = await new Task(benchEdit(second.model, reader, { ...options, cells: resumed }))
    expect(again.result.generated).toEqual(generated)
    expect(again.result.rendered).toEqual(rendered)
    // Sources are made again: two generations and their masks' oracles.
    // Guidance asks two questions.
    expect(second.asked()).toBe(2 * 2 * (4 + 4))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

test('changes one attribute to another word that makes a scene', () => {
  for (const { scene } of heldOutPrompts(30)) {
    for (const change of sceneChanges) {
      for (let turn = 0; turn < 8; turn++) {
        const changed = changedScene(scene, change, turn)
        expect(changed).toEqual({ ...scene, [change]: changed[change] })
        expect(changed[change]).not.toBe(scene[change])
        expect(changed.colour).not.toBe(changed.background)
      }
    }
  }
})

test('the mask of a rendered scene holds every pixel that its object or background changes, shadows aside', () => {
  for (let index = 0; index < sceneChanges.length; index++) {
    const { source, target, mask, change } = renderedEdit(index)
    const apart = (i: number) =>
      Math.max(...[0, 1, 2].map((c) => Math.abs(source.data[c * side ** 2 + i]! - target!.data[c * side ** 2 + i]!)))
    const outside = [...mask.data.keys()].filter((i) => mask.data[i] === 0)
    expect(outside.length).toBeGreaterThan(0)
    // A shadow halves the light at most.
    const limit = change === 'shape' || change === 'size' ? 0.8 : 1e-6
    expect(Math.max(...outside.map(apart)), change).toBeLessThan(limit)
  }
})
