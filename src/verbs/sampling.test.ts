/** What verbs refuse before they compute anything. */
import { describe, expect, it } from 'vitest'
import { analyticModel } from '../../test/laws/analytic-model.js'
import { isUndiffuseError } from '../core/errors.js'
import { edit } from '../edit/edit.js'
import { torchNoise } from '../math/noise.js'
import { zeros } from '../math/tensor.js'
import type { DiffusionModel } from '../model/model.js'
import { generate } from './generate.js'
import { invert } from './invert.js'
import { pictureFloor } from './picture-floor.js'
import { reconstruct } from './reconstruct.js'

const { model } = analyticModel()
const latentShape = model.layout.latentShape(model.layout.picture)
const noise = torchNoise(1, latentShape)

/** Asked anything, it fails: nothing may be computed. */
const asked: DiffusionModel = {
  ...model,
  ask: () => Promise.reject(new Error('asked')),
  condition: () => Promise.reject(new Error('asked')),
}

describe.each([5, null, ['a ball'], { text: 'a ball' }])('a text that is %j', (value) => {
  const wrong = value as unknown as string
  it.each([
    ['generate', 'prompt', () => generate({ model: asked, prompt: wrong, seed: 1 })],
    ['generate', 'negativePrompt', () => generate({ model: asked, prompt: 'x', negativePrompt: wrong, seed: 1 })],
    ['invert', 'prompt', () => invert({ latent: noise }, { model: asked, prompt: wrong })],
    ['invert', 'negativePrompt', () => invert({ latent: noise }, { model: asked, negativePrompt: wrong })],
    ['reconstruct', 'prompt', () => reconstruct(noise, { model: asked, prompt: wrong })],
    ['pictureFloor', 'prompt', () => pictureFloor(noise, { model: asked, prompt: wrong })],
    ['edit', 'from', () => edit({ latent: noise }, { model: asked, from: wrong, to: 'x' })],
    ['edit', 'to', () => edit({ latent: noise }, { model: asked, from: 'x', to: wrong })],
    [
      'edit',
      'negativePrompt',
      () => edit({ latent: noise }, { model: asked, from: 'x', to: 'y', negativePrompt: wrong }),
    ],
  ])('is refused by %s for %s before anything is asked', async (_, name, begin) => {
    await expect(begin()).rejects.toMatchObject({ code: 'bad-option', expected: 'text', subject: `\`${name}\`` })
  })
})

describe('a signal', () => {
  const expired = AbortSignal.timeout(1)
  const aborted = AbortSignal.abort()
  const reason = { why: 'ours' }
  it.each<[string, (signal: AbortSignal) => PromiseLike<unknown>]>([
    ['generate', (signal) => generate({ model, prompt: 'x', signal })],
    ['invert', (signal) => invert({ latent: noise }, { model, signal })],
    ['reconstruct', (signal) => reconstruct(noise, { model, signal })],
    ['edit', (signal) => edit({ latent: noise }, { model, from: 'x', to: 'y', signal })],
  ])('%s throws its own reason, no error of ours, and the model goes on', async (_, call) => {
    await new Promise((resolve) => setTimeout(resolve, 5))
    for (const [signal, name] of [
      [aborted, 'AbortError'],
      [expired, 'TimeoutError'],
    ] as const) {
      const error = await Promise.resolve(call(signal)).catch((thrown: unknown) => thrown)
      expect(error).toBe(signal.reason)
      expect(error).toBeInstanceOf(DOMException)
      expect({ name: (error as Error).name, isOurs: isUndiffuseError(error) }).toEqual({ name, isOurs: false })
    }
    const own = await Promise.resolve(call(AbortSignal.abort(reason))).catch((thrown: unknown) => thrown)
    expect(own).toBe(reason)
    await call(new AbortController().signal)
  })
})

it('an empty prompt is none, and a missing one is refused before anything is asked', async () => {
  const none = { model, noise: zeros(latentShape) }
  expect((await generate({ ...none, prompt: '' })).prompt).toBe('')
  const begun = generate({ ...none, model: asked } as never)
  await expect(begun).rejects.toMatchObject({ code: 'bad-option', subject: '`prompt` of `generate`', got: 'none' })
})
