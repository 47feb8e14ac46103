/** Edits of a picture of the bundled model: the claim of exact inversion, and what its attention finds. */
import { beforeAll, describe, expect, it } from 'vitest'
import { accelerated } from '../src/autoencoder/accelerated.js'
import { ddim } from '../src/diffusion/solvers/ddim.js'
import { edit, exactBlending, naiveEdit } from '../src/edit/index.js'
import type { Tensor } from '../src/math/tensor.js'
import { type OpenDiffusionModel, openDiffusionModel } from '../src/models/diffusion-model.js'
import { bundledFile } from '../src/node/bundled.js'
import { nodeFiles } from '../src/node/files.js'
import { likenessOutside } from '../src/pictures/masked.js'
import { round8 } from '../src/pictures/pixels.js'
import { type Generation, generate } from '../src/verbs/generate.js'
import { lastingRuntime } from './lasting-runtime.js'

/** What exact inversion promises of a background, over the oracle that owns the trajectory. */
const overOracle = 1.3
/** Without a mask naive inversion lets all of it go: by an order of magnitude, on every picture that was looked at. */
const far = 5

const [from, to] = ['a large red ball on the right, on blue stripes', 'a large red star on the right, on blue stripes']
/** Gradient steps after it would cost more than all the rest, and are no part of the claim. */
const decoder = accelerated()
const how = { from, to, guidance: 3, solver: ddim({ steps: 20, spacing: 'lambda' }), decoder }
const runtime = lastingRuntime()
let model: OpenDiffusionModel
let made: Generation
let picture: Tensor

beforeAll(async () => {
  model = await openDiffusionModel(nodeFiles, bundledFile('models', 'undiffuse-scenes'), runtime)
  made = await generate({ ...how, model, prompt: from, seed: 7 })
  picture = round8(made.image)
})

describe('a red ball that becomes a star', () => {
  it('keeps its background as the oracle does, from the 8-bit picture alone, and not by naive inversion', async () => {
    const oracle = await edit({ states: made.states }, { ...how, model })
    const mask = oracle.mask!
    const errorOf = ({ image }: { readonly image: Tensor }) => likenessOutside(mask, round8(image), picture)!.nmse
    const exact = await edit({ image: picture }, { ...how, model, mask, method: exactBlending({ dilation: 0 }) })
    const naive = await edit({ image: picture }, { ...how, model, method: naiveEdit() })
    expect(errorOf(exact) / errorOf(oracle)).toBeLessThan(overOracle)
    expect(errorOf(naive) / errorOf(oracle)).toBeGreaterThan(far)
  })

  it('is found by attention: the mask holds what is red, and not a quarter of the picture', async () => {
    const { mask } = await edit({ states: made.states }, { ...how, model, method: exactBlending({ dilation: 0 }) })
    const area = mask!.data.length
    const red = Array.from({ length: area }, (_, i) => made.image.data[i]! > 0.3 && made.image.data[i + 2 * area]! < 0)
    const inside = red.filter((isRed, i) => isRed && mask!.data[i] === 1).length
    const all = red.filter((isRed) => isRed).length
    expect(all).toBeGreaterThan(area / 20)
    // Entries are eight pixels wide: an edge may lie just outside.
    expect(inside / all).toBeGreaterThan(0.9)
    expect(mask!.data.reduce((sum, value) => sum + value, 0)).toBeLessThan(area / 4)
  })
})
