/** Decoder inversion where nothing is trained: the miniatures' weights are random, so that E undoes nothing of D. */
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { automaticDecoder, measureProfile } from '../src/autoencoder/index.js'
import { Task } from '../src/core/index.js'
import { norm, subtract, torchGenerator } from '../src/math/index.js'
import { openAutoencoderNetworks } from '../src/models/open.js'
import { nodeFiles } from '../src/node/files.js'
import { deadLeaves, round8 } from '../src/pictures/index.js'
import { lastingRuntime } from './lasting-runtime.js'
import { openedAutoencoder } from './opened-autoencoder.js'

const runtime = lastingRuntime()
const side = 32

describe.each(['autoencoder-kl', 'autoencoder-tiny'])('%s with random weights', async (name) => {
  const path = fileURLToPath(new URL(`golden/${name}`, import.meta.url))
  const autoencoder = openedAutoencoder(await openAutoencoderNetworks(nodeFiles, path), runtime)
  const latent = torchGenerator(5).noise(autoencoder.model.layout.latentShape([3, side, side]))
  const photograph = round8(deadLeaves(4, side, side))
  const images = { 'its own picture': round8(await autoencoder.decode(latent)), 'a drawn picture': photograph }
  const drawn = await Promise.all([0, 1, 2, 3].map((seed) => autoencoder.encode(deadLeaves(seed, side, side))))
  const profile = await new Task(
    measureProfile(autoencoder, drawn, { weights: 'random', latents: 'of drawn pictures' }),
  )

  it('can be measured', () => {
    expect(profile.shares.flat().every(Number.isFinite)).toBe(true)
    expect(Number.isFinite(profile.expected.encoderNmseDb)).toBe(true)
  })

  const ways = [
    { gradients: 'never', profiled: false },
    { gradients: 'never', profiled: true },
    { gradients: 'always', profiled: false },
    { gradients: 'where-they-pay', profiled: true },
  ] as const
  const cases = Object.entries(images).flatMap(([what, image]) => ways.map((way) => ({ what, image, ...way })))

  it.each(cases)('gives automatic no way to diverge: $what, gradients $gradients, profiled $profiled', async (one) => {
    const { image, gradients, profiled } = one
    const opened = { ...autoencoder, profile: profiled ? profile : undefined }
    const inverter = automaticDecoder({ gradients, pullbacks: 8 })
    const solution = await new Task(inverter.invert(image, opened))
    const distance = async (z: typeof latent) => norm(subtract(await autoencoder.decode(z), image))
    expect(solution.outcome).not.toBe('diverged')
    expect(solution.value.data.every(Number.isFinite)).toBe(true)
    expect(solution.history.every(Number.isFinite)).toBe(true)
    // The same network in another graph rounds otherwise.
    const rounding = 1e-5
    expect(await distance(solution.value)).toBeLessThanOrEqual(
      (1 + rounding) * (await distance(await autoencoder.encode(image))),
    )
  })
})
