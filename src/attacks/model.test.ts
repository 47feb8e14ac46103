/** Attacks by a model, in a world that is known in closed form. With the bundled model: test/attacks.test.ts. */
import { expect, it } from 'vitest'
import { analyticImageShape, analyticModel } from '../../test/laws/analytic-model.js'
import { torchNoise } from '../math/noise.js'
import { dot, map, norm, type Tensor } from '../math/tensor.js'
import { autoencoderOf } from '../model/views.js'
import { pictureTools } from '../node/picture-tools.js'
import { psnrDb, round8 } from '../pictures/pixels.js'
import { type Attack, attackPicture, parseAttacks, regenerateAttack, vaeAttack } from './index.js'
import { randomOf } from './parts/attack.js'

const pictureOf = (seed: number) => round8(map(torchNoise(seed, analyticImageShape), (value) => 0.3 * value))
const attacked = async (image: Tensor, attack: Attack, seed = 1, { model } = analyticModel()): Promise<Tensor> =>
  await attackPicture(image, attack, { pictures: pictureTools, model, seed })

it('goes through the autoencoder, as often as it is told', async () => {
  const autoencoder = autoencoderOf(analyticModel().model)
  const image = pictureOf(1)
  const through = async (x: Tensor) => round8(await autoencoder.decode(await autoencoder.encode(x)))
  expect(await attacked(image, vaeAttack())).toEqual(await through(image))
  expect(await attacked(image, vaeAttack({ repeats: 2 }))).toEqual(await through(await through(image)))
})

it('asks the network once for each step', async () => {
  const world = analyticModel()
  await attacked(pictureOf(1), regenerateAttack({ steps: 7, repeats: 3 }), 1, world)
  expect(world.asked()).toEqual({ estimates: 21, runs: 21 })
})

it('keeps a little noise near the picture, and at full strength nothing of it', async () => {
  const through = async (seed: number) => await attacked(pictureOf(seed), vaeAttack())
  const regenerated = (seed: number, strength: number) => attacked(pictureOf(seed), regenerateAttack({ strength }))
  // What the autoencoder keeps is a sample of the world only roughly: the model pulls it towards its own.
  expect(psnrDb(await regenerated(1, 0.01), await through(1))).toBeGreaterThan(30)
  // Two pictures, one noise: alpha is 0.068 at the noisiest level.
  expect(psnrDb(await through(1), await through(2))).toBeLessThan(20)
  expect(psnrDb(await regenerated(1, 1), await regenerated(2, 1))).toBeGreaterThan(25)
})

it('does not draw the noise that a picture of the same seed was made from', () => {
  const entries = 4096
  for (const seed of [0, 1, 7, 2 ** 40]) {
    const [theirs, ours] = [torchNoise(seed, [entries]), randomOf({ seed }).noise([entries])]
    // Of independent noise the correlation has deviation 1/64; four of them.
    expect(Math.abs(dot(theirs, ours)) / (norm(theirs) * norm(ours))).toBeLessThan(4 / 64)
  }
})

it('stops between evaluations', async () => {
  const world = analyticModel()
  const controller = new AbortController()
  const options = { pictures: pictureTools, model: world.model, signal: controller.signal }
  const task = attackPicture(pictureOf(1), parseAttacks('jpeg+regenerate:steps=9'), options)
  const reason = new Error('enough')
  const run = async () => {
    for await (const { stage, done } of task) if (stage === 'ddim' && done === 3) controller.abort(reason)
  }
  await expect(run()).rejects.toBe(reason)
  expect(world.asked().runs).toBe(3)
})

it('passes on what the grid says of more steps than times', async () => {
  const hurried = attacked(pictureOf(1), regenerateAttack({ strength: 0.01, steps: 100 }))
  await expect(hurried).rejects.toMatchObject({ code: 'bad-option' })
  await expect(hurried).rejects.toThrow('Use fewer steps.')
})
